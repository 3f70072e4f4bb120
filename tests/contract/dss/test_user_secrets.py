"""What a DSS user document hides: secrets and credentials, set through the client's own functions (inside D3, D4, D11, D12)."""

import pytest

drives = pytest.mark.drives


@pytest.fixture
def settings(dss_client):
    """The settings of a local user."""
    return dss_client.create_user("jdoe", "s3cret-enough", display_name="Jane", profile="FULL_DESIGNER").get_settings()


@pytest.fixture
def stored(dss):
    """A part of the stored user, in the clear."""
    return lambda pointer: dss.state(f"/users/jdoe/{pointer}")


def test_a_secret_is_kept_in_the_clear_and_read_back_hidden(dss_client, settings, stored):
    settings.add_secret("token", "clear text")
    settings.save()
    assert [one["value"] for one in stored("secrets")] == ["clear text"]
    read = dss_client.get_user("jdoe").get_settings().get_raw()["secrets"]
    assert [one["name"] for one in read] == ["token"]
    assert read[0]["value"] != "clear text"


def test_an_echoed_secret_stays_what_it_was(dss_client, settings, stored):
    settings.add_secret("token", "clear text")
    settings.save()
    again = dss_client.get_user("jdoe").get_settings()
    again.get_raw()["displayName"] = "Jane Roe"
    again.save()
    assert [one["value"] for one in stored("secrets")] == ["clear text"]


def test_adding_a_secret_again_replaces_it_and_removing_takes_it_away(settings, stored):
    for name, value in (("a", "1"), ("b", "2"), ("a", "3")):
        settings.add_secret(name, value)
    settings.save()
    assert [(one["name"], one["value"]) for one in stored("secrets")] == [("b", "2"), ("a", "3")]
    settings.remove_secret("b")
    settings.save()
    assert [one["name"] for one in stored("secrets")] == ["a"]


def test_a_connection_credential_is_stored_under_the_connection(dss_client, settings, stored):
    settings.set_basic_connection_credential("warehouse", "jane", "pw")
    settings.save()
    assert stored("credentials/warehouse") == {"type": "BASIC", "user": "jane", "password": "pw"}
    read = dss_client.get_user("jdoe").get_settings()
    credential = read.get_raw()["credentials"]["warehouse"]
    assert (credential["type"], credential["user"]) == ("BASIC", "jane")
    assert credential["password"] != "pw"
    read.remove_connection_credential("warehouse")
    read.save()
    assert stored("credentials") == {}


def test_plugin_credentials_have_a_key_of_five_quoted_parts(settings, stored):
    preset = ("myplugin", "my_set", "my_preset", "param")
    settings.set_basic_plugin_credential(*preset, "jane", "pw")
    settings.set_oauth2_plugin_credential("myplugin", "my_set", "é", "param", "refresh")
    settings.save()
    held = stored("credentials")
    assert held['"PLUGIN", "myplugin", "my_set", "my_preset", "param"'] == {"type": "BASIC", "user": "jane", "password": "pw"}
    oauth = held['"PLUGIN", "myplugin", "my_set", "\\u00e9", "param"']
    assert oauth == {"type": "OAUTH_REFRESH_TOKEN", "refreshToken": "refresh"}
    settings.remove_plugin_credential(*preset)
    settings.save()
    assert list(stored("credentials")) == ['"PLUGIN", "myplugin", "my_set", "\\u00e9", "param"']


@drives("D11", "D12")
def test_a_user_keeps_the_own_secrets(dss_client, settings, stored):
    own = dss_client.get_user("jdoe").get_client_as().get_own_user().get_settings()
    own.add_secret("mine", "clear text")
    own.user_properties["team"] = "x"
    own.set_basic_connection_credential("warehouse", "jane", "pw")
    own.save()
    assert [(one["name"], one["value"]) for one in stored("secrets")] == [("mine", "clear text")]
    assert stored("userProperties") == {"team": "x"}
    assert stored("credentials/warehouse/password") == "pw"


@drives("D68")
def test_the_own_secrets_are_read_in_the_clear_at_run_time(dss_client, settings):
    settings.add_secret("token", "clear text")
    settings.save()
    as_jane = dss_client.get_user("jdoe").get_client_as()
    assert as_jane.get_auth_info(with_secrets=True)["secrets"] == [{"key": "token", "value": "clear text"}]
    plain = as_jane.get_auth_info()
    assert plain["authIdentifier"] == "jdoe"
    assert not plain.get("secrets")
