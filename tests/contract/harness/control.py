"""The simulator's control port, seen from a test.

Speaks with urllib on purpose: everything that goes through `requests` in this run is the vendor's client (see `recorder`).
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager

TIMEOUT_SECONDS = 30


class ControlError(Exception):
    """The control port refused an order."""


class Control:
    """The control port of one simulator process."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def order(self, method, path, body=None, query=None):
        """Send one order and return the decoded answer, None when there is none."""
        url = self.url + path
        if query:
            url += "?" + urllib.parse.urlencode(query)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ControlError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        return json.loads(text) if text else None

    def create(self, product, **settings):
        """Start a fresh instance of a product."""
        return Instance(self, self.order("POST", "/instances", {"product": product, **settings}))


class Instance:
    """One simulated instance, by its control orders."""

    def __init__(self, control, created):
        self._control = control
        self.created = created
        self.id = created["id"]
        self.product = created["product"]
        self.url = created["url"]

    def _order(self, method, path, body=None, query=None):
        return self._control.order(method, f"/instances/{self.id}{path}", body, query)

    # What the instance received

    def log(self):
        """The requests received, oldest first."""
        return self._order("GET", "/requests")["log"]

    def count(self, operation):
        """How many requests of an operation the instance received."""
        return self._order("GET", "/requests", query={"log": "false"})["counts"].get(operation, 0)

    def writes(self):
        """How many requests that change something the instance received."""
        return self._order("GET", "/requests", query={"log": "false"})["writes"]

    @contextmanager
    def watch(self):
        """The operations received inside the `with` block, filled in when it ends."""
        before = max((entry["seq"] for entry in self.log()), default=-1)
        seen = []
        try:
            yield seen
        finally:
            seen.extend(entry["operation"] for entry in self.log() if entry["seq"] > before)

    # What the instance holds

    def state(self, pointer=None):
        """The whole state, or the part at a JSON pointer; None where nothing is."""
        if pointer is None:
            return self._order("GET", "/state")
        try:
            return self._order("GET", "/state", query={"at": pointer})
        except ControlError as error:
            if ": 404 " in str(error):
                return None
            raise

    def edit(self, patch):
        """Change the state by a merge patch, as a human would in the user interface."""
        self._order("PATCH", "/state", patch)

    # How the instance behaves

    def switch(self, **switches):
        """Choose other answers to facts that nobody has confirmed."""
        self._order("PATCH", "/switches", switches)

    def fault(self, match, fault, **rule):
        """Let calls that match go wrong; returns the id of the rule."""
        return self._order("POST", "/faults", {"match": match, "fault": fault, **rule})["id"]

    def advance(self, milliseconds):
        """Move the instance's clock."""
        self._order("POST", "/clock", {"advanceMillis": milliseconds})

    def accept_invite(self, email):
        """Let an invited person accept."""
        return self._order("POST", "/acceptInvite", {"email": email})

    def stop(self):
        """Stop the instance and forget it."""
        self._control.order("DELETE", f"/instances/{self.id}")
