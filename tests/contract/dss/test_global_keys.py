"""Global API keys (D35 to D40)."""

import dataikuapi
import pytest
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


def held(dss, key):
    """The stored key, by its handle."""
    return dss.state(f"/globalApiKeys/{key.id_}")


@drives("D36", "D35")
def test_a_created_key_opens_the_door_and_is_listed(dss, dss_client):
    key = dss_client.create_global_api_key(label="ci", description="for the pipeline", admin=True)
    assert key.key
    assert dataikuapi.DSSClient(dss.url, key.key).list_users()
    listed = {item.id: item for item in dss_client.list_global_api_keys()}
    item = listed[key.id_]
    assert (item.label, item.description) == ("ci", "for the pipeline")
    assert item.created_on is not None
    assert held(dss, key)["globalPermissions"]["admin"] is True


@drives("D36")
def test_a_key_of_groups_has_the_rights_of_the_groups(dss, dss_client):
    key = dss_client.create_global_api_key_with_groups(label="grouped", groups=["administrators"])
    assert held(dss, key)["groups"] == ["administrators"]
    assert dataikuapi.DSSClient(dss.url, key.key).list_users()


def test_a_key_that_is_no_administrator_is_kept_out(dss, dss_client):
    key = dss_client.create_global_api_key(label="weak")
    with pytest.raises(DataikuException):
        dataikuapi.DSSClient(dss.url, key.key).list_users()


def test_a_label_may_be_used_twice(dss_client):
    first, second = (dss_client.create_global_api_key(label="same") for _ in range(2))
    assert first.id_ != second.id_


@drives("D37", "D38")
def test_a_saved_definition_replaces_what_was_stored(dss, dss_client):
    key = dss_client.create_global_api_key(label="ci")
    definition = key.get_definition()
    definition.label, definition.description = "cd", "changed"
    definition.groups = ["readers"]
    definition.user_for_impersonation = "admin"
    definition["globalPermissions"]["mayCreateProjects"] = True
    definition.save()
    stored = held(dss, key)
    assert (stored["label"], stored["description"], stored["groups"]) == ("cd", "changed", ["readers"])
    assert stored["dssUserForImpersonation"] == "admin"
    again = key.get_definition()
    assert again["globalPermissions"]["mayCreateProjects"] is True
    assert again.expires_on is None
    key.set_definition({**again, "label": "third"})
    assert held(dss, key)["label"] == "third"


@drives("D37")
def test_a_key_is_got_by_its_id(dss_client):
    key = dss_client.create_global_api_key(label="ci")
    assert dss_client.get_global_api_key_by_id(key.id_).get_definition().id == key.id_


@drives("D39")
def test_a_deleted_key_is_gone_and_shuts_the_door(dss, dss_client):
    key = dss_client.create_global_api_key(label="ci", admin=True)
    key.delete()
    assert held(dss, key) is None
    with pytest.raises(DataikuException):
        dataikuapi.DSSClient(dss.url, key.key).list_users()
    with pytest.raises(DataikuException):
        key.get_definition()


@drives("D40")
def test_a_key_is_found_by_its_secret(dss_client):
    key = dss_client.create_global_api_key(label="ci")
    assert dss_client.get_global_api_key(key.key).id_ == key.id_


def test_hashed_keys_are_shown_in_full_only_when_created(dss, dss_client):
    dss.switch(hashedKeys=True)
    key = dss_client.create_global_api_key(label="ci")
    assert key.key
    item = next(one for one in dss_client.list_global_api_keys() if one.id == key.id_)
    assert item.key != key.key, "the client reads `key` of a listed global key unguarded"
    assert item.to_global_api_key().key != key.key
    assert dss_client.get_global_api_key_by_id(key.id_).key != key.key
    dss.switch(hashedKeys=False)
    clear = dss_client.create_global_api_key(label="old")
    item = next(one for one in dss_client.list_global_api_keys() if one.id == clear.id_)
    assert item.key == clear.key
