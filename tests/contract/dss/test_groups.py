"""DSS groups (D23 to D27)."""

import pytest
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


@drives("D23", "D24")
def test_a_created_group_is_stored_and_listed(dss, dss_client):
    dss_client.create_group("analysts", description="They analyse")
    stored = dss.state("/groups/analysts")
    assert (stored["description"], stored["sourceType"], stored["admin"]) == ("They analyse", "LOCAL", False)
    listed = {group["name"]: group for group in dss_client.list_groups()}
    assert listed["analysts"]["description"] == "They analyse"
    assert set(listed) == set(dss.state("/groups"))


@drives("D25", "D26")
def test_a_saved_definition_replaces_what_was_stored(dss, dss_client):
    group = dss_client.create_group("analysts", source_type="LDAP")
    definition = group.get_definition()
    assert definition["ldapGroupNames"] == []
    definition.update(ldapGroupNames=["cn=analysts"], mayCreateProjects=True, description="New")
    group.set_definition(definition)
    stored = dss.state("/groups/analysts")
    assert (stored["ldapGroupNames"], stored["mayCreateProjects"], stored["description"]) == (["cn=analysts"], True, "New")
    assert group.get_definition()["mayCreateProjects"] is True


@drives("D26")
def test_a_flag_that_a_definition_leaves_out_is_off(dss, dss_client):
    group = dss_client.create_group("analysts")
    definition = group.get_definition()
    assert definition["mayWriteSafeCode"] is True, "new groups may write safe code"
    del definition["mayWriteSafeCode"]
    group.set_definition(definition)
    assert group.get_definition()["mayWriteSafeCode"] is False
    assert dss.state("/groups/analysts/mayWriteSafeCode") is False


@drives("D27")
def test_a_deleted_group_is_gone(dss, dss_client):
    group = dss_client.create_group("analysts")
    group.delete()
    assert dss.state("/groups/analysts") is None
    with pytest.raises(DataikuException, match="NotFoundException"):
        group.get_definition()


def test_a_taken_name_is_refused(dss, dss_client):
    dss_client.create_group("analysts", description="first")
    with pytest.raises(DataikuException, match="ERR_SECURITY_GROUP_EXISTS"):
        dss_client.create_group("analysts", description="second")
    assert dss.state("/groups/analysts/description") == "first"


def test_an_old_release_writes_mappings_as_one_text(dss, dss_client):
    dss.switch(release="12.5.0")
    group = dss_client.create_group("analysts", source_type="LDAP")
    definition = group.get_definition()
    assert definition["ldapGroupNames"] == ""
    definition["ldapGroupNames"] = "a,b"
    group.set_definition(definition)
    assert group.get_definition()["ldapGroupNames"] == "a,b"


def test_a_human_edit_between_read_and_write_is_lost(dss, dss_client):
    group = dss_client.create_group("analysts")
    edit = {"kind": "edit", "when": "after", "patch": {"groups": {"analysts": {"mayCreateProjects": True}}}}
    dss.fault({"operation": "D25"}, edit)
    definition = group.get_definition()
    assert dss.state("/groups/analysts/mayCreateProjects") is True
    definition["description"] = "mine"
    group.set_definition(definition)
    assert dss.state("/groups/analysts/mayCreateProjects") is False, "nothing protects concurrent writers"
