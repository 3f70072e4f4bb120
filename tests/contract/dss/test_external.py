"""Users and groups of a directory: look-up, provisioning, resync (D16 to D21)."""

import pytest

drives = pytest.mark.drives

DIRECTORY = {
    "LDAP": {
        "users": {
            "ana": {"displayName": "Ana", "email": "ana@corp.example", "groups": ["cn=analysts"]},
            "bob": {"displayName": "Bob", "email": "bob@corp.example", "groups": ["cn=ops"]},
        },
        "groups": ["cn=analysts", "cn=ops"],
    }
}


@pytest.fixture
def directory(dss):
    """A directory with two people in two groups, one of which is mapped."""
    dss.edit({"directory": DIRECTORY})
    dss.edit({"groups": {"analysts": {"sourceType": "LDAP", "ldapGroupNames": ["cn=analysts"]}}})


@drives("D19")
def test_the_groups_of_the_directory_are_fetched(dss_client, directory):
    assert sorted(dss_client.start_fetch_external_groups("LDAP").wait_for_result()) == ["cn=analysts", "cn=ops"]


@drives("D20")
def test_the_users_of_the_directory_are_fetched_by_filter(dss_client, directory):
    def logins(**wanted):
        return sorted(user["login"] for user in dss_client.start_fetch_external_users("LDAP", **wanted).wait_for_result())

    assert logins() == ["ana", "bob"]
    assert logins(login="ana") == ["ana"]
    assert logins(email="bob@corp.example") == ["bob"]
    assert logins(group_name="cn=ops") == ["bob"]
    assert logins(login="ana", group_name="cn=ops") == ["ana"], "a login outweighs a group"


@drives("D21")
def test_a_fetched_user_is_provisioned_as_it_came(dss, dss_client, directory):
    found = dss_client.start_fetch_external_users("LDAP", login="ana").wait_for_result()
    dss_client.start_provision_users("LDAP", found).wait_for_result()
    stored = dss.state("/users/ana")
    assert (stored["sourceType"], stored["displayName"], stored["email"]) == ("LDAP", "Ana", "ana@corp.example")
    assert "analysts" in stored["groups"]
    assert dss.state("/users/bob") is None


@pytest.fixture
def provisioned(dss_client, directory):
    """Both people, provisioned."""
    found = dss_client.start_fetch_external_users("LDAP").wait_for_result()
    dss_client.start_provision_users("LDAP", found).wait_for_result()


def move(dss, *logins):
    """The directory renames people."""
    dss.edit({"directory": {"LDAP": {"users": {login: {"displayName": f"New {login}"} for login in logins}}}})


@drives("D16")
def test_one_user_is_resynced(dss, dss_client, provisioned):
    move(dss, "ana", "bob")
    dss_client.get_user("ana").start_resync_from_supplier().wait_for_result()
    assert dss.state("/users/ana/displayName") == "New ana"
    assert dss.state("/users/bob/displayName") == "Bob"


@drives("D17")
def test_named_users_are_resynced(dss, dss_client, provisioned):
    move(dss, "ana", "bob")
    dss_client.start_resync_users_from_supplier(["bob"]).wait_for_result()
    assert dss.state("/users/ana/displayName") == "Ana"
    assert dss.state("/users/bob/displayName") == "New bob"


@drives("D18")
def test_everybody_is_resynced(dss, dss_client, provisioned):
    move(dss, "ana", "bob")
    dss_client.start_resync_all_users_from_supplier().wait_for_result()
    assert dss.state("/users/ana/displayName") == "New ana"
    assert dss.state("/users/bob/displayName") == "New bob"
