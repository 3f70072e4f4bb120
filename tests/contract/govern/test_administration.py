"""Govern settings, usage, keys and the audit trail (G28 to G36, G61)."""

import dataikuapi
import pytest
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


@drives("G28", "G29")
def test_general_settings_are_saved(govern, govern_client):
    settings = govern_client.get_general_settings()
    settings.get_raw()["security"]["hideErrorStacks"] = True
    settings.save()
    assert govern.state("/generalSettings/security/hideErrorStacks") is True
    assert govern_client.get_general_settings().get_raw()["security"]["hideErrorStacks"] is True


@drives("G30")
def test_the_usage_summary_is_an_object(govern_client):
    assert isinstance(govern_client.get_global_usage_summary().raw, dict)


@drives("G61")
def test_a_custom_entry_is_in_the_audit_trail(govern, govern_client):
    govern_client.log_custom_audit("restart", {"by": "jdoe"})
    entry = govern.state("/auditTrail/0")
    assert (entry["customMsgType"], entry["customMsgParams"]) == ("restart", {"by": "jdoe"})


@drives("G31", "G32", "G33", "G34", "G35")
def test_a_global_key_lives_through_the_client(govern, govern_client):
    key = govern_client.create_global_api_key(label="ci", description="d", admin=True)
    opened = dataikuapi.GovernClient(govern.url, key.key)
    assert opened.list_users()
    item = next(one for one in govern_client.list_global_api_keys() if one.id == key.id_)
    assert (item.label, item.description) == ("ci", "d")
    assert govern_client.get_global_api_key_by_id(key.id_).id_ == key.id_
    definition = key.get_definition()
    definition.label = "cd"
    definition.save()
    assert govern.state(f"/globalApiKeys/{key.id_}/label") == "cd"
    key.delete()
    assert govern.state(f"/globalApiKeys/{key.id_}") is None
    with pytest.raises(DataikuException):
        opened.list_users()


@drives("G32")
def test_a_key_of_groups_has_the_rights_of_the_groups(govern, govern_client):
    key = govern_client.create_global_api_key_with_groups(label="grouped", groups=["administrators"])
    assert govern.state(f"/globalApiKeys/{key.id_}/groups") == ["administrators"]
    assert dataikuapi.GovernClient(govern.url, key.key).list_users()


@drives("G36")
def test_a_key_is_found_by_its_secret(govern_client):
    key = govern_client.create_global_api_key(label="ci")
    assert govern_client.get_global_api_key(key.key).id_ == key.id_
