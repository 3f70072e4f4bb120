"""Launchpad users (L6 to L9), with the wait for their propagation (L17)."""

import pytest
from dataikuapi.launchpad.exceptions import DataikuTaskException
from dataikuapi.launchpad.user import LaunchpadUser

drives = pytest.mark.drives


def held(launchpad, email):
    """The stored user of an email."""
    return next((one for one in launchpad.state("/users").values() if one["email"] == email), None)


@pytest.fixture
def jane(launchpad, launchpad_client):
    """A user who accepted an invite."""
    launchpad_client.create_invites([launchpad_client.build_invite("jane@example.com", "reader", ["designers"])])
    launchpad.accept_invite("jane@example.com")
    return launchpad_client.get_user("jane@example.com")


@drives("L6")
def test_users_are_listed_and_searched(launchpad, launchpad_client, jane):
    everybody = launchpad_client.list_users()
    assert sorted(one.email for one in everybody) == sorted(one["email"] for one in launchpad.state("/users").values())
    assert [one.id for one in launchpad_client.list_users(["jane@example.com"])] == [jane.id]
    assert launchpad_client.list_users([]) == []
    assert (jane.is_owner, jane.admin_properties) == (False, {})
    assert jane.created_on.year >= 2025
    assert any(one.is_owner for one in everybody)


@drives("L7")
def test_a_user_is_got_by_the_id(launchpad_client, jane):
    assert LaunchpadUser._get_by(launchpad_client, id=jane.id).email == "jane@example.com"


@drives("L8")
def test_an_updated_user_has_the_new_profile_groups_and_properties(launchpad, launchpad_client, jane):
    jane.set_profile("designer")
    jane.remove_groups(["designers"])
    jane.add_groups(["deployers"])
    jane.set_admin_property("cost", {"centre": 7})
    successes, errors = launchpad_client.update_users([jane])
    assert ([one.id for one in successes], errors) == ([jane.id], [])
    stored = held(launchpad, "jane@example.com")
    assert stored["profile"] == {"name": "designer", "isTrial": False}
    assert stored["adminProperties"] == {"cost": {"centre": 7}}
    again = launchpad_client.get_user("jane@example.com")
    assert (again.groups, again.profile["name"]) == (("deployers",), "designer")


@drives("L9")
def test_a_deleted_user_is_gone_and_a_stranger_is_an_error_item(launchpad, launchpad_client, jane):
    successes, errors = launchpad_client.delete_users(["jane@example.com", "nobody@example.com"])
    assert (len(successes), len(errors)) == (1, 1)
    assert held(launchpad, "jane@example.com") is None
    assert launchpad_client.list_users(["jane@example.com"]) == []


@drives("L8", "L9", "L17")
def test_the_client_waits_for_the_propagation_of_user_changes(launchpad, launchpad_client, jane, quick_sleep):
    jane.set_admin_property("k", "v")
    with launchpad.watch() as seen:
        launchpad_client.update_users([jane], wait_for_propagation=True)
    assert seen[0] == "L8"
    assert seen[1:].count("L17") >= 2, "not ready at first, ready after the clock moved"
    with launchpad.watch() as seen:
        launchpad_client.delete_users(["jane@example.com"], wait_for_propagation=True)
    assert seen[0] == "L9"
    assert "L17" in seen


@drives("L17")
def test_a_failed_task_raises_without_a_message(launchpad, launchpad_client, jane, quick_sleep):
    launchpad.switch(tasks="failing")
    with pytest.raises(DataikuTaskException):
        launchpad_client.update_users([jane], wait_for_propagation=True)


def test_a_running_node_hears_later_but_the_space_knows_at_once(launchpad, launchpad_client, jane):
    jane.set_admin_property("k", "v")
    launchpad_client.update_users([jane])
    assert held(launchpad, "jane@example.com")["adminProperties"] == {"k": "v"}
    assert launchpad_client.get_user("jane@example.com").admin_properties == {"k": "v"}


def test_the_owner_stays(launchpad, launchpad_client):
    owner = next(one for one in launchpad_client.list_users() if one.is_owner)
    successes, errors = launchpad_client.delete_users([owner.email])
    assert (successes, len(errors)) == ([], 1)
    assert held(launchpad, owner.email) is not None
