"""Argo CD: one Application with connections, groups, users, assignments and keys, and no sync wave."""

import json
import re
import shutil
import subprocess
import time

from scenarios import CLUSTER, INSTANCES, REPOSITORY, connection, got, kubectl, release, run, say, secret, state, thing, until, url, user, writes

WORK = CLUSTER / "access"
BARE = CLUSTER / "access.git"
APPLICATION = "dataiku-access"


def git(*words):
    return run("git", "-C", str(WORK), "-c", "user.name=t", "-c", "user.email=t@example.com", *words)


def commit(files, message):
    """Makes the folder `access` hold these objects alone."""
    folder = WORK / "access"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, objects in files.items():
        (folder / f"{name}.yaml").write_text("---\n".join(json.dumps(one, indent=1) + "\n" for one in objects))
    git("add", "--all")
    git("commit", "--quiet", "-m", message)
    git("push", "--quiet", str(BARE), "HEAD:main")
    return git("rev-parse", "HEAD").strip()


def annotated(one, **annotations):
    one["metadata"].setdefault("annotations", {}).update({f"dataiku-operator.io/{key}": value for key, value in annotations.items()})
    return one


def ref(name):
    return {"instanceRef": {"name": name}}


def everything():
    """In the order in which nothing works at once: what is needed comes last."""
    dataiku = "access"
    return {
        "a-keys": [
            thing("DssGlobalApiKey", dataiku, "ci", **ref("design"), description="Pipeline", groups=["analysts"], secretName="ci-dss-key"),
            thing("DssPersonalApiKey", dataiku, "jane-notebooks", **ref("design"), user="jane", secretName="jane-dss-key"),
            thing("GovernGlobalApiKey", dataiku, "ci", **ref("govern"), groups=["pms"], secretName="ci-govern-key"),
        ],
        "b-assignments": [
            thing("GovernRoleAssignment", dataiku, "owners", **ref("govern"), blueprintId="bp.system.business_initiative",
                  roleRef={"name": "risk-owner"}, rules=[{"users": ["jane"], "groups": ["pms"]}]),
            thing("GovernRole", dataiku, "risk-owner", **ref("govern"), identifier="risk_owner", label="Risk owner"),
        ],
        "c-users": [user(dataiku, "jane", groups=[{"name": "analysts"}])]
        + [user(dataiku, f"member-{n}", groups=[{"name": "analysts"}]) for n in range(20)]
        + [thing("GovernUser", dataiku, "jane", **ref("govern"), sourceType="LOCAL_NO_AUTH", deletionPolicy="Delete", groups=[{"name": "pms"}])],
        "d-groups": [
            thing("DssGroup", dataiku, "analysts", **ref("design"), deletionPolicy="Delete", permissions={"mayCreateProjects": True}),
            thing("GovernGroup", dataiku, "pms", **ref("govern"), deletionPolicy="Delete"),
            thing("LaunchpadGroup", dataiku, "analytics", spaceRef={"name": "prod"}, deletionPolicy="Delete",
                  launchpadPermissions={"mayTurnOnSpace": True}),
        ],
        "e-connections": [
            connection("DssInstance", dataiku, "design", "dss", protected={"users": ["admin"]}),
            connection("GovernInstance", dataiku, "govern", "govern"),
            thing("LaunchpadSpace", dataiku, "prod", spaceId=INSTANCES["launchpad"]["spaceId"], driftInterval="10s",
                  url=url("launchpad"), tls={"allowInsecureHttp": True}, credentials={"secretRef": {"name": "prod-admin"}}),
            secret(dataiku, "design-admin", apiKey=INSTANCES["dss"]["apiKey"]),
            secret(dataiku, "govern-admin", apiKey=INSTANCES["govern"]["apiKey"]),
            secret(dataiku, "prod-admin", apiKeyId=INSTANCES["launchpad"]["apiKeyId"], apiKeySecret=INSTANCES["launchpad"]["apiKeySecret"]),
        ],
    }


def application():
    return got("application", APPLICATION, "-n", "argocd").get("status", {})


def health():
    return application().get("health", {}).get("status")


def of(kind, name):
    found = [one for one in application().get("resources", []) if one["kind"] == kind and one["name"] == name]
    return (found[0].get("health") or {}) if found else {}


def unsettled():
    status = application()
    resources = [one for one in status.get("resources", [])
                 if one.get("status") != "Synced" or (one.get("health") or {}).get("status", "Healthy") != "Healthy"]
    return json.dumps([status.get("sync", {}).get("status"), status.get("health"), status.get("conditions"), resources])


def argocd(*words):
    """Argo CD's command line, against its API server of this cluster."""
    home = CLUSTER / "argocd/home"
    return run("env", f"HOME={home}", "argocd", *words, "--server", "127.0.0.1:18080", "--plaintext")


def refresh():
    kubectl("annotate", "application", APPLICATION, "-n", "argocd", "argocd.argoproj.io/refresh=normal", "--overwrite")


def settled(revision, wanted):
    def fact():
        status = application()
        return (status.get("sync", {}).get("status") == "Synced" and status["sync"].get("revision") == revision
                and status.get("health", {}).get("status") == wanted)
    return fact


def held():
    """What an object says that the mass-change brake holds: its message and the token of the acknowledgement."""
    for one in got("dssusers", "-n", "access")["items"]:
        for condition in one.get("status", {}).get("conditions", []):
            found = re.search(r"acknowledge=(\w+)", condition["message"])
            if found:
                return {"message": condition["message"], "token": found.group(1)}
    return None


def scenario():
    """Syncs in one go, becomes Healthy, shows Degraded and Suspended, prunes and deletes completely."""
    release()
    kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--type=merge", f"--patch-file={REPOSITORY}/deploy/argocd/argocd-cm.yaml")
    for example in sorted((REPOSITORY / "deploy/argocd/examples").glob("*.yaml")):
        kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(example))
    say("Argo CD's own definitions take every example, without an unknown field")
    kubectl("create", "namespace", "access")
    for folder in (WORK, BARE):
        shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(BARE)], check=True)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(WORK)], check=True)
    files = everything()
    count = sum(len(objects) for objects in files.values())
    revision = commit(files, "everything")
    example = (REPOSITORY / "deploy/argocd/examples/access.yaml").read_text()
    example = example.replace("https://git.example.com/platform/dataiku-access.git", f"file://{BARE}").replace("namespace: dataiku", "namespace: access")
    kubectl("apply", "-f", "-", stdin=example)
    seen = set()

    def healthy():
        seen.add(health())
        return settled(revision, "Healthy")()

    took = until("Synced and Healthy", healthy, 180, 0.5, unsettled)
    operation = application()["operationState"]
    assert operation["phase"] == "Succeeded" and not operation.get("retryCount"), operation
    assert "Degraded" not in seen, seen
    say(f"{count} objects Synced and Healthy after {took:.1f} s, one sync, no retry, on the way: {sorted(one for one in seen if one)}")
    written = {product: writes(product) for product in INSTANCES}
    time.sleep(15)
    assert settled(revision, "Healthy")()
    assert {product: writes(product) for product in INSTANCES} == written
    say("15 s later still Synced, and no further remote write")

    argocd("app", "actions", "run", APPLICATION, "reconcile", "--group", "dataiku-operator.io", "--kind", "DssUser", "--resource-name", "jane")
    took = until("the action is handled", lambda: got("dssuser", "jane", "-n", "access")["status"].get("lastHandledReconcileAt"))
    assert {product: writes(product) for product in INSTANCES} == written
    refresh()
    until("Synced after the action", settled(revision, "Healthy"), 60, 0.5, unsettled)
    say(f"the action `reconcile` of the tile: handled after {took:.1f} s, no remote write, still Synced")

    files["c-users"].append(user("access", "admin", displayName="x"))
    revision = commit(files, "somebody who is protected")
    refresh()
    took = until("Degraded", settled(revision, "Degraded"), 90, 0.5, unsettled)
    assert of("DssUser", "admin")["status"] == "Degraded", of("DssUser", "admin")
    say(f"a protected user: the Application Degraded after {took:.1f} s: {of('DssUser', 'admin').get('message')}")

    files["c-users"].pop()
    files["c-users"][0] = annotated(user("access", "jane", groups=[{"name": "analysts"}]), paused="true")
    revision = commit(files, "jane is paused, the protected user is gone")
    refresh()
    took = until("Suspended", settled(revision, "Suspended"), 90, 0.5, unsettled)
    assert of("DssUser", "jane")["status"] == "Suspended", of("DssUser", "jane")
    assert not kubectl("get", "dssuser", "admin", "-n", "access", check=False).stdout
    say(f"a paused user: Suspended after {took:.1f} s, the other one pruned; admin is in Dataiku still: {state(at='/users/admin') is not None}")
    assert state(at="/users/admin") is not None

    files["c-users"][0] = user("access", "jane", groups=[{"name": "analysts"}])
    for _ in range(10):
        files["c-users"].pop(1)
    revision = commit(files, "jane goes on, ten users leave")
    refresh()
    took = until("Healthy", settled(revision, "Healthy"), 120, 0.5, unsettled)
    left = [name for name in state(at="/users") if name.startswith("member-")]
    assert len(left) == 10, left
    say(f"ten users removed from git: Healthy after {took:.1f} s, and gone in Dataiku")

    before = kubectl("get", "dataiku", "-n", "access", "-o", "name").split()
    kubectl("delete", "application", APPLICATION, "-n", "argocd", "--wait=false")
    # With the ten users that left git a minute ago these are more than the brake lets pass, unless the node has many others.
    if len(state(at="/users")) // 20 < 21:
        until("the brake holds", held, 90, 0.5)
        names = [name for name in state(at="/users") if name == "jane" or name.startswith("member-")]
        say(f"the Application deleted with its connections and their Secrets: the brake holds {len(names)} users: {held()['message'][:160]} …")
        assert len(names) >= 1, names
        kubectl("annotate", "dssinstance", "design", "-n", "access", f"dataiku-operator.io/acknowledge={held()['token']}")
    took = until("the Application is gone", lambda: not kubectl("get", "application", APPLICATION, "-n", "argocd", "--ignore-not-found"), 180, 0.5,
                 lambda: kubectl("get", "dataiku", "-n", "access"))
    assert not kubectl("get", "dataiku", "-n", "access", "-o", "name"), "objects stay"
    users = [name for name in state(at="/users") if name == "jane" or name.startswith("member-")]
    assert not users and not state(at="/groups/analysts"), users
    say(f"the Application deleted with its connections and their Secrets: {len(before)} objects gone after {took:.1f} s, and what they made in Dataiku")
    left = got("secrets", "-n", "access")["items"]
    say(f"Secrets that stay: {[one['metadata']['name'] for one in left]}")
