"""Govern permissions, of a blueprint and by default (G53 to G59)."""

import pytest
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives
BLUEPRINT = "bp.system.dataiku_project"
PERMISSIONS = {"opaque": {"ro.reader": {"read": True}}, "n": 1}


@pytest.fixture
def handler(govern_client):
    """The client's handle on roles and permissions, with the blueprint on the defaults."""
    handler = govern_client.get_roles_permissions_handler()
    if BLUEPRINT in [one.get_raw()["blueprintId"] for one in handler.list_blueprint_permissions()]:
        handler.get_blueprint_permissions(BLUEPRINT).delete()
    return handler


@pytest.fixture
def own(handler):
    """Permissions of the blueprint's own."""
    return handler.create_blueprint_permissions({"blueprintId": BLUEPRINT, "permissions": PERMISSIONS})


@drives("G53", "G54", "G55")
def test_created_permissions_are_stored_as_sent_and_listed(govern, handler, own):
    assert own.blueprint_id == BLUEPRINT
    assert own.get_definition().get_raw()["permissions"] == PERMISSIONS
    assert BLUEPRINT in [one.to_blueprint_permissions().blueprint_id for one in handler.list_blueprint_permissions()]
    assert govern.state(f"/blueprintPermissions/{BLUEPRINT}/permissions") == PERMISSIONS


@drives("G56", "G57")
def test_saved_permissions_replace_and_deleted_ones_fall_back(govern, handler, own):
    definition = own.get_definition()
    definition.get_raw()["permissions"] = {"other": []}
    definition.save()
    assert definition.get_raw()["permissions"] == {"other": []}
    assert govern.state(f"/blueprintPermissions/{BLUEPRINT}/permissions") == {"other": []}
    own.delete()
    assert govern.state(f"/blueprintPermissions/{BLUEPRINT}") is None
    assert BLUEPRINT not in [one.get_raw()["blueprintId"] for one in handler.list_blueprint_permissions()]
    with pytest.raises(DataikuException):
        own.get_definition()


@drives("G58", "G59")
def test_saved_default_permissions_replace_what_was_stored(govern, handler):
    definition = handler.get_default_permissions_definition()
    definition.get_raw()["kept"] = {"x": [1]}
    definition.save()
    assert definition.get_raw()["kept"] == {"x": [1]}
    assert govern.state("/defaultPermissions/kept") == {"x": [1]}
    assert handler.get_default_permissions_definition().get_raw()["kept"] == {"x": [1]}
