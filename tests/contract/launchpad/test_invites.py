"""Launchpad invites, and what becomes of them (L1 to L5)."""

import pytest
from dataikuapi.launchpad.exceptions import DataikuBadRequestException, DataikuResourceDoesNotExistException
from dataikuapi.launchpad.user import LaunchpadInvite

drives = pytest.mark.drives


def held(launchpad, email):
    """The stored invite of an email."""
    return next((one for one in launchpad.state("/invites").values() if one["email"] == email), None)


@pytest.fixture
def invite(launchpad_client):
    """An invite sent by the client."""
    invite = launchpad_client.build_invite("jane@example.com", "reader", ["designers"])
    successes, errors = launchpad_client.create_invites([invite])
    assert (len(successes), errors) == (1, [])
    return successes[0]


@drives("L1", "L3")
def test_a_created_invite_is_stored_and_listed(launchpad, launchpad_client, invite):
    stored = held(launchpad, "jane@example.com")
    assert stored["id"] == invite.id
    assert stored["profile"]["name"] == "reader"
    listed = launchpad_client.list_invites()
    assert [one.email for one in listed] == ["jane@example.com"]
    assert listed[0].groups == ("designers",)
    assert listed[0].created_on.year >= 2025
    assert launchpad_client.get_invite("jane@example.com").id == invite.id


@drives("L2")
def test_an_invite_is_got_by_its_id(launchpad_client, invite):
    assert LaunchpadInvite._get_by(launchpad_client, id=invite.id).email == "jane@example.com"


@drives("L4")
def test_an_updated_invite_has_the_new_profile_and_groups(launchpad, launchpad_client, invite):
    read = launchpad_client.get_invite("jane@example.com")
    read.set_profile("designer")
    read.remove_groups(["designers"])
    successes, errors = launchpad_client.update_invites([read])
    assert ([one.id for one in successes], errors) == ([invite.id], [])
    stored = held(launchpad, "jane@example.com")
    assert (stored["profile"]["name"], stored["groups"]) == ("designer", [])


@drives("L5")
def test_a_deleted_invite_is_gone_and_a_stranger_is_an_error_item(launchpad, launchpad_client, invite):
    successes, errors = launchpad_client.delete_invites(["jane@example.com", "nobody@example.com"])
    assert (len(successes), len(errors)) == (1, 1)
    assert held(launchpad, "jane@example.com") is None
    with pytest.raises(DataikuResourceDoesNotExistException):
        launchpad_client.get_invite("jane@example.com")


def test_an_invite_without_groups_asks_for_no_group_at_all(launchpad, launchpad_client):
    with launchpad.watch() as seen:
        invite = launchpad_client.build_invite("kim@example.com", "reader")
    assert seen == ["L10"]
    assert invite.groups == (), "an empty filter must match nothing"


def test_an_unknown_group_fails_before_any_write(launchpad, launchpad_client):
    with pytest.raises(DataikuResourceDoesNotExistException, match="no-such-group"):
        launchpad_client.build_invite("kim@example.com", "reader", ["no-such-group"])
    assert launchpad.writes() == 0


def test_one_of_two_invites_fails_or_both_do(launchpad, launchpad_client, invite):
    def batch():
        return [launchpad_client.build_invite(email, "reader") for email in ("jane@example.com", "kim@example.com")]

    successes, errors = launchpad_client.create_invites(batch(), fail_all_on_error=True)
    assert (successes, len(errors) >= 1) == ([], True)
    assert held(launchpad, "kim@example.com") is None
    successes, errors = launchpad_client.create_invites(batch())
    assert ([one.email for one in successes], len(errors)) == (["kim@example.com"], 1)
    assert held(launchpad, "kim@example.com") is not None


def test_a_malformed_email_is_a_bad_request_with_its_place(launchpad_client):
    with pytest.raises(DataikuBadRequestException) as error:
        launchpad_client.create_invites([launchpad_client.build_invite("not-an-email", "reader")])
    assert error.value.error["0"]["email"], "the client reads the object under `errors.json`"


def test_an_accepted_invite_is_a_user(launchpad, launchpad_client, invite):
    launchpad.accept_invite("jane@example.com")
    assert launchpad_client.list_invites(["jane@example.com"]) == []
    user = launchpad_client.get_user("jane@example.com")
    assert (user.profile["name"], user.groups) == ("reader", ("designers",))


def test_a_half_failed_batch_keeps_the_half_that_succeeded(launchpad, launchpad_client):
    launchpad.fault({"operation": "L3"}, {"kind": "halfFailedBulk"})
    batch = [launchpad_client.build_invite(f"{name}@example.com", "reader") for name in ("a", "b", "c", "d")]
    successes, errors = launchpad_client.create_invites(batch)
    assert (len(successes), len(errors)) == (2, 2)
    assert sorted(one["email"] for one in launchpad.state("/invites").values()) == sorted(one.email for one in successes)
