"""What Govern shows of users, and its groups (G9 to G14, G21 to G27, G40 to G42)."""

import pytest
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


@pytest.fixture
def jdoe(govern, govern_client):
    """A user who is nobody's administrator, in a group without rights."""
    govern_client.create_group("watchers")
    return govern_client.create_user("jdoe", "s3cret-enough", display_name="Jane", groups=["watchers"], profile="FULL_DESIGNER")


@drives("G9", "G10", "G21")
def test_everybody_sees_who_is_there(govern, jdoe):
    as_jane = jdoe.get_client_as()
    seen = {one.login: one for one in as_jane.list_users_info()}
    assert (seen["jdoe"].display_name, seen["jdoe"].email, seen["jdoe"].enabled) == ("Jane", "", True)
    assert as_jane.get_user("jdoe").get_info().groups == seen["jdoe"].groups
    assert sorted(group.name for group in as_jane.list_groups_info()) == sorted(govern.state("/groups"))
    with pytest.raises(DataikuException, match=": "):
        as_jane.list_users()


@drives("G11", "G12")
def test_a_user_keeps_the_own_properties(govern, jdoe):
    own = jdoe.get_client_as().get_own_user().get_settings()
    own.user_properties["team"] = "x"
    own.save()
    assert govern.state("/users/jdoe/userProperties") == {"team": "x"}


@drives("G13", "G14")
def test_an_activity_that_never_was_reads_as_none(govern, govern_client, jdoe):
    activity = jdoe.get_activity()
    assert activity.last_successful_login is None
    assert activity.last_failed_login is None
    assert activity.last_session_activity is None
    assert "jdoe" in [one.login for one in govern_client.list_users_activity()]
    govern.edit({"users": {"jdoe": {"enabled": False}}})
    assert "jdoe" not in [one.login for one in govern_client.list_users_activity(enabled_users_only=True)]


@drives("G22", "G23", "G24", "G25", "G26")
def test_a_group_lives_through_the_client(govern, govern_client):
    group = govern_client.create_group("architects", description="They design")
    assert "architects" in [one["name"] for one in govern_client.list_groups()]
    definition = group.get_definition()
    assert definition["description"] == "They design"
    definition["isGovernArchitect"] = True
    group.set_definition(definition)
    assert govern.state("/groups/architects/isGovernArchitect") is True
    del definition["isGovernArchitect"]
    group.set_definition(definition)
    assert group.get_definition()["isGovernArchitect"] is False
    group.delete()
    assert govern.state("/groups/architects") is None


@drives("G27")
def test_the_authorization_matrix_follows_from_groups(govern, govern_client, jdoe):
    govern.edit({"groups": {"watchers": {"isGovernArchitect": True}}})
    matrix = govern_client.get_authorization_matrix().raw
    assert matrix["perUser"]["isGovernArchitect"][matrix["perUser"]["users"].index("jdoe")] is True
    assert matrix["perGroup"]["isGovernArchitect"][matrix["perGroup"]["groups"].index("watchers")] is True


@drives("G40", "G41", "G42")
def test_the_instance_says_what_it_is(govern_client, jdoe):
    assert govern_client.get_auth_info()["authIdentifier"]
    assert jdoe.get_client_as().get_auth_info()["authIdentifier"] == "jdoe"
    info = govern_client.get_instance_info()
    assert (info.node_type, bool(info.node_id), bool(info.node_name)) == ("GOVERN", True, True)
    assert govern_client.get_licensing_status()["base"]["userProfiles"]
