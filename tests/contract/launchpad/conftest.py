"""What the Launchpad tests share: the client's wait between two looks, in virtual time."""

import time

import pytest


@pytest.fixture
def quick_sleep(launchpad, monkeypatch):
    """Let the client's sleep of five seconds move the space's clock instead of the test's."""
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        launchpad.advance(int(seconds * 1000))

    monkeypatch.setattr("dataikuapi.launchpad.task.time.sleep", sleep)
    assert time.sleep is sleep
    return slept
