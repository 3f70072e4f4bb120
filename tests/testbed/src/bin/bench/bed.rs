//! The bed of one run: a control plane with every object declared, a node with nothing on it, and no operator yet.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt};
use serde_json::json;
use testbed::{
    ControlPlane, Namespace, Operator, Options,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};

use crate::{
    args::Args,
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
    binary: PathBuf,
    _simulator: Simulator,
}

impl Bed {
    /// Starts everything but the operator, and declares everything.
    pub async fn start(args: &Args, users: usize) -> Result<Self> {
        let options = Options { fsync: !args.no_fsync };
        let control_plane = ControlPlane::start_with(options).await?;
        control_plane.installation().await?;
        let simulator = Simulator::start().await?;
        let dss = simulator.instance(InstanceConfig::new(Product::Dss)).await?;
        if args.latency_ms > 0 {
            let fault = json!({ "kind": "latency", "millis": args.latency_ms });
            dss.fault(json!({ "match": {}, "times": 0, "fault": fault }));
        }
        let bed = Self {
            namespace: control_plane.namespace("people").await?,
            control_plane,
            dss,
            users: User::all(args, users),
            binary: operator_binary(args)?,
            _simulator: simulator,
        };
        bed.declare(args).await?;
        Ok(bed)
    }

    /// Starts the operator as shipped: all namespaces, log level info. It may not be ready yet.
    pub async fn operator(&self) -> Result<Operator> {
        let builder = Operator::builder(&self.binary).control_plane(&self.control_plane);
        builder.spawn().await
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

fn operator_binary(args: &Args) -> Result<PathBuf> {
    let binary = match &args.operator {
        Some(binary) => std::path::absolute(binary)?,
        None => std::env::current_exe()?.with_file_name("dataiku-operator"),
    };
    if !binary.is_file() {
        bail!("there is no operator at {}", binary.display());
    }
    Ok(binary)
}
