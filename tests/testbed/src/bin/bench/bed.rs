//! The bed of one run: a control plane with every object declared, a node with nothing on it, and no contestant yet.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt};
use serde_json::json;
use testbed::{
    ControlPlane, Installation, Namespace, Operator, Options, Process,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};

use crate::{
    args::Args,
    contestant::{Contestant, Program, Running},
    rivals,
    workload::{INSTANCE, User, connection},
};

/// Objects that are applied at once.
const AT_ONCE: usize = 16;

/// The bed of one run.
pub struct Bed {
    /// The control plane.
    pub control_plane: Arc<ControlPlane>,
    /// Where the objects are.
    pub namespace: Namespace,
    /// The node.
    pub dss: Instance,
    /// What is declared.
    pub users: Vec<User>,
    program: Program,
    /// The rights of a rival; our operator has those that this repository ships.
    rival: Option<Installation>,
    _simulator: Simulator,
}

impl Bed {
    /// Starts everything but the contestant, and declares everything.
    pub async fn start(args: &Args, contestant: Contestant, users: usize) -> Result<Self> {
        let program = program(args, contestant)?;
        let options = Options { fsync: !args.no_fsync };
        let control_plane = ControlPlane::start_with(options).await?;
        let rival = if contestant.is_rival() {
            let manifests = rivals::folder(args)?;
            Some(Installation::apply(&control_plane, &[manifests]).await?)
        } else {
            control_plane.installation().await?;
            None
        };
        let simulator = Simulator::start().await?;
        let node = contestant
            .release()
            .into_iter()
            .fold(InstanceConfig::new(Product::Dss), |node, release| {
                node.switch("release", json!(release))
            });
        let dss = simulator.instance(node).await?;
        if args.latency_ms > 0 {
            let fault = json!({ "kind": "latency", "millis": args.latency_ms });
            dss.fault(json!({ "match": {}, "times": 0, "fault": fault }));
        }
        let bed = Self {
            namespace: control_plane.namespace("people").await?,
            control_plane,
            dss,
            users: User::all(args, users),
            program,
            rival,
            _simulator: simulator,
        };
        bed.declare(args).await?;
        Ok(bed)
    }

    /// Starts the contestant as shipped: all namespaces, log level info. It may not be ready yet.
    pub async fn contestant(&self) -> Result<Running> {
        let (binary, arguments, environment) = match &self.program {
            Program::Operator(binary) => {
                let builder = Operator::builder(binary).control_plane(&self.control_plane);
                return builder.spawn().await.map(Running::Operator);
            }
            Program::Rival {
                binary,
                arguments,
                environment,
            } => (binary, arguments, environment),
        };
        let rights = self.rival.as_ref().context("a rival has rights of its own")?;
        let process = Process::new(&self.control_plane, binary, rights.kubeconfig())?;
        let process = arguments.iter().fold(process, Process::arg);
        let variable = |process: Process, (name, value): &(&str, String)| process.env(*name, value);
        let mut process = environment.iter().fold(process, variable);
        process.start()?;
        Ok(Running::Rival(process))
    }

    async fn declare(&self, args: &Args) -> Result<()> {
        let namespace = &self.namespace;
        namespace.secret(INSTANCE, &[("apiKey", self.dss.api_key())]).await?;
        namespace.apply_object(&connection(args, &self.dss)).await?;
        let objects = self
            .users
            .iter()
            .flat_map(|user| user.secret().into_iter().chain([user.object()]));
        futures::stream::iter(objects)
            .map(|object| async move { namespace.apply_object(&object).await })
            .buffer_unordered(AT_ONCE)
            .try_for_each(|_| async { Ok(()) })
            .await
            .context("declare the users")
    }
}

fn program(args: &Args, contestant: Contestant) -> Result<Program> {
    if contestant.is_rival() {
        return rivals::build(contestant, args);
    }
    operator_binary(args).map(Program::Operator)
}

/// The operator to measure.
pub fn operator_binary(args: &Args) -> Result<PathBuf> {
    let binary = match &args.operator {
        Some(binary) => std::path::absolute(binary)?,
        None => std::env::current_exe()?.with_file_name("dataiku-operator"),
    };
    if !binary.is_file() {
        bail!("there is no operator at {}", binary.display());
    }
    Ok(binary)
}
