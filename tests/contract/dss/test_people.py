"""What DSS shows of users and groups to everybody, their activity, and the audit trail (D9 to D15, D22, D28, D68 to D72)."""

import dataikuapi
import pytest
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


@pytest.fixture
def jdoe(dss_client):
    """A user who is nobody's administrator."""
    return dss_client.create_user("jdoe", "s3cret-enough", display_name="Jane", groups=["readers"], profile="FULL_DESIGNER")


@drives("D9", "D10")
def test_everybody_sees_who_is_there(dss_client, jdoe):
    as_jane = jdoe.get_client_as()
    seen = {one.login: one for one in as_jane.list_users_info()}
    assert (seen["jdoe"].display_name, seen["jdoe"].groups, seen["jdoe"].enabled) == ("Jane", ["readers"], True)
    assert seen["jdoe"].email == "", "the client reads the email unguarded"
    assert as_jane.get_user("jdoe").get_info().get_raw() == seen["jdoe"].get_raw()


@drives("D22")
def test_everybody_sees_the_names_of_the_groups(dss, dss_client, jdoe):
    names = [group.name for group in jdoe.get_client_as().list_groups_info()]
    assert sorted(names) == sorted(dss.state("/groups"))


def test_only_an_administrator_sees_the_rest(dss_client, jdoe):
    with pytest.raises(DataikuException, match=": "):
        jdoe.get_client_as().list_users()


def test_nobody_acts_as_a_stranger_or_a_disabled_user(dss, dss_client, jdoe):
    with pytest.raises(DataikuException):
        dss_client.get_user("nobody").get_client_as().get_auth_info()
    dss.edit({"users": {"jdoe": {"enabled": False}}})
    with pytest.raises(DataikuException):
        jdoe.get_client_as().get_auth_info()


def test_a_global_key_has_no_own_user(dss_client):
    with pytest.raises(DataikuException):
        dss_client.get_own_user().get_settings()


@drives("D13", "D14")
def test_an_activity_that_never_was_reads_as_none(dss, dss_client, jdoe):
    activity = jdoe.get_activity()
    assert activity.login == "jdoe"
    assert activity.last_successful_login is None
    assert activity.last_failed_login is None
    assert activity.last_session_activity is None
    assert "jdoe" in [one.login for one in dss_client.list_users_activity()]
    dss.edit({"users": {"jdoe": {"enabled": False}}})
    assert "jdoe" not in [one.login for one in dss_client.list_users_activity(enabled_users_only=True)]


@drives("D15")
def test_only_users_whose_trial_ran_out_are_listed(dss, dss_client, jdoe):
    assert dss_client.list_expired_trial_users() == []
    dss.edit({"users": {"jdoe": {"trialStatus": {"exists": True, "expired": True, "valid": False, "expiresOn": 1, "grantedOn": 1}}}})
    assert [user["login"] for user in dss_client.list_expired_trial_users()] == ["jdoe"]


@drives("D28")
def test_the_authorization_matrix_follows_from_groups(dss, dss_client, jdoe):
    dss.edit({"groups": {"readers": {"mayCreateProjects": True}}})
    matrix = dss_client.get_authorization_matrix().raw
    place = matrix["perUser"]["users"].index("jdoe")
    assert matrix["perUser"]["mayCreateProjects"][place] is True
    place = matrix["perGroup"]["groups"].index("readers")
    assert matrix["perGroup"]["mayCreateProjects"][place] is True
    dss.edit({"groups": {"readers": {"mayCreateProjects": False}}})
    matrix = dss_client.get_authorization_matrix().raw
    assert matrix["perUser"]["mayCreateProjects"][matrix["perUser"]["users"].index("jdoe")] is False
    dss.edit({"users": {"jdoe": {"enabled": False}}})
    assert "jdoe" not in dss_client.get_authorization_matrix().raw["perUser"]["users"]


@drives("D68")
def test_a_key_learns_who_it_is(dss_client, jdoe):
    assert dss_client.get_auth_info()["authIdentifier"]
    assert jdoe.get_client_as().get_auth_info()["groups"] == ["readers"]


@drives("D69")
def test_the_instance_says_what_it_is(dss_client):
    info = dss_client.get_instance_info()
    assert info.node_type == "DESIGN"
    assert info.node_id
    assert info.node_name
    assert info.raw["dssVersion"]


@drives("D70")
def test_the_licence_names_the_profiles(dss_client):
    status = dss_client.get_licensing_status()
    assert "FULL_DESIGNER" in status["base"]["userProfiles"]
    assert "FULL_DESIGNER" in status["limits"]["licensedProfiles"]


@drives("D71")
def test_running_jobs_of_all_projects_are_listed(dss, dss_client):
    assert dss_client.list_running_jobs() == []
    dss.edit({"jobs": {"j1": {"projectKey": "PRJ", "initiator": "jdoe", "startTime": 1760000000000}}})
    job = dss_client.list_running_jobs(as_type="objects")[0]
    assert (job.project_key, job.id) == ("PRJ", "j1")
    assert dss_client.list_running_jobs(all_users=False) == []
    dss.switch(runningJobs="nested")
    job = dss_client.list_running_jobs(as_type="objects")[0]
    assert (job.project_key, job.id) == ("PRJ", "j1")


@drives("D72")
def test_a_custom_entry_is_in_the_audit_trail(dss, dss_client):
    dss_client.log_custom_audit("restart", {"by": "jdoe"})
    entry = dss.state("/auditTrail/0")
    assert (entry["customMsgType"], entry["customMsgParams"]) == ("restart", {"by": "jdoe"})


def test_a_key_may_come_as_a_bearer_token(dss):
    bearer = dataikuapi.DSSClient(dss.url, jwt_bearer_token=dss.created["apiKey"])
    assert bearer.get_auth_info()["authIdentifier"]
