//! The process within the memory that the chart gives it, whatever others store and answer.
//!
//! The operator is the one that the tests were built with. A debug build needs no other limit: its larger program is mapped from a
//! file, and the kernel takes such pages back before it kills anything.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::{StreamExt, stream};
use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
};
use kube::{Api, api::PostParams};
use serde_json::{Value, json};
use testbed::{
    ControlPlane, Installation, Namespace, Operator, repository,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path_regex};

use crate::bed::{INTERVAL, PATIENCE, object, user};

/// As `values.yaml` of the chart has it.
const LIMIT: u64 = 256 << 20;
/// Objects of each sort that the stranger stores.
const OBJECTS: usize = 60;
/// Nodes that send large lists.
const HOSTILE: usize = 12;

/// A memory cgroup below the one of this process; removed with it.
struct Cgroup {
    folder: PathBuf,
    second: bool,
}

impl Cgroup {
    /// A cgroup with this limit, or why there is none.
    fn with_limit(bytes: u64) -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let of = |controller: &str| {
            own.lines().find_map(|line| {
                let mut parts = line.splitn(3, ':').skip(1);
                let (controllers, path) = (parts.next()?, parts.next()?);
                (controllers == controller).then(|| path.trim_start_matches('/').to_owned())
            })
        };
        let root = Path::new("/sys/fs/cgroup");
        let (parent, second, limit) = match (of("memory"), of("")) {
            (Some(path), _) => (root.join("memory").join(path), false, "memory.limit_in_bytes"),
            (None, Some(path)) => (root.join(path), true, "memory.max"),
            (None, None) => return Err("this process is in no cgroup".to_owned()),
        };
        let folder = parent.join(format!("dataiku-operator-test-{}", std::process::id()));
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let made = Self { folder, second };
        let limit = made.folder.join(limit);
        fs::write(&limit, bytes.to_string()).map_err(|error| format!("{}: {error}", limit.display()))?;
        Ok(made)
    }

    /// A program that enters the cgroup and becomes the operator.
    fn operator(&self, folder: &Path) -> PathBuf {
        let script = folder.join("limited-operator");
        let text = format!(
            "#!/bin/sh\necho $$ > '{}/cgroup.procs' && exec '{}' \"$@\"\n",
            self.folder.display(),
            env!("CARGO_BIN_EXE_dataiku-operator"),
        );
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        script
    }

    /// How many processes the kernel killed in it.
    fn kills(&self) -> u64 {
        let file = if self.second {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        let text = fs::read_to_string(self.folder.join(file)).unwrap();
        let kills = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        kills.unwrap().trim().parse().unwrap()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The processes in it are gone by now, or the kernel keeps it.
        let _ = fs::remove_dir(&self.folder);
    }
}

fn named(name: &str) -> Value {
    json!({ "metadata": { "name": name } })
}

/// What somebody without any right on a connection may store: large values, and large annotations, which every watch brings.
async fn fill(stranger: &Namespace) {
    let (maps, secrets) = (
        Api::<ConfigMap>::namespaced(stranger.client(), stranger.name()),
        Api::<Secret>::namespaced(stranger.client(), stranger.name()),
    );
    let large = "x".repeat(1_000_000);
    let annotation = "y".repeat(250_000);
    let parameters = PostParams::default();
    let created = stream::iter(0..OBJECTS).map(|n| {
        let (maps, secrets, large, annotation) = (&maps, &secrets, &large, &annotation);
        let parameters = &parameters;
        async move {
            let mut map: ConfigMap = serde_json::from_value(named(&format!("large-{n}"))).unwrap();
            map.data = Some([("value".to_owned(), large.clone())].into());
            maps.create(parameters, &map).await.unwrap();
            let mut secret: Secret = serde_json::from_value(named(&format!("large-{n}"))).unwrap();
            secret.data = Some([("value".to_owned(), ByteString(large.clone().into_bytes()))].into());
            secrets.create(parameters, &secret).await.unwrap();
            let mut noted: ConfigMap = serde_json::from_value(named(&format!("noted-{n}"))).unwrap();
            noted.metadata.annotations = Some([("note".to_owned(), annotation.clone())].into());
            maps.create(parameters, &noted).await.unwrap();
            let mut object = user(&format!("noted-{n}"), json!({ "instanceRef": { "name": "nowhere" } }));
            object["metadata"]["annotations"] = json!({ "note": annotation });
            stranger.apply_object(&object).await.unwrap();
        }
    });
    created.buffer_unordered(8).collect::<Vec<()>>().await;
}

async fn connect(namespace: &Namespace, name: &str, url: &str, key: &str) {
    let secret = format!("{name}-admin");
    namespace.secret(&secret, &[("apiKey", key)]).await.unwrap();
    let spec = json!({
        "url": url, "tls": { "allowInsecureHttp": true }, "defaultUserProfile": "READER",
        "credentials": { "apiKeySecretRef": { "name": secret } },
        "driftInterval": format!("{}s", INTERVAL.as_secs()),
    });
    namespace
        .apply_object(&object("DssInstance", name, spec))
        .await
        .unwrap();
}

/// A list of users of about 30 MiB. Its users are decoded to several times as much.
fn large_list(kind: usize) -> String {
    const BYTES: usize = 30 << 20;
    let nested = format!("{}0{}", "{\"a\":".repeat(20), "}".repeat(20));
    let maps = vec!["{\"a\":0}"; 200].join(",");
    let mut list = String::with_capacity(BYTES + (1 << 20));
    for n in 0.. {
        let properties = match kind % 3 {
            0 => format!(r#"{{"costCenter":"4711","note":"{}"}}"#, "n".repeat(40)),
            1 => nested.clone(),
            _ => format!(r#"{{"list":[{maps}]}}"#),
        };
        list.push(if n == 0 { '[' } else { ',' });
        let user = format!(
            r#"{{"login":"user-{n:06}","displayName":"Somebody {n}","email":"user-{n}@example.com","sourceType":"LDAP","enabled":true,"userProfile":"READER","groups":["analysts","readers"],"adminProperties":{properties}}}"#
        );
        list.push_str(&user);
        if list.len() > BYTES || n == 190_000 {
            break;
        }
    }
    list.push(']');
    list
}

/// A node of which nothing but the list of users is right, which is large.
async fn hostile(list: &str) -> MockServer {
    let node = MockServer::start().await;
    let json = |body: &str| ResponseTemplate::new(200).set_body_raw(body.to_owned(), "application/json");
    for (at, answer) in [
        (
            ".*/auth/info",
            json(r#"{"authIdentifier":"key","authSource":"API_KEY"}"#),
        ),
        (".*/admin/users/", json(list)),
        (".*/admin/groups/", json("[]")),
    ] {
        Mock::given(path_regex(at)).respond_with(answer).mount(&node).await;
    }
    Mock::given(path_regex(".*"))
        .respond_with(ResponseTemplate::new(403))
        .with_priority(10)
        .mount(&node)
        .await;
    node
}

async fn is_judged(namespace: &Namespace, name: &str) -> Value {
    let judged = |object: &Value| {
        let conditions = object["status"]["conditions"].as_array();
        conditions.is_some_and(|all| {
            all.iter()
                .any(|one| one["type"] == "Ready" && one["reason"] != "Progressing")
        })
    };
    let object = namespace.wait_for("DssInstance", name, judged, PATIENCE).await.unwrap();
    let conditions = object["status"]["conditions"].as_array().unwrap().iter();
    conditions.clone().find(|one| one["type"] == "Ready").unwrap().clone()
}

/// Jane's name at the node follows her object.
async fn jane_is(home: &Namespace, node: &Instance, name: &str) {
    home.patch("DssUser", "jane", json!({ "spec": { "displayName": name } }))
        .await
        .unwrap();
    home.wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
    assert_eq!(node.state_at("/users/jane").unwrap()["displayName"], name);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "stores 150 MB at a control plane of its own and needs a memory cgroup, minutes of both cores: run it with --ignored on an idle machine; not run since it was rewritten"]
async fn neither_large_lists_nor_a_strangers_large_objects_end_the_process() {
    let cgroup = match Cgroup::with_limit(LIMIT) {
        Ok(cgroup) => cgroup,
        Err(why) => {
            eprintln!(
                "skipped: large ConfigMaps, Secrets, objects and lists of nodes under a limit of {} MiB: no memory cgroup can be \
                 made here: {why}",
                LIMIT >> 20
            );
            return;
        }
    };
    let control_plane: Arc<ControlPlane> = ControlPlane::start().await.unwrap();
    let folders = [repository().join("crds"), repository().join("deploy/kustomize/base")];
    let installation = Installation::apply(&control_plane, &folders).await.unwrap();
    let (home, stranger) = (
        control_plane.namespace("home").await.unwrap(),
        control_plane.namespace("stranger").await.unwrap(),
    );
    fill(&stranger).await;
    let simulator = Simulator::start().await.unwrap();
    let node = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut operator = Operator::builder(cgroup.operator(folder.path()))
        .control_plane(&control_plane)
        .installation(&installation)
        .start()
        .await
        .unwrap();
    connect(&home, "design", node.url(), node.api_key()).await;
    home.apply_object(&user("jane", json!({ "displayName": "Jane" })))
        .await
        .unwrap();
    home.wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
    println!(
        "with what the stranger stored: {} MiB",
        operator.peak_rss_kib().unwrap() >> 10
    );

    let lists: Vec<String> = (0..3).map(large_list).collect();
    let mut hostile_nodes = Vec::new();
    for n in 0..HOSTILE {
        hostile_nodes.push(hostile(&lists[n % lists.len()]).await);
    }
    let endless = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
    endless.fault(json!({ "match": { "operation": "D1" }, "times": 0, "fault": { "kind": "endless" } }));
    for (n, hostile) in hostile_nodes.iter().enumerate() {
        connect(&stranger, &format!("hostile-{n}"), &hostile.uri(), "key").await;
    }
    connect(&stranger, "endless", endless.url(), endless.api_key()).await;
    jane_is(&home, &node, "Jane II").await;
    for n in 0..HOSTILE {
        let ready = is_judged(&stranger, &format!("hostile-{n}")).await;
        println!("hostile-{n}: {} {}", ready["reason"], ready["message"]);
    }
    is_judged(&stranger, "endless").await;
    jane_is(&home, &node, "Jane III").await;
    println!("with the lists: {} MiB", operator.peak_rss_kib().unwrap() >> 10);
    assert!(operator.is_running().unwrap(), "{} kills", cgroup.kills());

    // All of it at once, right after a start.
    operator.kill().await.unwrap();
    operator.restart().await.unwrap();
    jane_is(&home, &node, "Jane IV").await;
    println!(
        "after a start: {} MiB of {} MiB",
        operator.peak_rss_kib().unwrap() >> 10,
        LIMIT >> 20
    );
    assert_eq!(cgroup.kills(), 0, "the kernel killed the operator");
    assert!(operator.is_running().unwrap());
    assert_eq!(operator.terminate().await.unwrap(), 0);
}
