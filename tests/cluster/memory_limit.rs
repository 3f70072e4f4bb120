//! The process within the memory that the chart gives it, whatever others store and answer.

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

use crate::bed::{INTERVAL, PATIENCE, object, user};

/// As `values.yaml` of the chart has it.
const LIMIT: u64 = 256 << 20;
/// Objects of each sort that the stranger stores.
const OBJECTS: usize = 60;

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

async fn connect(namespace: &Namespace, name: &str, node: &Instance) {
    let secret = format!("{name}-admin");
    namespace.secret(&secret, &[("apiKey", node.api_key())]).await.unwrap();
    let spec = json!({
        "url": node.url(), "tls": { "allowInsecureHttp": true }, "defaultUserProfile": "READER",
        "credentials": { "apiKeySecretRef": { "name": secret } },
        "driftInterval": format!("{}s", INTERVAL.as_secs()),
    });
    namespace
        .apply_object(&object("DssInstance", name, spec))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "has not passed yet: it stores 150 MB at a control plane of its own and timed out on a loaded machine; run it with --ignored on an idle one"]
async fn neither_endless_lists_nor_a_strangers_large_objects_end_the_process() {
    let cgroup = match Cgroup::with_limit(LIMIT) {
        Ok(cgroup) => cgroup,
        Err(why) => {
            eprintln!("skipped: no memory cgroup can be made here: {why}");
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
    connect(&home, "design", &node).await;
    home.apply_object(&user("jane", json!({ "displayName": "Jane" })))
        .await
        .unwrap();
    home.wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
    for n in 0..3 {
        let hostile = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
        hostile.fault(json!({ "match": { "operation": "D1" }, "times": 0, "fault": { "kind": "endless" } }));
        connect(&stranger, &format!("hostile-{n}"), &hostile).await;
    }
    for n in 0..3 {
        stranger
            .wait_for(
                "DssInstance",
                &format!("hostile-{n}"),
                |object| {
                    let conditions = object["status"]["conditions"].as_array();
                    conditions
                        .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "False"))
                },
                PATIENCE,
            )
            .await
            .unwrap();
    }
    home.patch("DssUser", "jane", json!({ "spec": { "displayName": "Jane II" } }))
        .await
        .unwrap();
    home.wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
    assert_eq!(node.state_at("/users/jane").unwrap()["displayName"], "Jane II");
    let peak = operator.peak_rss_kib().unwrap() >> 10;
    println!("at most {peak} MiB of {} MiB", LIMIT >> 20);
    assert_eq!(
        cgroup.kills(),
        0,
        "the kernel killed the operator; at most {peak} MiB since"
    );
    assert!(operator.is_running().unwrap());
    assert_eq!(operator.terminate().await.unwrap(), 0);
}
