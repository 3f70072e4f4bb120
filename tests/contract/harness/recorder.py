"""Records what the vendor's client sends: which of its functions a test called, and which request came of it.

Afterwards `pair` holds that record against the simulator's own log. The log is what counts: an operation is driven when the simulator
says it received it, answered it well, and the request is one that the client sent.
"""

import os
import sys
from dataclasses import dataclass

import requests

from . import sheet

CLIENT_PACKAGE = "dataikuapi"


@dataclass(frozen=True)
class Sent:
    """One request of the vendor's client."""

    call: str
    url: str
    method: str
    request: requests.PreparedRequest


@dataclass(frozen=True)
class Driven:
    """An operation that the simulator answered to the vendor's client."""

    operation: str
    call: str
    test: str


class Recorder:
    """Every request sent through `requests` while it is installed."""

    def __init__(self):
        self._sent = []
        self._original = None

    def install(self):
        """Put the recorder between the client and the network."""
        self._original = original = requests.Session.send

        def send(session, request, **settings):
            call = _client_function()
            assert call, f"{request.method} {request.url} was not sent by the vendor's client"
            self._sent.append(Sent(call, request.url, request.method, request))
            return original(session, request, **settings)

        requests.Session.send = send

    def remove(self):
        """Take the recorder out again."""
        requests.Session.send = self._original

    def sent_to(self, instance):
        """What the client sent to an instance, oldest first."""
        return [one for one in self._sent if one.url.startswith(instance.url)]

    def forget(self, instance):
        """Drop the record of an instance that is gone: the next one may get its port."""
        self._sent = [one for one in self._sent if not one.url.startswith(instance.url)]


def _client_function():
    """The qualified name of the client's function that the test called: the outermost frame inside the client."""
    frame, outermost = sys._getframe(1), None
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module == CLIENT_PACKAGE or module.startswith(CLIENT_PACKAGE + "."):
            outermost = frame
        elif outermost is not None:
            break
        frame = frame.f_back
    return outermost and outermost.f_code.co_qualname


def pair(instance, recorder):
    """What the instance's log says the client has driven.

    Fails when the log holds a request that the client did not send, or names it otherwise than the sheet does.
    """
    sent, log = recorder.sent_to(instance), instance.log()
    test = os.environ["PYTEST_CURRENT_TEST"].rsplit(" ", 1)[0]
    driven, place = [], 0
    for entry in log:
        one, place = _sender(entry, sent, place, instance)
        if entry.get("status") is not None and entry["status"] < 400:
            driven.append(Driven(entry["operation"], one.call, test))
    return driven


def _sender(entry, sent, place, instance):
    wanted = (entry["method"], entry["operation"])
    # The request before is looked at too: the Launchpad client's transport repeats a request that failed, below what is recorded.
    for candidate in (place, *range(place + 1, len(sent)), place - 1):
        if 0 <= candidate < len(sent):
            one = sent[candidate]
            if (one.method, sheet.operation_of(instance.product, one.request)) == wanted:
                return one, max(place, candidate + 1)
    expected = [f"{one.method} {sheet.operation_of(instance.product, one.request)} {one.url}" for one in sent[place : place + 3]]
    raise AssertionError(f"the log has {wanted} {entry['path']}, the client sent next {expected}")
