"""Govern roles and their assignments, and blueprints (G43 to G52, G60)."""

import pytest
from dataikuapi.govern.users_container import GovernUserUsersContainer
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives
BLUEPRINT = "bp.system.business_initiative"


@pytest.fixture
def handler(govern_client):
    """The client's handle on roles and permissions."""
    return govern_client.get_roles_permissions_handler()


@pytest.fixture
def role(handler):
    """A role made by the client."""
    return handler.create_role("pm", {"label": "Project manager", "description": "Leads"})


@pytest.fixture
def unassigned(govern, handler):
    """The blueprint, without any assignment."""
    if BLUEPRINT in [one.get_raw()["blueprintId"] for one in handler.list_role_assignments()]:
        handler.get_role_assignments(BLUEPRINT).delete()


@drives("G43", "G44")
def test_a_created_role_has_the_id_that_the_server_chose(govern, handler, role):
    assert role.role_id == "ro.pm"
    listed = {one.get_raw()["id"]: one.get_raw() for one in handler.list_roles()}
    assert listed["ro.pm"]["label"] == "Project manager"
    assert {"ro.reader", "ro.contributor", "ro.project_manager"} <= set(listed)
    assert govern.state("/roles/ro.pm/description") == "Leads"
    assert "ro.pm" in [one.to_role().role_id for one in handler.list_roles()]


@drives("G45", "G46")
def test_a_saved_role_is_answered_as_stored(govern, handler, role):
    definition = role.get_definition()
    definition.get_raw()["label"] = "PM"
    definition.save()
    assert (definition.get_raw()["id"], definition.get_raw()["label"]) == ("ro.pm", "PM")
    assert govern.state("/roles/ro.pm/label") == "PM"


@drives("G47")
def test_a_deleted_role_is_gone(govern, role):
    role.delete()
    assert govern.state("/roles/ro.pm") is None
    with pytest.raises(DataikuException, match=": "):
        role.get_definition()


def rules(*containers):
    """A rule that gives the role to people and groups."""
    return {"ro.pm": [{"criteria": [], "fieldIds": [], "userContainers": list(containers)}]}


@drives("G48", "G49", "G50")
def test_created_assignments_are_stored_and_listed(govern, handler, role, unassigned):
    assert BLUEPRINT not in [one.get_raw()["blueprintId"] for one in handler.list_role_assignments()]
    jane = GovernUserUsersContainer("jdoe").build()
    created = handler.create_role_assignments({"blueprintId": BLUEPRINT, "roleAssignmentsRules": rules(jane)})
    assert created.blueprint_id == BLUEPRINT
    assert created.get_definition().get_raw()["roleAssignmentsRules"]["ro.pm"][0]["userContainers"] == [jane]
    assert BLUEPRINT in [one.to_blueprint_role_assignments().blueprint_id for one in handler.list_role_assignments()]
    assert govern.state(f"/roleAssignments/{BLUEPRINT}/roleAssignmentsRules") == rules(jane)
    with pytest.raises(DataikuException):
        handler.create_role_assignments({"blueprintId": BLUEPRINT, "roleAssignmentsRules": {}})


@drives("G51", "G52")
def test_saved_assignments_replace_and_deleted_ones_are_gone(govern, handler, role, unassigned):
    handle = handler.create_role_assignments({"blueprintId": BLUEPRINT, "roleAssignmentsRules": {}})
    definition = handle.get_definition()
    assert definition.get_raw()["roleAssignmentsRules"] == {}
    group = {"type": "group", "groupName": "pms"}
    definition.get_raw()["roleAssignmentsRules"] = rules(group)
    definition.save()
    assert definition.get_raw()["blueprintId"] == BLUEPRINT
    assert govern.state(f"/roleAssignments/{BLUEPRINT}/roleAssignmentsRules") == rules(group)
    handle.delete()
    assert govern.state(f"/roleAssignments/{BLUEPRINT}") is None
    with pytest.raises(DataikuException):
        handle.get_definition()


@drives("G60")
def test_blueprints_are_listed_by_the_id_inside(govern_client):
    listed = govern_client.list_blueprints()
    assert BLUEPRINT in [one.get_raw()["blueprint"]["id"] for one in listed]
    assert BLUEPRINT in [one.to_blueprint().blueprint_id for one in listed]


def test_only_an_architect_touches_roles(govern, govern_client):
    user = govern_client.create_user("jdoe", "s3cret-enough", display_name="Jane", profile="FULL_DESIGNER")
    as_jane = user.get_client_as().get_roles_permissions_handler()
    with pytest.raises(DataikuException):
        as_jane.create_role("pm", {"label": "PM"})
    assert govern.state("/roles/ro.pm") is None
