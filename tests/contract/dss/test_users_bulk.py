"""DSS users, many at once (D6 to D8): each has an outcome of its own."""

import pytest
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


def entry(login, **more):
    """One element of a bulk creation."""
    return {"login": login, "password": "s3cret-enough", "displayName": login.title(), "userProfile": "FULL_DESIGNER", **more}


def outcomes(answer):
    """Status by login."""
    return {one["login"]: one["status"] for one in answer}


@drives("D6")
def test_a_bulk_creation_tells_the_outcome_of_each(dss, dss_client):
    dss_client.create_users([entry("ana")])
    answer = dss_client.create_users([entry("bob", groups=None), entry("ana"), entry("cyd", email="cyd@example.com")])
    assert outcomes(answer) == {"bob": "SUCCESS", "ana": "FAILURE", "cyd": "SUCCESS"}
    failed = next(one for one in answer if one["status"] == "FAILURE")
    assert failed["error"]
    assert not any(one["error"] for one in answer if one["status"] == "SUCCESS")
    assert dss.state("/users/bob/sourceType") == "LOCAL"
    assert dss.state("/users/cyd/email") == "cyd@example.com"


@drives("D7")
def test_a_bulk_edit_leaves_absent_keys_alone(dss, dss_client):
    dss_client.create_users([entry("ana", email="ana@example.com", groups=["readers"]), entry("bob")])
    before = dss.state("/users/ana")
    answer = dss_client.edit_users([{"login": "ana", "displayName": "Ana B."}, {"login": "bob", "enabled": False}])
    assert outcomes(answer) == {"ana": "SUCCESS", "bob": "SUCCESS"}
    after = dss.state("/users/ana")
    assert after == {**before, "displayName": "Ana B."}
    assert dss.state("/users/bob/enabled") is False
    assert dss.state("/users/bob/displayName") == "Bob"


@drives("D7")
def test_a_bulk_edit_of_a_stranger_fails_alone(dss, dss_client):
    dss_client.create_users([entry("ana")])
    answer = dss_client.edit_users([{"login": "nobody", "enabled": False}, {"login": "ana", "adminProperties": {"k": "v"}}])
    assert outcomes(answer) == {"nobody": "FAILURE", "ana": "SUCCESS"}
    assert dss.state("/users/ana/adminProperties") == {"k": "v"}
    assert dss.state("/users/nobody") is None


@drives("D8")
def test_a_bulk_deletion_tells_the_outcome_of_each(dss, dss_client):
    dss_client.create_users([entry("ana"), entry("bob")])
    answer = dss_client.delete_users(["ana", "nobody"])
    assert outcomes(answer) == {"ana": "SUCCESS", "nobody": "FAILURE"}
    assert dss.state("/users/ana") is None
    assert dss.state("/users/bob") is not None


def test_a_half_failed_bulk_keeps_the_half_that_succeeded(dss, dss_client):
    dss.fault({"operation": "D6"}, {"kind": "halfFailedBulk"})
    answer = dss_client.create_users([entry(login) for login in ("ana", "bob", "cyd", "dan")])
    assert sorted(outcomes(answer).values()) == ["FAILURE", "FAILURE", "SUCCESS", "SUCCESS"]
    for one in answer:
        assert (dss.state(f"/users/{one['login']}") is not None) == (one["status"] == "SUCCESS")


def test_a_release_before_bulk_calls_refuses_them(dss, dss_client):
    dss.switch(release="14.1.0")
    with pytest.raises(DataikuException):
        dss_client.create_users([entry("ana")])
    assert dss.state("/users/ana") is None
