"""Fixtures: one simulator process for the run, a fresh instance for each test, and the vendor's client on it."""

import json
import os
from importlib.metadata import version
from pathlib import Path

import dataikuapi
import pytest

from harness.process import Simulator
from harness.recorder import Recorder, pair


@pytest.fixture(scope="session")
def control():
    """The control port of the run's simulator."""
    with Simulator(os.environ["SIMULATOR_BIN"]) as simulator:
        yield simulator.control


@pytest.fixture(scope="session")
def recorder():
    """What the client sends, for the whole run."""
    recorder = Recorder()
    recorder.install()
    yield recorder
    recorder.remove()


@pytest.fixture(scope="session")
def run():
    """All that the run drove; written out when it ends."""
    driven = []
    yield driven
    target = os.environ.get("CONTRACT_DRIVEN")
    if target:
        result = {"release": version("dataiku-api-client"), "driven": driven}
        Path(target).write_text(json.dumps(result, indent=1), encoding="utf-8")


@pytest.fixture
def driven(request, run):
    """What this test drove. Set up first, so it is torn down after the instances that fill it."""
    driven = []
    yield driven
    about = {operation for mark in request.node.iter_markers("drives") for operation in mark.args}
    missing = about - {one.operation for one in driven}
    run.extend({"operation": one.operation, "call": one.call, "test": one.test, "about": one.operation in about} for one in driven)
    assert not missing, f"the test is said to drive {sorted(missing)}, which the simulator did not see succeed"


@pytest.fixture
def start(control, recorder, driven):
    """Starts instances; when the test ends, holds their logs against what the client sent, and stops them."""
    instances = []

    def start(product, **settings):
        instances.append(control.create(product, **settings))
        return instances[-1]

    yield start
    for instance in instances:
        try:
            driven.extend(pair(instance, recorder))
        finally:
            recorder.forget(instance)
            instance.stop()


@pytest.fixture
def dss(start):
    """A fresh DSS."""
    return start("dss")


@pytest.fixture
def govern(start):
    """A fresh Govern."""
    return start("govern")


@pytest.fixture
def launchpad(start):
    """A fresh Launchpad space."""
    return start("launchpad")


@pytest.fixture
def dss_client(dss):
    """The vendor's client on the DSS, with an admin key."""
    return dataikuapi.DSSClient(dss.url, dss.created["apiKey"])


@pytest.fixture
def govern_client(govern):
    """The vendor's client on the Govern, with an admin key."""
    return dataikuapi.GovernClient(govern.url, govern.created["apiKey"])


@pytest.fixture
def launchpad_client(launchpad):
    """The vendor's client on the space."""
    created = launchpad.created
    return dataikuapi.LaunchpadClient(created["spaceId"], created["apiKeyId"], created["apiKeySecret"], host=launchpad.url)
