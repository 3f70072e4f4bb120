"""DSS users, one by one, as an administrator sees them (D1 to D5)."""

import dataikuapi
import pytest
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


@pytest.fixture
def jdoe(dss_client):
    """A local user, created by the client."""
    return dss_client.create_user(
        "jdoe", "s3cret-enough", display_name="Jane Doe", groups=["data_team"], profile="FULL_DESIGNER", email="jane@example.com"
    )


@drives("D1", "D2")
def test_a_created_user_is_stored_and_listed(dss, dss_client, jdoe):
    listed = {user["login"]: user for user in dss_client.list_users()}
    assert listed["jdoe"]["displayName"] == "Jane Doe"
    assert "data_team" in listed["jdoe"]["groups"]
    stored = dss.state("/users/jdoe")
    assert stored["email"] == "jane@example.com"
    assert stored["userProfile"] == "FULL_DESIGNER"
    assert stored["sourceType"] == "LOCAL"
    assert stored["enabled"] is True
    assert stored["password"] == "s3cret-enough"


@drives("D1")
def test_only_a_list_with_settings_shows_properties(dss_client, jdoe):
    short = next(user for user in dss_client.list_users() if user["login"] == "jdoe")
    full = next(user for user in dss_client.list_users(include_settings=True) if user["login"] == "jdoe")
    assert "adminProperties" not in short
    assert full["adminProperties"] == {}
    assert full["userProperties"] == {}


@drives("D1")
def test_a_list_as_objects_gives_handles(dss_client, jdoe):
    logins = [user.login for user in dss_client.list_users(as_objects=True)]
    assert "jdoe" in logins


@drives("D3")
def test_the_settings_of_a_user_have_all_that_the_client_reads(dss_client, jdoe):
    settings = dss_client.get_user("jdoe").get_settings()
    assert settings.enabled is True
    assert settings.creation_date is not None
    assert settings.user_properties == {}
    assert settings.admin_properties == {}
    assert settings.get_raw()["secrets"] == []
    assert settings.get_raw()["credentials"] == {}
    assert settings.preferences.ui_language == "en"


@drives("D3", "D4")
def test_saved_settings_replace_what_was_stored(dss, dss_client, jdoe):
    settings = dss_client.get_user("jdoe").get_settings()
    raw = settings.get_raw()
    raw["displayName"], raw["email"], raw["groups"] = "Jane Roe", "roe@example.com", ["readers"]
    settings.enabled = False
    settings.user_properties["team"] = "x"
    settings.admin_properties["cost"] = "y"
    settings.preferences.mention_emails = False
    settings.save()
    stored = dss.state("/users/jdoe")
    assert (stored["displayName"], stored["email"], stored["enabled"]) == ("Jane Roe", "roe@example.com", False)
    assert stored["groups"] == ["readers"]
    assert stored["userProperties"] == {"team": "x"}
    assert stored["adminProperties"] == {"cost": "y"}
    assert stored["preferences"]["mentionEmails"] is False
    again = dss_client.get_user("jdoe").get_settings()
    assert again.admin_properties == {"cost": "y"}
    assert again.preferences.mention_emails is False


@drives("D3", "D4")
@pytest.mark.filterwarnings("ignore:DSSUser.*deprecated:DeprecationWarning")
def test_the_deprecated_definition_calls_do_the_same(dss, dss_client, jdoe):
    definition = jdoe.get_definition()
    definition["displayName"] = "J. D."
    jdoe.set_definition(definition)
    assert dss.state("/users/jdoe/displayName") == "J. D."


def test_a_password_never_comes_back(dss, dss_client, jdoe):
    settings = jdoe.get_settings()
    assert "password" not in settings.get_raw()
    assert all("password" not in user for user in dss_client.list_users(include_settings=True))
    settings.save()
    assert dss.state("/users/jdoe/password") == "s3cret-enough", "a save without a password keeps it"
    settings.get_raw()["password"] = "another-one"
    settings.save()
    assert dss.state("/users/jdoe/password") == "another-one"
    assert "password" not in jdoe.get_settings().get_raw()


@drives("D5")
def test_a_deleted_user_is_gone(dss, dss_client, jdoe):
    jdoe.delete()
    assert dss.state("/users/jdoe") is None
    assert "jdoe" not in [user["login"] for user in dss_client.list_users()]
    with pytest.raises(DataikuException, match="NotFoundException"):
        jdoe.get_settings()


def test_nobody_deletes_the_own_user_unless_allowed(dss, dss_client, jdoe):
    dss_client.get_user("jdoe").get_settings()
    dss.edit({"users": {"jdoe": {"groups": ["administrators"]}}})
    as_jane = jdoe.get_client_as()
    with pytest.raises(DataikuException):
        as_jane.get_user("jdoe").delete()
    assert dss.state("/users/jdoe") is not None
    as_jane.get_user("jdoe").delete(allow_self_deletion=True)
    assert dss.state("/users/jdoe") is None


def test_an_error_reads_type_colon_message(dss_client):
    with pytest.raises(DataikuException) as error:
        dss_client.get_user("nobody").get_settings()
    kind, _, message = str(error.value).partition(": ")
    assert kind == "com.dataiku.dip.server.controllers.NotFoundException"
    assert "nobody" in message


def test_a_taken_login_is_refused(dss, dss_client, jdoe):
    with pytest.raises(DataikuException, match="ERR_SECURITY_USER_EXISTS"):
        dss_client.create_user("jdoe", "s3cret-enough", profile="FULL_DESIGNER")
    assert dss.state("/users/jdoe/displayName") == "Jane Doe"


def test_a_short_password_is_refused(dss, dss_client):
    with pytest.raises(DataikuException, match=": "):
        dss_client.create_user("kim", "1234", display_name="Kim", profile="FULL_DESIGNER")
    assert dss.state("/users/kim") is None


def test_a_wrong_key_is_refused(dss, dss_client):
    stranger = dataikuapi.DSSClient(dss.url, "not-a-key")
    with pytest.raises(DataikuException, match=": "):
        stranger.list_users()


@pytest.mark.parametrize("source", ["LDAP", "LOCAL_NO_AUTH", "SAAS", "PAM", "AZURE_AD", "CUSTOM"])
def test_a_user_of_another_source_needs_no_password(dss, dss_client, source):
    dss_client.create_user("ext", None, display_name="Ext", source_type=source, profile="FULL_DESIGNER")
    assert dss.state("/users/ext/sourceType") == source


def test_a_login_with_an_at_sign_and_a_plus_travels_raw(dss, dss_client):
    login = "jane.doe+ops@example.com"
    dss_client.create_user(login, "s3cret-enough", display_name="Jane", profile="FULL_DESIGNER")
    assert dss_client.get_user(login).get_settings().get_raw()["login"] == login
    assert login in dss.state("/users")
