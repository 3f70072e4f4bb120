"""Runs the commands of docs/adopting.md that write manifests, against a simulated DSS, and validates what they write."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema

import check

USERS, GROUPS = 40, 5


def main():
    text = (check.DOCS / "adopting.md").read_text()
    block = next(block for language, _, block in check.fences(text) if language == "sh" and "users.json" in block)
    # Where the node is comes from the simulator, and there is no cluster to apply to.
    commands = "\n".join(line for line in block.splitlines() if not line.startswith(("export ", "kubectl ")))
    arguments = [os.environ["SIMULATOR_BIN"], "--dss-port", "0", "--seed-users", str(USERS), "--seed-groups", str(GROUPS)]
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as simulator:
        try:
            node = json.loads(simulator.stdout.readline())["instances"][0]
            environment = {**os.environ, "DSS_URL": node["url"], "DSS_API_KEY": node["apiKey"], "no_proxy": "127.0.0.1"}
            subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=environment, check=True)
        finally:
            simulator.terminate()
        written = [json.loads(pathlib.Path(folder, f"{kind}.manifest.json").read_text())["items"] for kind in ("groups", "users")]
    problems = []
    schemas = check.Definitions().schemas
    for one in [*written[0], *written[1]]:
        for error in jsonschema.Draft202012Validator(schemas[(one["apiVersion"], one["kind"])]).iter_errors(one):
            problems.append(f"{one['metadata']['name']}: {error.message}")
        if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", one["metadata"]["name"]):
            problems.append(f"{one['metadata']['name']} is no name of an object")
        if one["spec"]["managementPolicy"] != "Observe":
            problems.append(f"{one['metadata']['name']} does not only observe")
    if len(written[0]) < GROUPS or len(written[1]) < USERS:
        problems.append(f"{len(written[0])} groups and {len(written[1])} users were written")
    for problem in problems:
        print(f"docs/adopting.md: {problem}", file=sys.stderr)
    print(f"the walk-through wrote {len(written[0])} groups and {len(written[1])} users, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
