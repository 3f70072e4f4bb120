"""docs/coverage.md against the vendor's client: it says something about every public function of every class on the vendor's five pages."""

import importlib
import inspect
import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs/coverage.md"
NAME = re.compile(r"`([A-Za-z_0-9]+(?:\.[A-Za-z_0-9]+|\.\*)?)`")

# Modules with the classes of these pages. `DSSClient` and `GovernClient` have functions of many pages: the contract tests name theirs.
MODULES = [
    "dataikuapi.dss.admin",
    "dataikuapi.dss.discussion",
    "dataikuapi.dss.future",
    "dataikuapi.dss.jupyternotebook",
    "dataikuapi.dss.notebook",
    "dataikuapi.govern.admin",
    "dataikuapi.govern.admin_roles_permissions_handler",
    "dataikuapi.govern.future",
    "dataikuapi.govern.users_container",
    "dataikuapi.iam.settings",
    "dataikuapi.launchpad.group",
    "dataikuapi.launchpad.node",
    "dataikuapi.launchpad.profile",
    "dataikuapi.launchpad.task",
    "dataikuapi.launchpad.user",
    "dataikuapi.launchpad_client",
]
# Classes of other pages, which the page lists as not served.
OTHERS = re.compile(r"DSS(.*CodeEnv|Cluster|CodeStudio|Connection|LLMCost)")


def classes():
    for name in MODULES:
        module = importlib.import_module(name)
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__ == name and not OTHERS.match(found.__name__) and not found.__name__.startswith("_"):
                yield found


@pytest.mark.parametrize("found", list(classes()), ids=lambda found: found.__name__)
def test_the_page_names_every_public_function(found):
    named = set(NAME.findall(PAGE.read_text()))
    if f"{found.__name__}.*" in named:
        return
    own = [name for name in vars(found) if not name.startswith("_") and callable(getattr(found, name))]
    missing = [name for name in own if f"{found.__name__}.{name}" not in named]
    assert not missing, f"docs/coverage.md says nothing about {found.__name__}: {missing}"
