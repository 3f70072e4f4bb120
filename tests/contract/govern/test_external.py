"""Directory users of Govern, and its long tasks (G15 to G20, G37 to G39)."""

import threading

import pytest
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


@pytest.fixture
def directory(govern):
    """A directory with two people."""
    people = {login: {"displayName": login, "email": f"{login}@corp.example", "groups": ["cn=staff"]} for login in ("ana", "bob")}
    govern.edit({"directory": {"LDAP": {"users": people, "groups": ["cn=staff"]}}})


@drives("G18", "G19", "G20")
def test_people_of_the_directory_are_fetched_and_provisioned(govern, govern_client, directory):
    assert govern_client.start_fetch_external_groups("LDAP").wait_for_result() == ["cn=staff"]
    found = govern_client.start_fetch_external_users("LDAP", login="ana").wait_for_result()
    assert [one["login"] for one in found] == ["ana"]
    assert len(govern_client.start_fetch_external_users("LDAP", group_name="cn=staff").wait_for_result()) == 2
    govern_client.start_provision_users("LDAP", found).wait_for_result()
    assert govern.state("/users/ana/sourceType") == "LDAP"
    assert govern.state("/users/bob") is None


@drives("G15", "G16", "G17")
def test_a_resync_reaches_those_it_is_asked_for(govern, govern_client, directory):
    found = govern_client.start_fetch_external_users("LDAP").wait_for_result()
    govern_client.start_provision_users("LDAP", found).wait_for_result()

    def rename(name):
        govern.edit({"directory": {"LDAP": {"users": {"ana": {"displayName": name}, "bob": {"displayName": name}}}}})

    def names():
        return [govern.state(f"/users/{login}/displayName") for login in ("ana", "bob")]

    rename("one")
    govern_client.get_user("ana").start_resync_from_supplier().wait_for_result()
    assert names() == ["one", "bob"]
    rename("two")
    govern_client.start_resync_users_from_supplier(["bob"]).wait_for_result()
    assert names() == ["one", "two"]
    rename("all")
    govern_client.start_resync_all_users_from_supplier().wait_for_result()
    assert names() == ["all", "all"]


@drives("G37", "G38", "G39")
def test_a_task_is_listed_waited_for_and_aborted(govern, govern_client):
    govern.switch(futures="delayed", futureMillis=60_000)
    first = govern_client.start_resync_all_users_from_supplier()
    assert first.job_id in [state["jobId"] for state in govern_client.list_futures(all_users=True)]
    assert first.peek_state()["hasResult"] is False
    first.abort()
    assert first.job_id not in [one.job_id for one in govern_client.list_futures(as_objects=True, all_users=True)]
    second = govern_client.start_resync_all_users_from_supplier()
    later = threading.Timer(0.5, govern.advance, [60_000])
    later.start()
    second.wait_for_result()
    later.join()
    with pytest.raises(DataikuException):
        govern_client.get_future(second.job_id).get_state()
