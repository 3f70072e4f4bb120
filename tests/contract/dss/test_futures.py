"""Long tasks: the client's own wait loop, abort, failure, and the push of base images (D33, D48 to D50)."""

import threading
import time
from contextlib import suppress

import pytest
from dataikuapi.dss.future import DSSFuture
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


@pytest.fixture
def delayed(dss):
    """Futures take a minute of the instance's clock."""
    dss.switch(futures="delayed", futureMillis=60_000)


def test_an_inline_result_is_never_polled(dss, dss_client):
    dss.switch(futures="inline")
    with dss.watch() as seen:
        dss_client.start_resync_all_users_from_supplier().wait_for_result()
    assert seen == ["D18"]


@drives("D49")
def test_the_client_waits_until_the_clock_has_passed(dss, dss_client, delayed):
    future = dss_client.start_resync_all_users_from_supplier()
    assert future.job_id
    assert future.peek_state()["hasResult"] is False
    later = threading.Timer(0.5, dss.advance, [60_000])
    later.start()
    began = time.monotonic()
    future.wait_for_result()
    later.join()
    assert time.monotonic() - began >= 0.4
    assert dss.count("D49") > 3, "a peek, and at least the poll before, the one after, and one between"


@drives("D49")
def test_a_peek_leaves_the_result_and_a_read_takes_it(dss, dss_client, delayed):
    future = dss_client.start_resync_all_users_from_supplier()
    dss.advance(60_000)
    assert future.peek_state()["hasResult"] is True
    assert "result" not in future.peek_state()
    assert future.get_state()["hasResult"] is True
    with pytest.raises(DataikuException):
        future.get_state()


@drives("D48")
def test_running_tasks_are_listed_apart_from_scenarios(dss_client, delayed):
    future = dss_client.start_resync_all_users_from_supplier()
    assert future.job_id in [state["jobId"] for state in dss_client.list_futures(all_users=True)]
    assert future.job_id in [one.job_id for one in dss_client.list_futures(as_objects=True, all_users=True)]
    assert dss_client.list_running_scenarios(all_users=True) == []


@drives("D50")
def test_an_aborted_task_never_has_a_result(dss, dss_client, delayed):
    future = dss_client.start_resync_all_users_from_supplier()
    dss_client.get_future(future.job_id).abort()
    dss.advance(60_000)
    # Whether an aborted task is still known is not said; that it gains no result is.
    with suppress(DataikuException):
        assert future.peek_state()["hasResult"] is False
    assert future.job_id not in [state["jobId"] for state in dss_client.list_futures(all_users=True)]


def test_a_failed_task_is_an_error_of_the_wait(dss, dss_client):
    dss.switch(futures="failing", futureMillis=0)
    with pytest.raises(DataikuException, match=": "):
        dss_client.start_resync_all_users_from_supplier().wait_for_result()


def test_an_unknown_task_is_an_error(dss_client):
    with pytest.raises(DataikuException, match=": "):
        DSSFuture(dss_client, "no-such-job").get_state()


@drives("D33")
def test_base_images_are_pushed_as_a_task(dss_client):
    result = dss_client.push_base_images().wait_for_result()
    assert result["messages"]["error"] is False


def test_the_settings_view_of_the_push_is_content_too(dss, dss_client):
    settings = dss_client.get_general_settings()
    assert settings.push_container_exec_base_images() is not None
