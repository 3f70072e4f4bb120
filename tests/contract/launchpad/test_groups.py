"""Launchpad groups (L10 to L14, L16), with the wait for their propagation (L17)."""

import pytest
from dataikuapi.launchpad.exceptions import DataikuClientException, DataikuResourceNotFoundException, DataikuResponseException
from dataikuapi.launchpad.group import LaunchpadGroup

drives = pytest.mark.drives


def held(launchpad, name):
    """The stored group of a name."""
    return next((one for one in launchpad.state("/groups").values() if one["name"] == name), None)


@pytest.fixture
def owner(launchpad_client):
    """The email of the space's owner, a user who is there from the start."""
    return next(one.email for one in launchpad_client.list_users() if one.is_owner)


@pytest.fixture
def group(launchpad_client):
    """A group made by the client."""
    group = launchpad_client.build_group("analysts", "They analyse", launchpad_permissions={"mayTurnOnSpace": True})
    group.save()
    return group


@drives("L10", "L12")
def test_a_created_group_is_stored_and_listed(launchpad, launchpad_client, group):
    assert group.id == held(launchpad, "analysts")["id"]
    listed = launchpad_client.get_group("analysts")
    assert (listed.id, listed.description, listed.launchpad_permissions["mayTurnOnSpace"]) == (group.id, "They analyse", True)
    assert "analysts" in [one.name for one in launchpad_client.list_groups()]
    assert launchpad_client.list_groups([]) == []


@drives("L11")
def test_a_group_is_got_by_its_id(launchpad_client, group):
    assert LaunchpadGroup._get_by(launchpad_client, id=group.id).name == "analysts"


@drives("L13")
def test_a_saved_group_has_the_new_members_and_description(launchpad, launchpad_client, group, owner):
    group.add_users([owner])
    group.description = "changed"
    group.save()
    stored = held(launchpad, "analysts")
    assert stored["description"] == "changed"
    assert launchpad_client.get_group("analysts").users == (owner,)
    assert "analysts" in launchpad_client.get_user(owner).groups, "membership has two owners"
    group.remove_users([owner])
    group.save()
    assert launchpad_client.get_group("analysts").users == ()
    assert "analysts" not in launchpad_client.get_user(owner).groups


@drives("L13", "L16")
def test_access_to_nodes_is_granted_edited_and_revoked(launchpad, launchpad_client, group):
    names = {node.name: node.type for node in launchpad_client.list_nodes()}
    govern = [name for name, kind in names.items() if kind == "govern"]
    assert "design-0" in names
    assert govern
    group.update_permissions({"mayCreateProjects": True}, node_name="design-0")
    group.grant_node_access(node_type="govern")
    group.save()
    stored = held(launchpad, "analysts")
    assert stored["dataikuPermissions"]["design-0"]["mayCreateProjects"] is True
    assert set(stored["governPermissions"]) == set(govern)
    assert set(group.accessible_nodes) == {"design-0", *govern}
    group.revoke_node_access(node_name="design-0")
    group.save()
    assert "design-0" not in held(launchpad, "analysts")["dataikuPermissions"]


@drives("L16")
def test_nodes_are_listed_by_type_and_an_unknown_type_is_refused(launchpad_client, group):
    assert {node.type for node in launchpad_client.list_nodes(type="govern")} == {"govern"}
    assert all(node.type != "govern" for node in launchpad_client.list_nodes(type="dataiku"))
    with pytest.raises(DataikuClientException, match="does not exist"):
        group.grant_node_access(node_type="no-such-type")


@drives("L14")
def test_a_deleted_group_is_gone(launchpad, launchpad_client, group):
    group.delete()
    assert held(launchpad, "analysts") is None
    with pytest.raises(DataikuResourceNotFoundException):
        LaunchpadGroup._get_by(launchpad_client, id=group._data["id"])


@drives("L12", "L13", "L14", "L17")
def test_the_client_waits_for_the_propagation_of_group_changes(launchpad, launchpad_client, quick_sleep):
    group = launchpad_client.build_group("analysts")
    for operation, change in (("L12", group.save), ("L13", group.save), ("L14", group.delete)):
        with launchpad.watch() as seen:
            change(wait_for_propagation=True)
        assert seen[0] == operation
        assert "L17" in seen
    assert set(quick_sleep) <= {5}


def test_a_used_name_is_refused(launchpad, launchpad_client, group):
    with pytest.raises(DataikuResponseException):
        launchpad_client.build_group("analysts").save()
    assert len([one for one in launchpad.state("/groups").values() if one["name"] == "analysts"]) == 1


def test_an_unknown_member_fails_before_any_write(launchpad, launchpad_client):
    with pytest.raises(DataikuClientException, match=r"nobody@example\.com"):
        launchpad_client.build_group("analysts", emails=["nobody@example.com"])
    assert launchpad.writes() == 0
