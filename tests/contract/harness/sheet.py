"""The operations of the contract, and which of them a request on the wire is.

The routing here is independent of the simulator's: the operation the simulator logs must be the one this table gives.
"""

import csv
import re
from pathlib import Path
from urllib.parse import urlsplit

OPERATIONS_FILE = Path(__file__).resolve().parent.parent / "operations.tsv"
PRODUCT_API_BASES = ("/dip/publicapi", "/public/api")
LAUNCHPAD_VERSION = "/v1"
NONE = "-"


class Operation:
    """One operation of the contract."""

    def __init__(self, row):
        self.id = row["id"]
        self.product = row["product"]
        self.method = row["method"]
        self.path = row["path"]
        # Only the body tells one user's resync from everybody's.
        self.body = row["body"]
        self.note = row["note"] if row["note"] != NONE else ""
        self.pattern = re.compile("".join(_segment(part) for part in self.path.strip("/").split("/")))
        self.literal = "{" not in self.path

    def takes(self, method, path, has_body):
        """Whether a request is a call of this operation."""
        if self.body != NONE and (self.body == "yes") != has_body:
            return False
        return self.method == method and self.pattern.fullmatch(path) is not None


def _segment(part):
    return "/[^/]+" if part.startswith("{") else "/" + re.escape(part)


def load():
    """All operations, in the order of the sheet."""
    with OPERATIONS_FILE.open(encoding="utf-8", newline="") as lines:
        return [Operation(row) for row in csv.DictReader(lines, delimiter="\t")]


OPERATIONS = load()


def operation_of(product, request):
    """The id of the operation that a prepared request calls, or "unknown"."""
    path = urlsplit(request.url).path
    path = _without_base(product, "/" + "/".join(part for part in path.split("/") if part))
    has_body = request.body not in (None, "", b"")
    candidates = [one for one in OPERATIONS if one.product == product and one.takes(request.method, path, has_body)]
    candidates.sort(key=lambda one: not one.literal)
    return candidates[0].id if candidates else "unknown"


def _without_base(product, path):
    bases = (LAUNCHPAD_VERSION,) if product == "launchpad" else PRODUCT_API_BASES
    for base in bases:
        if path.startswith(base + "/"):
            return path[len(base) :]
    return path
