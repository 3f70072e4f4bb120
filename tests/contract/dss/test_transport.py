"""What the DSS client makes of a bad connection and of pages that are no answers."""

import pytest
import requests
from dataikuapi.utils import DataikuException


def test_a_page_of_a_gateway_is_quoted_as_an_unknown_error(dss, dss_client):
    dss.fault({"operation": "D1"}, {"kind": "html", "page": "error", "status": 502})
    with pytest.raises(DataikuException, match=r"^Unknown error: (?s:.*)<html"):
        dss_client.list_users()


def test_a_login_page_is_no_answer(dss, dss_client):
    dss.fault({"operation": "D1"}, {"kind": "html", "page": "login", "status": 200})
    with pytest.raises(requests.exceptions.JSONDecodeError):
        dss_client.list_users()


def test_a_lost_answer_is_an_error_after_one_attempt(dss, dss_client):
    dss.fault({"operation": "D24"}, {"kind": "dropAfter"})
    with pytest.raises(requests.exceptions.ConnectionError):
        dss_client.create_group("analysts")
    assert dss.count("D24") == 1
    assert dss.state("/groups/analysts") is not None, "the group is there all the same"


def test_a_dropped_connection_leaves_nothing(dss, dss_client):
    dss.fault({"operation": "D24"}, {"kind": "dropBefore"})
    with pytest.raises(requests.exceptions.ConnectionError):
        dss_client.create_group("analysts")
    assert dss.state("/groups/analysts") is None


def test_a_busy_answer_is_not_repeated(dss, dss_client):
    dss.fault({"operation": "D1"}, {"kind": "status", "status": 503, "retryAfter": "0"})
    with pytest.raises(DataikuException):
        dss_client.list_users()
    assert dss.count("D1") == 1
    assert dss_client.list_users()
