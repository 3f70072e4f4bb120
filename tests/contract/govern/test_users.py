"""Govern users, one by one and in bulk (G1 to G8)."""

import pytest
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


@pytest.fixture
def jdoe(govern_client):
    """A local user, created by the client."""
    return govern_client.create_user("jdoe", "s3cret-enough", display_name="Jane", profile="FULL_DESIGNER", email="jane@example.com")


def entry(login, **more):
    """One element of a bulk creation."""
    return {"login": login, "password": "s3cret-enough", "displayName": login.title(), "userProfile": "FULL_DESIGNER", **more}


def outcomes(answer):
    """Status by login."""
    return {one["login"]: one["status"] for one in answer}


@drives("G1", "G2")
def test_a_created_user_is_stored_and_listed(govern, govern_client, jdoe):
    assert "jdoe" in [user["login"] for user in govern_client.list_users()]
    assert "jdoe" in [user.login for user in govern_client.list_users(as_objects=True, include_settings=True)]
    stored = govern.state("/users/jdoe")
    assert (stored["displayName"], stored["email"], stored["password"]) == ("Jane", "jane@example.com", "s3cret-enough")


@drives("G3", "G4")
def test_saved_settings_replace_what_was_stored(govern, govern_client, jdoe):
    settings = jdoe.get_settings()
    assert settings.enabled is True
    assert settings.creation_date is not None
    settings.get_raw()["displayName"] = "Jane Roe"
    settings.user_properties["team"] = "x"
    settings.admin_properties["cost"] = "y"
    settings.enabled = False
    settings.save()
    stored = govern.state("/users/jdoe")
    assert (stored["displayName"], stored["enabled"]) == ("Jane Roe", False)
    assert (stored["userProperties"], stored["adminProperties"]) == ({"team": "x"}, {"cost": "y"})
    assert jdoe.get_settings().admin_properties == {"cost": "y"}


@drives("G3", "G4")
@pytest.mark.filterwarnings("ignore:GovernUser.*deprecated:DeprecationWarning")
def test_the_deprecated_definition_calls_do_the_same(govern, jdoe):
    jdoe.set_definition({**jdoe.get_definition(), "displayName": "J. D."})
    assert govern.state("/users/jdoe/displayName") == "J. D."


def test_a_govern_user_has_neither_secrets_nor_preferences_nor_password(jdoe):
    raw = jdoe.get_settings().get_raw()
    assert not {"secrets", "credentials", "preferences", "trialStatus", "password"} & set(raw)


@drives("G5")
def test_a_deleted_user_is_gone(govern, jdoe):
    jdoe.delete()
    assert govern.state("/users/jdoe") is None
    with pytest.raises(DataikuException, match=r"^com\.dataiku\.dip\.server\.controllers\.NotFoundException: "):
        jdoe.get_settings()


@drives("G6", "G7", "G8")
def test_bulk_calls_tell_the_outcome_of_each(govern, govern_client, jdoe):
    created = govern_client.create_users([entry("ana", email="ana@example.com"), entry("jdoe")])
    assert outcomes(created) == {"ana": "SUCCESS", "jdoe": "FAILURE"}
    before = govern.state("/users/ana")
    edited = govern_client.edit_users([{"login": "ana", "displayName": "Ana B."}, {"login": "nobody", "enabled": False}])
    assert outcomes(edited) == {"ana": "SUCCESS", "nobody": "FAILURE"}
    assert govern.state("/users/ana") == {**before, "displayName": "Ana B."}
    deleted = govern_client.delete_users(["ana", "nobody"])
    assert outcomes(deleted) == {"ana": "SUCCESS", "nobody": "FAILURE"}
    assert govern.state("/users/ana") is None
