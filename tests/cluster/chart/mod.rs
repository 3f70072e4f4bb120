//! The Helm chart on a real control plane, with the operator as a process that has exactly the rights that the chart
//! granted and the arguments that it passes.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::Command,
    sync::{Arc, LazyLock},
};

use dataiku_operator::metrics::families;
use serde_json::{Value, json};
use testbed::{
    ControlPlane, Installation, Namespace, Operator, repository,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};

use crate::bed::{INTERVAL, PATIENCE, object, user};

mod rights;

use self::rights::{tenants_cannot_escalate, the_operator_may_do_no_more_than_it_has_to};

const NAME: &str = "dataiku-operator";
/// Connections of tests lead to this machine.
const LOOPBACK: &str = "operator.allowAddresses={127.0.0.0/8}";
/// Has the apiserver check objects without storing them.
const DRY_RUN: [&str; 5] = [
    "apply",
    "--server-side",
    "--force-conflicts",
    "--dry-run=server",
    "--validate=strict",
];

fn chart() -> &'static str {
    static CHART: LazyLock<String> =
        LazyLock::new(|| repository().join("charts/dataiku-operator").display().to_string());
    &CHART
}

/// A control plane that nothing of ours is installed on, and a node.
struct Cluster {
    control_plane: Arc<ControlPlane>,
    _simulator: Simulator,
    dss: Instance,
}

impl Cluster {
    async fn start() -> Self {
        let control_plane = ControlPlane::start().await.unwrap();
        let simulator = Simulator::start().await.unwrap();
        let dss = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
        Self {
            control_plane,
            _simulator: simulator,
            dss,
        }
    }

    async fn helm(&self, words: &[&str]) -> String {
        self.control_plane.helm(words).await.unwrap()
    }

    async fn kubectl(&self, words: &[&str]) -> String {
        self.control_plane.kubectl(words).await.unwrap()
    }

    /// A namespace that admits only restricted pods.
    async fn restricted(&self, name: &str) {
        self.kubectl(&["create", "namespace", name]).await;
        let label = "pod-security.kubernetes.io/enforce=restricted";
        self.kubectl(&["label", "namespace", name, label]).await;
    }

    /// Whether somebody may do something: `create dssusers`, in a namespace.
    async fn may(&self, who: &str, what: &str, namespace: &str) -> bool {
        let mut words = vec!["auth", "can-i", "--as", who, "--namespace", namespace];
        words.extend(what.split(' '));
        match self.control_plane.kubectl(&words).await {
            Ok(answer) => answer.trim() == "yes",
            Err(error) => {
                // An answer of no is an exit status, too; anything else is a fault of the test.
                assert!(format!("{error:#}").trim_end().ends_with("no"), "{error:#}");
                false
            }
        }
    }

    async fn json(&self, words: &[&str]) -> Value {
        let mut words = words.to_vec();
        words.extend(["--output", "json"]);
        serde_json::from_str(&self.kubectl(&words).await).unwrap()
    }

    async fn deployment(&self, namespace: &str, name: &str) -> Value {
        self.json(&["get", "deployment", name, "--namespace", namespace]).await
    }

    /// The operator of a release as the kubelet would start it.
    async fn operator(&self, namespace: &str, name: &str) -> Operator {
        let deployment = self.deployment(namespace, name).await;
        let pod = &deployment["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().unwrap();
        let installation = Installation::existing(&self.control_plane, namespace, account)
            .await
            .unwrap();
        let arguments = pod["containers"][0]["args"].as_array().unwrap();
        // These the test bed sets: it chooses the port and reads the log.
        let fixed = ["run", "--metrics-address", "--log-format", "--allow-address"];
        let arguments = arguments.iter().map(|argument| argument.as_str().unwrap());
        let passed = arguments.filter(|argument| !fixed.contains(&name_of(argument)));
        Operator::builder(env!("CARGO_BIN_EXE_dataiku-operator"))
            .control_plane(&self.control_plane)
            .installation(&installation)
            .args(passed)
            .start()
            .await
            .unwrap()
    }

    /// A connection and a user of it, once the user is in sync.
    async fn declare(&self, namespace: &Namespace, dss: &Instance) {
        namespace
            .secret("design-admin", &[("apiKey", dss.api_key())])
            .await
            .unwrap();
        let spec = json!({
            "url": dss.url(), "tls": { "allowInsecureHttp": true }, "defaultUserProfile": "READER",
            "credentials": { "apiKeySecretRef": { "name": "design-admin" } },
            "driftInterval": format!("{}s", INTERVAL.as_secs()),
        });
        namespace
            .apply_object(&object("DssInstance", "design", spec))
            .await
            .unwrap();
        let jane = user("jane", json!({ "deletionPolicy": "Delete" }));
        namespace.apply_object(&jane).await.unwrap();
        namespace
            .wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
            .await
            .unwrap();
        assert!(dss.state_at("/users/jane").is_some());
    }
}

fn name_of(argument: &str) -> &str {
    argument.split('=').next().unwrap_or_default()
}

/// The documents of rendered YAML.
fn documents(text: &str) -> Vec<Value> {
    let texts = text.split("---\n").filter(|text| text.contains("kind:"));
    texts.map(|text| serde_saphyr::from_str(text).unwrap()).collect()
}

/// The value with every number as a float: 256 and 256.0 are one number to the apiserver.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), plain(value))).collect())
        }
        other => other.clone(),
    }
}

fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_installed_upgraded_rolled_back_and_leaves_what_it_should() {
    let cluster = Cluster::start().await;
    cluster.restricted("ops").await;
    let install = ["install", NAME, chart(), "--namespace", "ops", "--set", LOOPBACK];
    cluster.helm(&install).await;

    the_definitions_are_those_that_are_generated(&cluster).await;
    a_restricted_namespace_admits_the_pod(&cluster).await;

    let team = cluster.control_plane.namespace("team").await.unwrap();
    let operator = cluster.operator("ops", NAME).await;
    cluster.declare(&team, &cluster.dss).await;
    names_of_metrics_exist(&operator.metrics().await.unwrap());
    the_operator_may_do_no_more_than_it_has_to(&cluster, team.name()).await;
    tenants_cannot_escalate(&cluster, team.name()).await;

    // The same again changes nothing, neither here nor in Dataiku.
    let before = team.get("DssUser", "jane").await.unwrap();
    let (deployed, writes) = (cluster.deployment("ops", NAME).await, cluster.dss.writes());
    let manifest = cluster.helm(&["get", "manifest", NAME, "--namespace", "ops"]).await;
    let upgrade = ["upgrade", NAME, chart(), "--namespace", "ops", "--reuse-values"];
    cluster.helm(&upgrade).await;
    assert_eq!(version(&cluster.deployment("ops", NAME).await), version(&deployed));
    let file = cluster.control_plane.folder().join("manifest.yaml");
    std::fs::write(&file, &manifest).unwrap();
    let server_side = ["diff", "--server-side", "--force-conflicts", "--namespace", "ops"];
    let file = file.display().to_string();
    let differences = [&server_side[..], &["--filename", &file]].concat();
    assert_eq!(cluster.kubectl(&differences).await, "");

    let scaled = [&upgrade[..], &["--set", "replicas=3"]].concat();
    cluster.helm(&scaled).await;
    assert_eq!(cluster.deployment("ops", NAME).await["spec"]["replicas"], 3);
    cluster.helm(&["rollback", NAME, "1", "--namespace", "ops"]).await;
    assert_eq!(cluster.deployment("ops", NAME).await["spec"]["replicas"], 2);
    assert_eq!(cluster.dss.writes(), writes);
    assert_eq!(version(&team.get("DssUser", "jane").await.unwrap()), version(&before));

    everything_is_gone_but_the_definitions(&cluster, &team, operator).await;

    // What stayed belongs to the next release of that name.
    cluster.helm(&install).await;
    let _operator = cluster.operator("ops", NAME).await;
    cluster.declare(&team, &cluster.dss).await;
}

async fn the_definitions_are_those_that_are_generated(cluster: &Cluster) {
    let manifest = cluster.helm(&["get", "manifest", NAME, "--namespace", "ops"]).await;
    let rendered: Vec<_> = documents(&manifest)
        .into_iter()
        .filter(|document| document["kind"] == "CustomResourceDefinition")
        .collect();
    let files = std::fs::read_dir(repository().join("crds")).unwrap();
    let mut generated = 0;
    for file in files {
        for definition in documents(&std::fs::read_to_string(file.unwrap().path()).unwrap()) {
            if definition["kind"] == "CustomResourceDefinition" {
                generated += 1;
                let name = &definition["metadata"]["name"];
                let found = rendered.iter().find(|one| &one["metadata"]["name"] == name);
                let found = found.unwrap_or_else(|| panic!("the chart has no {name}"));
                assert_eq!(plain(&found["spec"]), plain(&definition["spec"]), "{name}");
                let policy = &found["metadata"]["annotations"]["helm.sh/resource-policy"];
                assert_eq!(policy, "keep", "{name}");
            }
        }
    }
    assert_eq!(rendered.len(), generated);
    assert!(generated > 0);
}

async fn a_restricted_namespace_admits_the_pod(cluster: &Cluster) {
    let deployment = cluster.deployment("ops", NAME).await;
    let mut pod = deployment["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("tried");
    let file = cluster.control_plane.folder().join("pod.json");
    let create = |pod: &Value| {
        std::fs::write(&file, pod.to_string()).unwrap();
        let file = file.display().to_string();
        let control_plane = Arc::clone(&cluster.control_plane);
        async move {
            let create = ["create", "--dry-run=server", "--namespace", "ops", "--filename", &file];
            control_plane.kubectl(&create).await
        }
    };
    create(&pod).await.unwrap();
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
    let refused = create(&pod).await.expect_err("the namespace is not restricted");
    assert!(format!("{refused:#}").contains("restricted"), "{refused:#}");
}

/// Each metric that an alert or a panel names is one of the operator's, and the operator exposes no other ones.
fn names_of_metrics_exist(metrics: &str) {
    let declared = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for (name, _) in declared.filter_map(|line| line.split_once(' ')) {
        let name = name.strip_prefix("dataiku_operator_").unwrap();
        let known = families::ALL.iter().any(|family| family.name.starts_with(name));
        assert!(known, "{name} is exposed and not declared");
    }
}

async fn everything_is_gone_but_the_definitions(cluster: &Cluster, team: &Namespace, mut operator: Operator) {
    // As the chart's README says, connections and what uses them at once.
    let delete = ["delete", "dataiku", "--all", "--all-namespaces", "--timeout=60s"];
    cluster.kubectl(&delete).await;
    assert_eq!(cluster.dss.state_at("/users/jane"), None);
    operator.terminate().await.unwrap();
    drop(operator);
    cluster.helm(&["uninstall", NAME, "--namespace", "ops"]).await;
    let selector = "app.kubernetes.io/part-of=dataiku-operator";
    let kinds =
        "deployments,services,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,poddisruptionbudgets";
    let left = [
        "get",
        kinds,
        "--all-namespaces",
        "--selector",
        selector,
        "--output",
        "name",
    ];
    assert_eq!(cluster.kubectl(&left).await, "");
    let definitions = [
        "get",
        "customresourcedefinitions",
        "--selector",
        "app.kubernetes.io/name=dataiku-operator",
    ];
    let kept = cluster.json(&definitions).await;
    assert!(!kept["items"].as_array().unwrap().is_empty());
    team.list("DssUser").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_releases_for_one_namespace_each_work_side_by_side_without_cluster_wide_rights() {
    let cluster = Cluster::start().await;
    let simulator = Simulator::start().await.unwrap();
    let other = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
    let teams = [
        cluster.control_plane.namespace("red").await.unwrap(),
        cluster.control_plane.namespace("blue").await.unwrap(),
    ];
    let mut operators = Vec::new();
    for (team, definitions) in teams.iter().zip(["crds.enabled=true", "crds.enabled=false"]) {
        let home = format!("{}-ops", team.name());
        cluster.restricted(&home).await;
        let watched = format!("watchNamespaces={{{}}}", team.name());
        let install = ["install", NAME, chart(), "--namespace", &home, "--set", LOOPBACK];
        cluster
            .helm(&[&install[..], &["--set", &watched, "--set", definitions]].concat())
            .await;
        operators.push(cluster.operator(&home, NAME).await);
    }
    let selector = "app.kubernetes.io/part-of=dataiku-operator";
    let wide = [
        "get",
        "clusterroles,clusterrolebindings",
        "--selector",
        selector,
        "--output",
        "name",
    ];
    assert_eq!(cluster.kubectl(&wide).await, "");

    cluster.declare(&teams[0], &cluster.dss).await;
    cluster.declare(&teams[1], &other).await;
    let red = format!("system:serviceaccount:{}-ops:dataiku-operator", teams[0].name());
    assert!(cluster.may(&red, "get secrets", teams[0].name()).await);
    for what in ["get secrets", "list dssusers", "patch dssusers --subresource=status"] {
        assert!(!cluster.may(&red, what, teams[1].name()).await, "{what}");
    }

    // One goes, the other stays.
    let home = format!("{}-ops", teams[1].name());
    cluster.helm(&["uninstall", NAME, "--namespace", &home]).await;
    teams[0]
        .patch("DssUser", "jane", json!({ "spec": { "displayName": "Jane" } }))
        .await
        .unwrap();
    teams[0]
        .wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
    assert_eq!(cluster.dss.state_at("/users/jane/displayName"), Some(json!("Jane")));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_set_of_values_is_taken_by_the_apiserver_and_passes_arguments_that_the_operator_has() {
    let control_plane = ControlPlane::shared().await.unwrap();
    control_plane.installation().await.unwrap();
    for namespace in ["dataiku", "elsewhere", "monitoring", "team-a", "team-b"] {
        control_plane
            .kubectl(&["create", "namespace", namespace])
            .await
            .unwrap();
    }
    let mut passed = BTreeSet::new();
    for file in std::fs::read_dir(repository().join("tests/chart/values")).unwrap() {
        let values = file.unwrap().path();
        let name = values.file_stem().unwrap().to_string_lossy().into_owned();
        let words = ["template", NAME, chart(), "--namespace", "dataiku", "--values"];
        let rendered = control_plane
            .helm(&[&words[..], &[&values.to_string_lossy()]].concat())
            .await;
        let mut objects = documents(&rendered.unwrap());
        // Their definitions are not ours; tests/chart reads them by the types of their operator.
        objects.retain(|one| one["apiVersion"] != "monitoring.coreos.com/v1");
        let arguments = objects.iter().filter(|one| one["kind"] == "Deployment").map(|one| {
            let arguments = one["spec"]["template"]["spec"]["containers"][0]["args"].as_array();
            arguments
                .unwrap()
                .iter()
                .map(|argument| name_of(argument.as_str().unwrap()).to_owned())
        });
        for argument in arguments.flatten() {
            passed.insert(argument);
        }
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        let file = control_plane.folder().join(format!("values-{name}.json"));
        std::fs::write(&file, list.to_string()).unwrap();
        let file = file.display().to_string();
        control_plane
            .kubectl(&[&DRY_RUN[..], &["--filename", &file]].concat())
            .await
            .unwrap();
    }
    let run = Command::new(env!("CARGO_BIN_EXE_dataiku-operator"))
        .args(["run", "--help"])
        .output();
    let help = String::from_utf8(run.unwrap().stdout).unwrap();
    passed.remove("run");
    assert!(passed.len() > 8, "{passed:?}");
    for name in passed {
        let known = [" ", "\n", "["]
            .iter()
            .any(|end| help.contains(&format!("{name}{end}")));
        assert!(known, "{name} is not in:\n{help}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_overlay_is_taken_by_the_apiserver() {
    let namespace = Namespace::create("overlays").await.unwrap();
    let control_plane = namespace.control_plane();
    control_plane.installation().await.unwrap();
    let overlays = repository().join("deploy/kustomize/overlays");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(overlays)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.push(repository().join("deploy"));
    assert!(folders.len() >= 3, "{folders:?}");
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let built = control_plane
            .kubectl(&["kustomize", &folder.to_string_lossy()])
            .await
            .unwrap();
        let mut built = documents(&built);
        let cluster_wide = built
            .iter()
            .any(|one| one["kind"] == "ClusterRole" || one["kind"] == "ClusterRoleBinding");
        assert_eq!(cluster_wide, name != "namespaced", "{name}");
        // Its own operator defines it; tests/chart reads it as that operator does.
        built.retain(|one| one["kind"] != "ServiceMonitor");
        let file = control_plane.folder().join(format!("{name}.json"));
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": built });
        std::fs::write(&file, list.to_string()).unwrap();
        let file = file.display().to_string();
        control_plane
            .kubectl(&[&DRY_RUN[..], &["--filename", &file]].concat())
            .await
            .unwrap();
    }
}
