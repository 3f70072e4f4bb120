//! Processor time of the operator in single situations, each of which was once expensive: a sweep of many role
//! assignments on one role, events of a Secret among many objects, and deletions that wait for a node.
//!
//! Any build of the operator can be measured, with the CRDs and rights that belong to it.

use std::{
    fmt::Write,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::ValueEnum;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use testbed::{
    ControlPlane, Installation, Namespace, Operator, Options,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};

use crate::{args::Args, bed, probe::processor_seconds};

/// Longest wait for the objects to be Ready.
const PATIENCE: Duration = Duration::from_mins(20);
const API_VERSION: &str = "dataiku-operator.io/v1alpha1";
const ASSIGNMENTS: usize = 600;
const DELETIONS: usize = 100;
/// Events of Secrets in one measurement.
const EVENTS: u32 = 100;
/// Length of a measurement.
const SPAN: Duration = Duration::from_mins(1);
/// Longer than a measurement, where no sweep must fall into it.
const NO_SWEEP: &str = "1h";
const OFTEN: &str = "5s";

/// A situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Case {
    /// Sweeps of 600 role assignments in sync, all on one role of one blueprint.
    Assignments,
    /// Changes of a Secret that no object reads, in a namespace with as many users as `--users` says.
    Secret,
    /// 100 deletions that wait for a node that does not answer.
    Deletions,
}

/// What one case took.
struct Cost {
    /// What is counted.
    unit: &'static str,
    /// How often it happened.
    count: u64,
    /// Processor seconds over all of them.
    seconds: f64,
}

/// Measures each case and prints a table.
pub async fn run(args: &Args) -> Result<String> {
    let mut table = String::from("| case | count | processor time, s | of each, ms |\n| --- | ---: | ---: | ---: |\n");
    for &case in &args.cases {
        let cost = match case {
            Case::Assignments => assignments(args).await?,
            Case::Secret => secret(args).await?,
            Case::Deletions => deletions(args).await?,
        };
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let each = cost.seconds * 1000.0 / cost.count.max(1) as f64;
        writeln!(
            table,
            "| {} | {} | {:.2} | {each:.2} |",
            cost.unit, cost.count, cost.seconds
        )?;
        eprintln!(
            "{}: {} in {:.2} s of processor time",
            cost.unit, cost.count, cost.seconds
        );
    }
    Ok(table)
}

async fn assignments(args: &Args) -> Result<Cost> {
    let scene = Scene::start(args, Product::Govern, OFTEN).await?;
    let assignment = |number| {
        object(
            "GovernRoleAssignment",
            &format!("assignment-{number}"),
            json!({
                "instanceRef": { "name": "node" }, "blueprintId": "bp.system.business_initiative",
                "roleId": "ro.contributor", "rules": [{ "users": [format!("user-{number}")] }],
            }),
        )
    };
    scene.declare((0..ASSIGNMENTS).map(assignment)).await?;
    scene.all_ready("GovernRoleAssignment", ASSIGNMENTS).await?;
    scene.at_rest().await?;
    let sweeps = scene.node.count("G1");
    let seconds = scene.during(SPAN).await?;
    Ok(Cost {
        unit: "sweeps of 600 role assignments on one role",
        count: scene.node.count("G1") - sweeps,
        seconds,
    })
}

async fn secret(args: &Args) -> Result<Cost> {
    let users = args.users.iter().copied().max().unwrap_or_default();
    let scene = Scene::start(args, Product::Dss, NO_SWEEP).await?;
    scene.declare((0..users).map(user)).await?;
    scene.all_ready("DssUser", users).await?;
    scene.at_rest().await?;
    let began = scene.processor()?;
    for number in 0..EVENTS {
        scene
            .namespace
            .secret("unrelated", &[("value", &number.to_string())])
            .await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    scene.at_rest().await?;
    Ok(Cost {
        unit: "events of a Secret that no object reads",
        count: u64::from(EVENTS),
        seconds: scene.processor()? - began,
    })
}

async fn deletions(args: &Args) -> Result<Cost> {
    let scene = Scene::start(args, Product::Dss, NO_SWEEP).await?;
    scene.declare((0..DELETIONS).map(user)).await?;
    scene.all_ready("DssUser", DELETIONS).await?;
    scene
        .node
        .fault(json!({ "match": {}, "times": 0, "fault": { "kind": "dropBefore" } }));
    for number in 0..DELETIONS {
        scene.namespace.delete("DssUser", &login(number)).await?;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    Ok(Cost {
        unit: "seconds of 100 deletions that wait",
        count: SPAN.as_secs(),
        seconds: scene.during(SPAN).await?,
    })
}

/// An operator at a control plane and a node of its own.
struct Scene {
    namespace: Namespace,
    node: Instance,
    operator: Operator,
    _simulator: Simulator,
}

// === impl Scene ===

impl Scene {
    async fn start(args: &Args, product: Product, drift_interval: &str) -> Result<Self> {
        let options = Options { fsync: !args.no_fsync };
        let control_plane = ControlPlane::start_with(options).await?;
        let installation = installation(&control_plane, &args.manifests).await?;
        let simulator = Simulator::start().await?;
        let node = simulator.instance(InstanceConfig::new(product)).await?;
        let namespace = control_plane.namespace("people").await?;
        namespace.secret("node", &[("apiKey", node.api_key())]).await?;
        let kind = if product == Product::Dss {
            "DssInstance"
        } else {
            "GovernInstance"
        };
        let spec = json!({
            "url": node.url(),
            "credentials": { "apiKeySecretRef": { "name": "node" } },
            "tls": { "allowInsecureHttp": true },
            "limits": { "concurrency": 64, "requestsPerSecond": 10_000 },
            "driftInterval": drift_interval,
        });
        namespace.apply_object(&object(kind, "node", spec)).await?;
        let operator = Operator::builder(bed::operator_binary(args)?)
            .control_plane(&control_plane)
            .installation(&installation)
            .start()
            .await?;
        Ok(Self {
            namespace,
            node,
            operator,
            _simulator: simulator,
        })
    }

    async fn declare(&self, objects: impl Iterator<Item = Value>) -> Result<()> {
        futures::stream::iter(objects)
            .map(|object| async move { self.namespace.apply_object(&object).await })
            .buffer_unordered(16)
            .try_for_each(|_| async { Ok(()) })
            .await
    }

    async fn all_ready(&self, kind: &str, wanted: usize) -> Result<()> {
        let began = Instant::now();
        loop {
            let objects = self.namespace.list(kind).await?;
            let ready = objects.iter().filter(|object| is_ready(object)).count();
            if ready == wanted {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("{ready} of {wanted} {kind} were Ready after {PATIENCE:?}");
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }

    /// Waits until the operator has used next to no processor time for a while, or a minute long: one that sweeps often
    /// never comes to rest.
    async fn at_rest(&self) -> Result<()> {
        for _ in 0..20 {
            let before = self.processor()?;
            tokio::time::sleep(Duration::from_secs(3)).await;
            if self.processor()? - before < 0.1 {
                break;
            }
        }
        Ok(())
    }

    /// Processor time while nothing happens from outside.
    async fn during(&self, span: Duration) -> Result<f64> {
        let before = self.processor()?;
        tokio::time::sleep(span).await;
        Ok(self.processor()? - before)
    }

    fn processor(&self) -> Result<f64> {
        processor_seconds(self.operator.pid()?)
    }
}

async fn installation(control_plane: &Arc<ControlPlane>, manifests: &[PathBuf]) -> Result<Installation> {
    if !manifests.is_empty() {
        return Installation::apply(control_plane, manifests).await;
    }
    let shipped = control_plane.installation().await?;
    Installation::existing(control_plane, shipped.namespace(), shipped.service_account()).await
}

fn login(number: usize) -> String {
    format!("user-{number:05}")
}

fn user(number: usize) -> Value {
    let spec = json!({
        "instanceRef": { "name": "node" }, "sourceType": "LOCAL_NO_AUTH",
        "userProfile": "READER", "groups": [{ "name": "readers" }],
    });
    object("DssUser", &login(number), spec)
}

fn object(kind: &str, name: &str, spec: Value) -> Value {
    let mut object = json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": name } });
    object["spec"] = spec;
    object
}

fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .any(|one| one["type"] == "Ready" && one["status"] == "True")
}
