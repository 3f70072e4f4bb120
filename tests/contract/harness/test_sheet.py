"""The list of operations and the routing by it, without a simulator."""

from collections import Counter
from types import SimpleNamespace

import pytest

from harness import coverage, sheet

BASES = {"dss": "http://h/dip/publicapi", "govern": "http://h//dip/publicapi", "launchpad": "http://h/v1"}


def request(operation):
    """A request that calls an operation."""
    path = operation.path.replace("{", "x-").replace("}", "")
    body = "[]" if operation.body == "yes" else None
    return SimpleNamespace(url=BASES[operation.product] + path + "?q=1", method=operation.method, body=body)


def test_the_sheet_has_all_operations_of_each_product():
    assert Counter(one.product for one in sheet.OPERATIONS) == {"dss": 72, "govern": 61, "launchpad": 17}
    assert len({one.id for one in sheet.OPERATIONS}) == 150


@pytest.mark.parametrize("operation", sheet.OPERATIONS, ids=lambda one: one.id)
def test_a_request_of_an_operation_is_known_as_it(operation):
    assert sheet.operation_of(operation.product, request(operation)) == operation.id


def test_a_call_outside_the_sheet_is_unknown():
    outside = SimpleNamespace(url="http://h/dip/publicapi/admin/connections/", method="GET", body=None)
    assert sheet.operation_of("dss", outside) == "unknown"


def complete(call="DSSClient.list_users"):
    """A run that drove everything."""
    return [{"operation": one.id, "call": call, "test": "t", "about": True} for one in sheet.OPERATIONS]


def test_a_complete_run_has_no_shortcoming():
    assert list(coverage.shortcomings(complete())) == []


def test_an_operation_not_driven_or_only_in_passing_is_named():
    driven = complete()[1:]
    driven[0]["about"] = False
    found = list(coverage.shortcomings(driven))
    assert found == ["D1 GET /admin/users/ was not driven", "D2 was driven in passing, but no test is about it"]


def test_a_private_call_needs_a_reason():
    found = list(coverage.shortcomings(complete("LaunchpadUser._get_by")))
    explained = [one.id for one in sheet.OPERATIONS if one.note]
    assert len(found) == 150 - len(explained)
    assert not any(line.startswith("L7 ") for line in found)


def test_a_check_fails_on_another_table_and_passes_on_its_own(tmp_path):
    run, table = tmp_path / "run.json", tmp_path / "table.md"
    run.write_text(coverage.json.dumps({"release": "1", "driven": complete()}))
    assert coverage.main(["--check", str(run), str(table)]) == 1
    assert coverage.main([str(run), str(table)]) == 0
    assert coverage.main(["--check", str(run), str(table)]) == 0
    table.write_text(table.read_text().replace("| D7 |", "| D0 |"))
    assert coverage.main(["--check", str(run), str(table)]) == 1
