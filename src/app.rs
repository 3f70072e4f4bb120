//! Wires the operator together and runs it until it is told to stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use kube::{Client, Config, client::ClientBuilder};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
    task::JoinHandle,
};

use tower::limit::ConcurrencyLimitLayer;

use crate::{
    args::RunArgs,
    dataiku::address::AddressPolicy,
    engine::{
        clock::Clock,
        controller::stopped,
        environment::Environment,
        fingerprint::Fingerprints,
        mark,
        permit::{Alone, Fence},
        report::Reports,
        source_watch,
    },
    kinds,
    leader::{self, Elector, Leadership},
    metrics::Metrics,
    server::{self, Health},
    telemetry,
};

/// Longest wait for reconciles in progress after a stop. Kubernetes kills after 30 s; what is left goes to the last Events.
const DRAIN: Duration = Duration::from_secs(25);
/// Requests to the apiserver that wait for an answer at once; an open watch is none. It refuses a client of which it has
/// a few hundred, and watches that it refuses cost more than waiting here.
const REQUESTS: usize = 64;
/// A process that does not lead after this long is a follower.
const FIRST_ATTEMPT: Duration = Duration::from_secs(2);
/// Longest wait for the last Events.
const LAST_EVENTS: Duration = Duration::from_secs(3);

/// Runs the operator until SIGTERM or SIGINT.
#[allow(
    clippy::too_many_lines,
    reason = "the order in which things start and stop is one story"
)]
pub async fn run(args: RunArgs) -> anyhow::Result<()> {
    let RunArgs {
        watch_namespace,
        metrics_address,
        allow_addresses,
        release_after,
        propagation_deadline,
        log_format,
        leader_election,
        pod_name,
        namespace,
    } = args;
    telemetry::start(log_format);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "starting");
    let stop = stop_signal()?;
    let (client, home) = client(namespace).await?;
    let metrics = Arc::new(Metrics::default());
    let ready = Arc::new(AtomicBool::new(false));
    let health = Health {
        metrics: metrics.clone(),
        ready: ready.clone(),
    };
    let (end, ended) = watch::channel(false);
    let mut serving = tokio::spawn(server::serve(metrics_address, health, stopped(ended)));

    let (reports, mut publishing) = Reports::start(client.clone());
    let addresses = AddressPolicy {
        allowed: allow_addresses,
    };
    let clock = Clock::default();
    let leadership = Arc::new(Leadership::new(clock.clone()));
    let fence: Arc<dyn Fence> = if leader_election {
        leadership.clone()
    } else {
        Arc::new(Alone)
    };
    let env = Environment {
        cluster: mark::cluster(&client).await,
        fingerprints: Arc::new(Fingerprints::load(&client, &home).await?),
        client: client.clone(),
        reports,
        observer: metrics.clone(),
        calls: metrics.clone(),
        addresses: Arc::new(addresses),
        clock,
        fence,
        release_after,
        propagation_deadline,
    };
    let kinds = kinds::start(env, watch_namespace.as_deref(), stop.clone());
    let mut sources = source_watch::start(client.clone(), watch_namespace.clone(), kinds.watched.clone());
    tokio::select! {
        () = sources.listed() => {}
        () = stopped(stop.clone()) => return Ok(()),
        served = &mut serving => return served.context("the server failed")?,
    }
    let mut lease = None;
    if leader_election {
        let identity = pod_name.unwrap_or_else(|| format!("dataiku-operator-{:016x}", rand::random::<u64>()));
        let name = leader::lease_name(watch_namespace.as_deref());
        let mut elector = Elector::new(client, &home, name, identity, leadership);
        tokio::select! {
            () = lead(&mut elector, &ready) => {}
            () = stopped(stop.clone()) => return Ok(()),
            served = &mut serving => return served.context("the server failed")?,
        }
        lease = Some(Tenure::start(elector));
    }
    metrics.set_leader(true);
    let lost = async {
        match &mut lease {
            Some(tenure) => tenure.lost().await,
            None => std::future::pending().await,
        }
    };
    let (mut running, decided) = (kinds.run, kinds.decided);
    tokio::spawn(async move {
        decided.await;
        ready.store(true, Ordering::Relaxed);
        tracing::info!("every kind is watched");
    });
    // A task that ends before it is told to is a failure of the operator: end, and be started anew.
    let outcome = tokio::select! {
        // First, since at a stop idle kinds may all have ended by the time that this is looked at.
        biased;
        () = stopped(stop) => Ok(()),
        () = lost => Err(anyhow::anyhow!("the lease is lost: another replica may write from now on")),
        () = &mut running => Err(anyhow::anyhow!("a kind stopped by itself")),
        served = &mut serving => served.context("the server failed").and_then(|served| served),
        watched = &mut sources.task => watched.context("the watch on sources failed"),
    };
    if outcome.is_ok() && tokio::time::timeout(DRAIN, running).await.is_err() {
        tracing::warn!("reconciles in progress were not done in time");
    }
    metrics.set_leader(false);
    if let Some(tenure) = lease.filter(|_| outcome.is_ok()) {
        tenure.end().await;
    }
    if tokio::time::timeout(LAST_EVENTS, &mut publishing).await.is_err() {
        tracing::warn!("the last Events were not published in time");
    }
    let _ = end.send(true);
    tracing::info!("stopped");
    outcome
}

/// Waits until this process is the leader. A follower is ready: it takes over.
async fn lead(elector: &mut Elector, ready: &AtomicBool) {
    if tokio::time::timeout(FIRST_ATTEMPT, elector.acquire()).await.is_err() {
        tracing::info!("another replica leads: ready to take over");
        ready.store(true, Ordering::Relaxed);
        elector.acquire().await;
    }
}

/// The time in which this process holds the lease: a task renews it, also while the last reconciles finish.
struct Tenure {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Tenure {
    fn start(mut elector: Elector) -> Self {
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(async move {
            let released = tokio::select! {
                () = elector.keep() => false,
                ended = ended => ended.is_ok(),
            };
            if released {
                elector.release().await;
            }
        });
        Self { end, task }
    }

    /// Resolves when the lease is lost.
    async fn lost(&mut self) {
        // A panic of the task loses the lease too.
        let _ = (&mut self.task).await;
    }

    /// Gives the lease back.
    async fn end(self) {
        if self.end.send(()).is_ok() {
            let _ = self.task.await;
        }
    }
}

/// A client for the cluster, and the operator's own namespace.
async fn client(namespace: Option<String>) -> anyhow::Result<(Client, String)> {
    let mut config = Config::infer().await.context("find a cluster")?;
    // The engine has a back-off of its own; the client's would hold a reconcile for minutes.
    config.default_retry = false;
    let home = namespace.unwrap_or_else(|| config.default_namespace.clone());
    let builder = ClientBuilder::try_from(config).context("make a client for the cluster")?;
    let client = builder.with_layer(&ConcurrencyLimitLayer::new(REQUESTS)).build();
    Ok((client, home))
}

/// Turns true at SIGTERM or SIGINT.
fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let (tell, told) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: reconciles in progress are finished");
        let _ = tell.send(true);
    });
    Ok(told)
}
