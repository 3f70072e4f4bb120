"""Launchpad profiles with their seats (L15), rights, and what the client's transport repeats."""

import dataikuapi
import pytest
from dataikuapi.launchpad.exceptions import DataikuForbiddenException, DataikuResponseException, DataikuUnauthorizedException

drives = pytest.mark.drives


@drives("L15")
def test_a_profile_counts_its_seats(launchpad, launchpad_client):
    profiles = {(one.name, one.is_trial): one for one in launchpad_client.list_profiles()}
    reader = profiles["reader", False]
    used = reader.used_seats
    launchpad_client.create_invites([launchpad_client.build_invite("jane@example.com", "reader")])
    launchpad.accept_invite("jane@example.com")
    again = next(one for one in launchpad_client.list_profiles() if (one.name, one.is_trial) == ("reader", False))
    assert again.used_seats == used + 1
    assert again.free_seats == (-1 if again.total_seats == -1 else again.total_seats - again.used_seats)


def test_a_wrong_secret_is_unauthorized(launchpad):
    created = launchpad.created
    stranger = dataikuapi.LaunchpadClient(created["spaceId"], created["apiKeyId"], "wrong", host=launchpad.url)
    with pytest.raises(DataikuUnauthorizedException):
        stranger.list_users()


def test_a_key_without_the_scope_is_forbidden(launchpad, launchpad_client):
    launchpad.edit({"apiKeys": {launchpad.created["apiKeyId"]: {"scopes": ["read_users"]}}})
    assert launchpad_client.list_users()
    with pytest.raises(DataikuForbiddenException):
        launchpad_client.list_groups()


def test_a_create_is_sent_twice_when_its_answer_is_lost(launchpad, launchpad_client):
    invite = launchpad_client.build_invite("jane@example.com", "reader")
    launchpad.fault({"operation": "L3"}, {"kind": "dropAfter"})
    successes, errors = launchpad_client.create_invites([invite])
    assert launchpad.count("L3") == 2, "the client's transport repeats every verb once"
    assert (successes, len(errors)) == ([], 1), "the second one finds the first"
    assert len(launchpad.state("/invites")) == 1


def test_a_busy_answer_is_repeated_only_when_it_says_when(launchpad, launchpad_client):
    launchpad.fault({"operation": "L15"}, {"kind": "status", "status": 503, "retryAfter": "0"})
    assert launchpad_client.list_profiles()
    assert launchpad.count("L15") == 2
    launchpad.fault({"operation": "L15"}, {"kind": "status", "status": 503})
    with pytest.raises(DataikuResponseException):
        launchpad_client.list_profiles()
    assert launchpad.count("L15") == 3
