"""Personal API keys (D41 to D47)."""

import dataikuapi
import pytest
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


@pytest.fixture
def as_jane(dss_client):
    """The client, acting as a plain user."""
    user = dss_client.create_user("jdoe", "s3cret-enough", display_name="Jane", groups=["readers"], profile="FULL_DESIGNER")
    return user.get_client_as()


def held(dss, identity):
    """The stored key."""
    return dss.state(f"/personalApiKeys/{identity}")


@drives("D42", "D41")
def test_a_user_creates_and_lists_the_own_keys(dss, dss_client, as_jane):
    created = as_jane.create_personal_api_key(label="laptop", description="mine")
    assert created["key"]
    assert held(dss, created["id"])["user"] == "jdoe"
    dss_client.create_personal_api_key_for_user("admin", label="other")
    items = as_jane.list_personal_api_keys()
    assert [(item.id, item.user, item.label, item.description) for item in items] == [(created["id"], "jdoe", "laptop", "mine")]
    assert items[0].created_on is not None
    assert items[0].created_by == "jdoe"
    own = dataikuapi.DSSClient(dss.url, created["key"])
    assert own.get_auth_info()["authIdentifier"] == "jdoe"


@drives("D43", "D44")
def test_only_label_and_description_of_a_key_change(dss, as_jane):
    key = as_jane.create_personal_api_key(label="laptop", as_type="object")
    definition = as_jane.get_personal_api_key(key.id_).get_definition()
    before = held(dss, key.id_)
    key.set_definition({**definition, "label": "desk", "description": "new", "user": "admin"})
    assert held(dss, key.id_) == {**before, "label": "desk", "description": "new"}
    assert key.get_definition()["label"] == "desk"


@drives("D45")
def test_a_deleted_key_is_gone_and_shuts_the_door(dss, as_jane):
    key = as_jane.create_personal_api_key(label="laptop", as_type="object")
    key.delete()
    assert held(dss, key.id_) is None
    with pytest.raises(DataikuException):
        dataikuapi.DSSClient(dss.url, key.key).get_auth_info()


@drives("D46", "D47")
def test_an_administrator_creates_and_lists_everybodys_keys(dss, dss_client, as_jane):
    key = dss_client.create_personal_api_key_for_user("jdoe", label="given", description="by admin")
    assert held(dss, key.id_)["user"] == "jdoe"
    assert dataikuapi.DSSClient(dss.url, key.key).get_auth_info()["authIdentifier"] == "jdoe"
    as_jane.create_personal_api_key(label="own")
    assert sorted(item.label for item in dss_client.list_all_personal_api_keys() if item.user == "jdoe") == ["given", "own"]
    assert key.get_definition()["label"] == "given", "an administrator reads a key by the path of everybody"
    key.delete()
    assert held(dss, key.id_) is None


def test_a_plain_user_sees_and_makes_no_keys_of_others(dss, as_jane):
    with pytest.raises(DataikuException):
        as_jane.list_all_personal_api_keys()
    with pytest.raises(DataikuException):
        as_jane.create_personal_api_key_for_user("admin", label="stolen")


def test_a_hashed_key_is_not_listed(dss, as_jane):
    dss.switch(hashedKeys=True)
    created = as_jane.create_personal_api_key(label="laptop")
    assert created["key"]
    item = as_jane.list_personal_api_keys()[0]
    assert item.get("key") != created["key"]
    assert item.to_personal_api_key().key != created["key"]
    assert dataikuapi.DSSClient(dss.url, created["key"]).get_auth_info()["authIdentifier"] == "jdoe"


def test_a_disabled_users_key_stops_working(dss, as_jane):
    created = as_jane.create_personal_api_key(label="laptop")
    dss.edit({"users": {"jdoe": {"enabled": False}}})
    with pytest.raises(DataikuException):
        dataikuapi.DSSClient(dss.url, created["key"]).get_auth_info()
