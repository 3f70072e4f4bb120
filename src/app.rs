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
    sync::watch,
};

use tower::limit::ConcurrencyLimitLayer;

use crate::{
    args::RunArgs,
    dataiku::address::AddressPolicy,
    engine::{
        clock::Clock, controller::stopped, environment::Environment, fingerprint::Fingerprints, permit::Alone,
        report::Reports, source_watch,
    },
    kinds,
    metrics::Metrics,
    server::{self, Health},
    telemetry,
};

/// Longest wait for reconciles in progress after a stop. Kubernetes kills after 30 s; what is left goes to the last Events.
const DRAIN: Duration = Duration::from_secs(25);
/// Requests to the apiserver that wait for an answer at once; an open watch is none. It refuses a client of which it has
/// a few hundred, and watches that it refuses cost more than waiting here.
const REQUESTS: usize = 64;
/// Longest wait for the last Events.
const LAST_EVENTS: Duration = Duration::from_secs(3);

/// Runs the operator until SIGTERM or SIGINT.
pub async fn run(args: RunArgs) -> anyhow::Result<()> {
    let RunArgs {
        watch_namespace,
        metrics_address,
        allow_addresses,
        release_after,
        propagation_deadline,
        log_format,
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
    let env = Environment {
        fingerprints: Arc::new(Fingerprints::load(&client, &home).await?),
        client: client.clone(),
        reports,
        observer: metrics.clone(),
        calls: metrics,
        addresses: Arc::new(addresses),
        clock: Clock::default(),
        fence: Arc::new(Alone),
        release_after,
        propagation_deadline,
    };
    let kinds = kinds::start(env, watch_namespace.as_deref(), stop.clone());
    let mut sources = source_watch::start(client, watch_namespace.clone(), kinds.watched.clone());
    tokio::select! {
        () = sources.listed() => {}
        () = stopped(stop.clone()) => return Ok(()),
        served = &mut serving => return served.context("the server failed")?,
    }
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
        () = &mut running => Err(anyhow::anyhow!("a kind stopped by itself")),
        served = &mut serving => served.context("the server failed").and_then(|served| served),
        watched = &mut sources.task => watched.context("the watch on sources failed"),
    };
    if outcome.is_ok() && tokio::time::timeout(DRAIN, running).await.is_err() {
        tracing::warn!("reconciles in progress were not done in time");
    }
    if tokio::time::timeout(LAST_EVENTS, &mut publishing).await.is_err() {
        tracing::warn!("the last Events were not published in time");
    }
    let _ = end.send(true);
    tracing::info!("stopped");
    outcome
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
