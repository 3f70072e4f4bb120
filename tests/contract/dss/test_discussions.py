"""Discussions of a notebook (D63 to D67)."""

import pytest

drives = pytest.mark.drives


@pytest.fixture
def discussions(dss, dss_client):
    """The discussions of a notebook that has none."""
    dss.edit({"projects": {"PRJ": {"projectKey": "PRJ", "name": "Project"}}})
    empty = {"metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": []}
    return dss_client.get_project("PRJ").create_jupyter_notebook("explore", empty).get_object_discussions()


def texts(discussion):
    """What was said, in order."""
    return [reply.get_text() for reply in discussion.get_replies()]


@drives("D63", "D64")
def test_a_created_discussion_is_listed_without_its_replies(dss, discussions):
    created = discussions.create_discussion("Why?", "Because.")
    assert texts(created) == ["Because."]
    with dss.watch() as seen:
        listed = discussions.list_discussions()
    assert seen == ["D63"]
    assert [one.discussion_id for one in listed] == [created.discussion_id]
    assert listed[0].get_metadata()["topic"] == "Why?"
    assert "replies" not in listed[0].discussion_data


@drives("D65")
def test_a_listed_discussion_fetches_its_replies_when_asked(dss, discussions):
    identity = discussions.create_discussion("Why?", "Because.").discussion_id
    with dss.watch() as seen:
        reply = discussions.list_discussions()[0].get_replies()[0]
    assert seen == ["D63", "D65"]
    assert (reply.get_text(), bool(reply.get_author()), reply.get_timestamp() > 0) == ("Because.", True, True)
    assert reply.get_edited_timestamp() is not None, "the client reads `editedOn` unguarded"
    assert texts(discussions.get_discussion(identity)) == ["Because."]


@drives("D66")
def test_a_changed_topic_keeps_the_replies(discussions):
    discussion = discussions.create_discussion("Why?", "Because.")
    metadata = discussion.get_metadata()
    metadata["topic"] = "Why not?"
    discussion.set_metadata(metadata)
    again = discussions.get_discussion(discussion.discussion_id)
    assert again.get_metadata()["topic"] == "Why not?"
    assert texts(again) == ["Because."]


@drives("D67")
def test_a_reply_is_added_at_the_end(dss, discussions):
    discussion = discussions.create_discussion("Why?", "Because.")
    discussion.add_reply("I see.")
    assert texts(discussion) == ["Because.", "I see."]
    assert texts(discussions.get_discussion(discussion.discussion_id)) == ["Because.", "I see."]
    assert "I see." in str(dss.state("/projects/PRJ"))
