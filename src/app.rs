//! Wires the operator together and runs it until it is told to stop.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::Context;
use kube::{Client, Config};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    args::RunArgs,
    dataiku::address::AddressPolicy,
    engine::{context::Surroundings, controller::stopped, fingerprint::Fingerprints, report::Reports, source_watch},
    kinds,
    metrics::Metrics,
    registry::Registry,
    server::{self, Health},
    telemetry,
};

/// Runs the operator until SIGTERM or SIGINT.
pub async fn run(args: RunArgs) -> anyhow::Result<()> {
    let RunArgs {
        watch_namespace,
        metrics_address,
        allow_addresses,
        release_after,
        log_format,
        namespace,
    } = args;
    telemetry::start(log_format);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "starting");
    let stop = stop_signal()?;
    let mut config = Config::infer().await.context("find a cluster")?;
    // The engine has a back-off of its own; the client's would hold a pass for minutes.
    config.default_retry = false;
    let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config).context("make a client for the cluster")?;

    let metrics = Arc::new(Metrics::default());
    let ready = Arc::new(AtomicBool::new(false));
    let health = Health {
        metrics: metrics.clone(),
        ready: ready.clone(),
    };
    let serving = tokio::spawn(server::serve(metrics_address, health, stopped(stop.clone())));

    let fingerprints = Fingerprints::load(&client, &namespace).await?;
    let addresses = AddressPolicy {
        allowed: allow_addresses,
    };
    let registry = Arc::new(Registry::new(addresses, metrics.clone()));
    let around = Surroundings {
        client: client.clone(),
        fingerprints: Arc::new(fingerprints),
        reports: Reports::start(client.clone()),
        passes: Arc::new(move |pass| metrics.passed(pass)),
        release_after,
    };
    let touched = source_watch::channel();
    let running = kinds::start(&around, &registry, watch_namespace.as_deref(), &touched, &stop);
    let watching = tokio::spawn(source_watch::run(client, watch_namespace, touched));
    tokio::spawn(async move {
        if running.ready.await {
            ready.store(true, Ordering::Relaxed);
            tracing::info!("every kind is watched");
        }
    });
    // A task that ends before it is told to is a failure of the operator: end, and be started anew.
    let ended = tokio::select! {
        () = running.passes => Ok(()),
        served = serving => served.context("the server failed").and_then(|served| served),
        watched = watching => watched.context("the watch on sources failed"),
    };
    tracing::info!("stopped");
    ended
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
        tracing::info!("stopping: passes under way are finished");
        let _ = tell.send(true);
    });
    Ok(told)
}
