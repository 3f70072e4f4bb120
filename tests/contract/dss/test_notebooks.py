"""Jupyter notebooks: content, sessions, and the deprecated calls (D51 to D62)."""

import pytest
from dataikuapi.dss.notebook import DSSNotebook
from dataikuapi.utils import DataikuException

drives = pytest.mark.drives


def content(*sources):
    """A notebook of the format Jupyter stores, one code cell for each source."""
    cells = [
        {
            "cell_type": "code",
            "metadata": {},
            "source": [source],
            "execution_count": 1,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["1\n"]}],
        }
        for source in sources
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5, "cells": cells}


@pytest.fixture
def project(dss, dss_client):
    """A project without notebooks."""
    dss.edit({"projects": {"PRJ": {"projectKey": "PRJ", "name": "Project"}}})
    return dss_client.get_project("PRJ")


@pytest.fixture
def notebook(project):
    """A notebook of one cell."""
    return project.create_jupyter_notebook("explore", content("print(1)"))


@pytest.fixture
def open_sessions(dss, notebook):
    """Lets sessions of the notebook run, as its users do."""

    def open_sessions(*identities):
        sessions = [
            {
                "sessionId": one,
                "kernelId": f"k-{one}",
                "projectKey": "PRJ",
                "notebookName": "explore",
                "sessionCreator": "admin",
                "kernelPid": 4242,
                "kernelConnections": 1,
                "kernelExecutionState": "idle",
                "kernelLastActivityTime": 1760000000000,
                "sessionStartTime": 1760000000000,
            }
            for one in identities
        ]
        dss.edit({"projects": {"PRJ": {"notebooks": {"explore": {"sessions": sessions}}}}})

    return open_sessions


def held(dss, pointer=""):
    """The stored notebook."""
    return dss.state(f"/projects/PRJ/notebooks/explore{pointer}")


@drives("D51", "D52")
def test_a_created_notebook_is_stored_and_listed(dss, project, notebook):
    item = project.list_jupyter_notebooks(as_type="listitems")[0]
    assert (item.name, item.language, item.kernel_spec["name"]) == ("explore", "python", "python3")
    assert [one.notebook_name for one in project.list_jupyter_notebooks()] == ["explore"]
    assert held(dss, "/content/cells/0/source") == ["print(1)"]


@drives("D51")
def test_only_notebooks_with_a_session_are_active(project, open_sessions):
    assert project.list_jupyter_notebooks(active=True) == []
    open_sessions("s1")
    assert [one.notebook_name for one in project.list_jupyter_notebooks(active=True)] == ["explore"]


@drives("D53", "D54")
def test_saved_content_replaces_what_was_stored(dss, notebook):
    document = notebook.get_content()
    assert document.get_metadata()["kernelspec"]["name"] == "python3"
    document.get_cells().append({"cell_type": "markdown", "metadata": {"x": 1}, "source": ["# Title"]})
    document.save()
    assert [cell["cell_type"] for cell in held(dss, "/content/cells")] == ["code", "markdown"]
    assert notebook.get_content().get_raw()["cells"][1]["metadata"] == {"x": 1}


@drives("D56")
def test_cleared_outputs_leave_the_sources(dss, notebook):
    notebook.clear_outputs()
    cell = held(dss, "/content/cells/0")
    assert (cell["outputs"], cell["source"]) == ([], ["print(1)"])
    assert notebook.get_content().get_cells()[0]["outputs"] == []


@drives("D55")
def test_a_deleted_notebook_is_gone_with_its_sessions(dss, dss_client, project, notebook, open_sessions):
    open_sessions("s1")
    notebook.delete()
    assert held(dss) is None
    assert project.list_jupyter_notebooks() == []
    assert dss_client.list_running_notebooks() == []
    with pytest.raises(DataikuException):
        notebook.get_content()


@drives("D57", "D58")
def test_the_only_session_is_unloaded_without_naming_it(dss, notebook, open_sessions):
    with pytest.raises(Exception, match="isn't running"):
        notebook.unload()
    open_sessions("s1")
    session = notebook.get_sessions(as_objects=True)[0]
    assert (session.session_id, session.kernel_pid, session.project_key) == ("s1", 4242, "PRJ")
    notebook.unload()
    assert held(dss, "/sessions") == []


@drives("D58")
def test_of_several_sessions_one_is_chosen(dss, notebook, open_sessions):
    open_sessions("s1", "s2")
    with pytest.raises(Exception, match="choose one"):
        notebook.unload()
    notebook.get_sessions(as_objects=True)[1].unload()
    assert [one["sessionId"] for one in notebook.get_sessions()] == ["s1"]


@drives("D59", "D62")
def test_running_notebooks_are_listed_for_the_instance_and_the_project(dss_client, project, open_sessions):
    assert project.list_running_notebooks() == []
    open_sessions("s1")
    for listed in (dss_client.list_running_notebooks(as_objects=False), project.list_running_notebooks(as_objects=False)):
        assert [(one["projectKey"], one["name"]) for one in listed] == [("PRJ", "explore")]
        assert [one["sessionId"] for one in listed[0]["activeSessions"]] == ["s1"]
    assert dss_client.list_running_notebooks()[0].get_sessions()[0]["sessionId"] == "s1"


@drives("D60", "D61")
def test_the_deprecated_notebook_asks_for_its_state_and_unloads(dss, dss_client, open_sessions):
    open_sessions("s1")
    old = DSSNotebook(dss_client, "PRJ", "explore")
    assert [one["sessionId"] for one in old.get_sessions()] == ["s1"]
    old.unload()
    assert held(dss, "/sessions") == []
