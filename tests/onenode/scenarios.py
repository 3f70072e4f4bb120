"""What `run` has the product do on its cluster. Each scenario prints what it measured, and fails with an assertion."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.request

REPOSITORY = pathlib.Path(os.environ["REPOSITORY"])
CLUSTER = pathlib.Path(os.environ["CLUSTER_DIR"])
HERE = pathlib.Path(__file__).resolve().parent
CONTROL = "http://127.0.0.1:18500"
INSTANCES = {one["product"]: one for one in json.loads((CLUSTER / "simulator.json").read_text())["instances"]}
# The address of the node, on which pods reach the simulated instances.
NODE = "10.111.0.1"
USERS = int(os.environ.get("USERS", "1000"))
NAME = "dataiku-operator"
CHART = str(REPOSITORY / "charts/dataiku-operator")
VALUES = [
    "--set", "image.registry=localhost", "--set", "image.tag=dev", "--set", "image.pullPolicy=Never",
    "--set", "operator.allowAddresses={10.111.0.0/16}", "--set", "operator.allowInsecureTls=true",
]
STARTED = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - STARTED:7.1f} s] {text}", flush=True)


def run(*words, stdin=None, check=True, timeout=180):
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(words)[:300]}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    return done.stdout if check else done


def kubectl(*words, **rest):
    return run("kubectl", *words, **rest)


def got(*words):
    return json.loads(kubectl("get", *words, "-o", "json"))


def apply(*objects):
    kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def until(what, fact, patience=90, pause=0.2, instead=lambda: ""):
    """Seconds until `fact()` is true; `instead` tells what is there after that patience."""
    began = time.monotonic()
    while True:
        last = fact()
        if last:
            return time.monotonic() - began
        assert time.monotonic() - began < patience, f"{what}: not within {patience} s {instead()}"
        time.sleep(pause)


def ask(path, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(CONTROL + path, data=data, method=method, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def state(product="dss", at=""):
    try:
        return ask(f"/instances/{INSTANCES[product]['id']}/state" + (f"?at={at}" if at else ""))
    except urllib.error.HTTPError:
        return None


def writes(product="dss"):
    return ask(f"/instances/{INSTANCES[product]['id']}/requests?log=false")["writes"]


def url(product):
    return INSTANCES[product]["url"].replace("127.0.0.1", NODE)


def secret(namespace, name, **data):
    return {"apiVersion": "v1", "kind": "Secret", "stringData": data,
            "metadata": {"name": name, "namespace": namespace, "annotations": {"dataiku-operator.io/allowed-hosts": NODE}}}


def thing(kind, namespace, name, **spec):
    return {"apiVersion": "dataiku-operator.io/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def connection(kind, namespace, name, product, **spec):
    return thing(kind, namespace, name, url=url(product), credentials={"apiKeySecretRef": {"name": f"{name}-admin"}},
                 tls={"allowInsecureHttp": True}, driftInterval="10s", defaultUserProfile="READER", **spec)


def user(namespace, name, **spec):
    return thing("DssUser", namespace, name, instanceRef={"name": "design"}, sourceType="LOCAL_NO_AUTH", deletionPolicy="Delete", **spec)


def all_ready(kind, namespace, count):
    items = got(kind, "-n", namespace)["items"]
    ready = [one for one in items if any(c["type"] == "Ready" and c["status"] == "True" for c in one.get("status", {}).get("conditions", []))]
    return len(ready) == count == len(items)


def pods():
    items = got("pods", "-n", "ops", "-l", "app.kubernetes.io/name=dataiku-operator")["items"]
    return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def two_ready():
    return sum(is_ready(pod) for pod in pods()) == 2


def leader():
    return got("lease", NAME, "-n", "ops")["spec"].get("holderIdentity")


def helm(*words):
    return run("helm", *words, "--namespace", "ops", "--timeout", "120s")


def processes():
    """Resident memory of each operator process in MiB, by pid."""
    found = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().startswith(b"/dataiku-operator\0run"):
                status = (folder / "status").read_text()
                found[int(folder.name)] = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in status.splitlines()
                                           if line.startswith(("VmRSS", "VmHWM"))}
        except OSError:
            continue
    return found


class Edits:
    """Somebody who edits one user after the other, each to a value of its own, while something happens."""

    def __init__(self, pause=0.5):
        self.pause, self.made, self.slowest, self.stopping = pause, 0, 0.0, threading.Event()
        self.began, self.before = round(time.time()), writes()
        self.thread = threading.Thread(target=self.work)
        self.failure = None

    def work(self):
        pending = {}
        try:
            while not self.stopping.is_set() or pending:
                if not self.stopping.is_set():
                    name, value = f"person-{self.made % 40:04}", f"Edit {self.made} of {self.began}"
                    kubectl("patch", "dssuser", name, "-n", "team", "--type=merge", "-p", json.dumps({"spec": {"displayName": value}}))
                    pending[name] = (value, time.monotonic())
                    self.made += 1
                for name, (value, since) in list(pending.items()):
                    if state(at=f"/users/{name}/displayName") == value:
                        self.slowest = max(self.slowest, time.monotonic() - since)
                        del pending[name]
                    else:
                        assert time.monotonic() - since < 120, f"the edit of {name} is missed"
                self.stopping.wait(self.pause) if not self.stopping.is_set() else time.sleep(0.05)
        except Exception as error:  # shown by the thread that waits
            self.failure = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *raised):
        self.stopping.set()
        self.thread.join()
        if self.failure and not any(raised):
            raise self.failure
        self.written = writes() - self.before


def release():
    """Installs the chart in a restricted namespace, unless another scenario did."""
    if kubectl("get", "namespace", "ops", "--ignore-not-found"):
        return
    kubectl("create", "namespace", "ops")
    kubectl("label", "namespace", "ops", "pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted")
    began = time.monotonic()
    helm("install", NAME, CHART, *VALUES, "--wait")
    say(f"helm install --wait: {time.monotonic() - began:.1f} s to two Ready pods in a namespace that enforces `restricted`")


def install():
    """A release in a restricted namespace, and what it needs."""
    release()
    kubectl("create", "namespace", "team")
    assert two_ready()
    pod = pods()[0]
    assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
    for pid in processes():
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        facts = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith(("Uid", "CapEff", "Seccomp:", "NoNewPrivs"))}
        assert facts == {"Uid": "65532", "CapEff": "0000000000000000", "Seccomp": "2", "NoNewPrivs": "1"}, facts
    say("each process: uid 65532, no capability, seccomp filter, no new privileges")
    refused = kubectl("exec", "-n", "ops", pod["metadata"]["name"], "--", "/bin/sh", check=False)
    assert refused.returncode and "no such file" in refused.stderr, refused.stderr
    say("the image has no shell")
    say("idle: " + ", ".join(f"{one['VmRSS']:.1f} MiB" for one in processes().values()))
    apply(secret("team", "design-admin", apiKey=INSTANCES["dss"]["apiKey"]), connection("DssInstance", "team", "design", "dss"))
    kubectl("wait", "-n", "team", "dssinstance/design", "--for=condition=Ready", "--timeout=60s")
    began = time.monotonic()
    for start in range(0, USERS, 250):
        apply(*[user("team", f"person-{number:04}") for number in range(start, min(USERS, start + 250))])
    until("users", lambda: all_ready("dssusers", "team", USERS), 300, 1)
    say(f"{USERS} users Ready {time.monotonic() - began:.1f} s after the first was applied, {writes()} writes")
    # A node that takes many users in one call gets them in fewer calls than there are users, and none of them twice.
    assert writes() <= USERS, writes()
    say("memory: " + ", ".join(f"{one['VmRSS']:.1f} MiB (peak {one['VmHWM']:.1f})" for one in processes().values()))


def versions():
    return {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in got("dssusers", "-n", "team")["items"]}


def upgrade():
    """New pods while somebody edits, and new pods while nobody does."""
    before, written = versions(), writes()
    began = time.monotonic()
    helm("upgrade", NAME, CHART, "--reuse-values", "--set", "podAnnotations.rolled=once", "--wait")
    until("two Ready pods", two_ready)
    say(f"helm upgrade --wait with {len(before)} objects in sync: {time.monotonic() - began:.1f} s")
    time.sleep(15)
    assert writes() == written, f"{writes() - written} writes after an upgrade"
    touched = [name for name, version in versions().items() if before[name] != version]
    assert not touched, f"status of {len(touched)} objects written"
    say("and 15 s later, past a sweep: no remote write and no status write")
    with Edits() as edits:
        time.sleep(2)
        for turn in range(2):
            helm("upgrade", NAME, CHART, "--reuse-values", "--set", f"podAnnotations.rolled=again-{turn}", "--wait")
        time.sleep(2)
    say(f"two upgrades during {edits.made} edits: none missed, the slowest arrived after {edits.slowest:.1f} s, {edits.written} writes")
    assert edits.written <= edits.made


def failover(what, end):
    """Ends the leader by `end`; seconds until an edit made at that moment arrives."""
    until("two Ready pods", two_ready)
    before = leader()
    written = writes()
    value = f"Edited {time.time():.3f}"
    end(before)
    began = time.monotonic()
    kubectl("patch", "dssuser", "person-0041", "-n", "team", "--type=merge", "-p", json.dumps({"spec": {"displayName": value}}))
    until("the edit", lambda: state(at="/users/person-0041/displayName") == value, 60, 0.05)
    took = time.monotonic() - began
    say(f"{what}: an edit of that moment arrived after {took:.1f} s; {before} led, now {leader()}; {writes() - written} write")
    assert writes() - written == 1
    return took


def process_of(pod):
    uid = next(one["metadata"]["uid"] for one in pods() if one["metadata"]["name"] == pod)
    for pid in processes():
        if uid in pathlib.Path(f"/proc/{pid}/cgroup").read_text():
            return pid
    raise AssertionError(f"{pod} has no process")


def crash():
    """The leader dies in three ways."""
    failover("the leader's process killed (SIGKILL), the kubelet restarts it", lambda pod: os.kill(process_of(pod), 9))
    gone = failover("the leader's pod deleted by force, its lease not given back",
                    lambda pod: (os.kill(process_of(pod), 19), kubectl("delete", "pod", pod, "-n", "ops", "--grace-period=0", "--force")))
    assert gone < 25, gone
    graceful = failover("the leader's pod deleted", lambda pod: kubectl("delete", "pod", pod, "-n", "ops", "--wait=false"))
    assert graceful < 10, graceful
    until("two Ready pods", two_ready)


def drain():
    """The budget keeps one pod while the node is drained."""
    until("two Ready pods", two_ready)
    least = [2]
    watching = threading.Event()

    def watch():
        while not watching.is_set():
            least[0] = min(least[0], sum(is_ready(pod) for pod in pods()))
            watching.wait(0.3)

    watcher = threading.Thread(target=watch)
    with Edits() as edits:
        watcher.start()
        try:
            held = kubectl("drain", "node1", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=20s", check=False)
            assert held.returncode and "disruption budget" in held.stderr, held.stderr
            say("drain of the only node: one pod evicted, the other held by the PodDisruptionBudget")
            drained = subprocess.Popen(["kubectl", "drain", "node1", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=90s"],
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            time.sleep(1)
            kubectl("uncordon", "node1")
            told, _ = drained.communicate(timeout=120)
            assert drained.returncode == 0, told
            until("two Ready pods", two_ready)
        finally:
            watching.set()
            watcher.join()
    say(f"once its replacement is Ready the other pod leaves, too; at least {least[0]} Ready pod at each moment")
    say(f"{edits.made} edits meanwhile: none missed, the slowest arrived after {edits.slowest:.1f} s, {edits.written} writes")
    assert least[0] >= 1
    assert edits.written <= edits.made


def remove_all(*where, patience=180):
    """Deletes all our objects, and acknowledges what the mass-change brake holds, as a person would. Seconds, and how often it held."""
    kubectl("delete", "dataiku", "--all", "--wait=false", *where)
    tokens = set()

    def gone():
        for one in got("dssinstances,governinstances,launchpadspaces", *where)["items"]:
            token = one.get("status", {}).get("brake", {}).get("token")
            if token and token not in tokens:
                tokens.add(token)
                # It may be gone by now.
                kubectl("annotate", one["kind"], one["metadata"]["name"], "-n", one["metadata"]["namespace"], "--overwrite",
                        f"dataiku-operator.io/acknowledge={token}", check=False)
        return not kubectl("get", "dataiku", *where, "-o", "name")

    return until("everything is gone", gone, patience, 1, lambda: kubectl("get", "dataiku", *where)), len(tokens)


def namespaces():
    """One release for two namespaces, with Roles alone."""
    if "ops" in kubectl("get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}").split():
        took, held = remove_all("-A")
        left = [name for name in state(at="/users") if name.startswith("person-")]
        assert not left, left
        say(f"every object deleted with its connection: gone after {took:.1f} s, and what they made in Dataiku; the brake held {held} times")
        helm("uninstall", NAME, "--wait")
    else:
        kubectl("create", "namespace", "ops")
    for name in ["red", "blue", "green"]:
        kubectl("create", "namespace", name)
    helm("install", NAME, CHART, *VALUES, "--set", "watchNamespaces={red,blue}", "--wait")
    wide = kubectl("get", "clusterroles,clusterrolebindings", "-l", "app.kubernetes.io/part-of=dataiku-operator", "-o", "name")
    assert not wide, wide
    before = writes()
    for name in ["red", "blue", "green"]:
        names = {"from": "Names", "names": ["blue"]}
        apply(secret(name, "design-admin", apiKey=INSTANCES["dss"]["apiKey"]),
              connection("DssInstance", name, "design", "dss", allowedNamespaces=names, delegations=[{"namespaces": names, "users": ["shared"]}]),
              user(name, f"{name}-jane"))
    shared = user("blue", "shared")
    shared["spec"]["instanceRef"]["namespace"] = "red"
    apply(shared)
    until("users of both namespaces", lambda: all_ready("dssusers", "red", 1) and all_ready("dssusers", "blue", 2))
    time.sleep(12)
    assert "status" not in got("dssuser", "green-jane", "-n", "green"), "an object outside is touched"
    assert writes() - before == 3
    say("users of both namespaces Ready, one through the connection of the other namespace; the third namespace is not touched; 3 writes")
    for name in ["red", "blue"]:
        kubectl("patch", "dssuser", f"{name}-jane", "-n", name, "--type=merge", "-p", json.dumps({"spec": {"displayName": f"Jane of {name}"}}))
        until("the edit", lambda: state(at=f"/users/{name}-jane/displayName") == f"Jane of {name}")
    lease = got("leases", "-n", "ops")["items"][0]["metadata"]["name"]
    kubectl("rollout", "restart", f"deployment/{NAME}", "-n", "ops")
    kubectl("rollout", "status", f"deployment/{NAME}", "-n", "ops", "--timeout=120s")
    kubectl("delete", "dataiku", "--all", "-n", "blue", "--timeout=60s")
    kubectl("delete", "dataiku", "--all", "-n", "red", "--timeout=60s")
    assert not [name for name in state(at="/users") if name.endswith("-jane") or name == "shared"]
    assert writes() - before == 8, writes() - before
    say(f"edits, a restart and deletions in both: 5 further writes; the Lease is {lease}")


def skew():
    """This operator on the definitions of an earlier commit (PREVIOUS), their upgrade and the way back."""
    commit = os.environ.get("PREVIOUS", "9153a83")
    listed = run("git", "-C", str(REPOSITORY), "ls-tree", "--name-only", commit, "crds/", check=False)
    if listed.returncode:
        say(f"skipped: the history has no {commit}")
        return
    older = [run("git", "-C", str(REPOSITORY), "show", f"{commit}:{path}") for path in listed.stdout.split() if "kustomization" not in path]
    newer = [path.read_text() for path in sorted((REPOSITORY / "crds").glob("*.dataiku-operator.io.yaml"))]

    def define(texts):
        kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin="\n---\n".join(texts))

    def quiet(what):
        # What the first sweep after a change shows of the user belongs to its status.
        time.sleep(15)
        before = (writes(), versions())
        time.sleep(25)
        assert (writes(), versions()) == before, f"writes although nothing changed, with {what}"
        value = f"{what} {time.time():.0f}"
        kubectl("patch", "dssuser", "jane", "-n", "team", "--type=merge", "-p", json.dumps({"spec": {"displayName": value}}))
        until("the edit", lambda: state(at="/users/jane/displayName") == value)
        assert writes() == before[0] + 1
        say(f"with {what}: two sweeps without a write, and an edit arrives by one")

    kubectl("create", "namespace", "ops")
    kubectl("create", "namespace", "team")
    define(older)
    time.sleep(3)
    helm("install", NAME, CHART, *VALUES, "--set", "crds.enabled=false", "--wait")
    apply(secret("team", "design-admin", apiKey=INSTANCES["dss"]["apiKey"]), connection("DssInstance", "team", "design", "dss"), user("team", "jane"))
    until("jane", lambda: all_ready("dssusers", "team", 1))
    quiet(f"the {len(older)} definitions of {commit}")
    define(newer)
    quiet(f"these {len(newer)} definitions")
    define(older)
    quiet("the earlier definitions again")
    kubectl("delete", "dssuser", "jane", "-n", "team", "--timeout=60s")
    assert state(at="/users/jane") is None


def main():
    import argo
    known = {"namespaces": namespaces, "skew": skew, "install": install, "upgrade": upgrade, "crash": crash, "drain": drain,
             "argocd": argo.scenario}
    for name in sys.argv[1:]:
        say(f"--- {name}: {(known[name].__doc__ or '').strip()}")
        known[name]()
    say("passed: " + " ".join(sys.argv[1:]))


if __name__ == "__main__":
    sys.modules["scenarios"] = sys.modules["__main__"]
    main()
