//! Wires the operator together and runs it until it is told to stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use kube::Client;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
    task::JoinHandle,
};

use crate::{
    apiserver::{self, Heard},
    args::RunArgs,
    engine::{
        clock::Clock,
        connect::delegation::Privileges,
        controller::stopped,
        environment::Environment,
        fingerprint::Fingerprints,
        mark,
        namespaces::{self, Namespaces},
        permit::{Alone, Fence},
        policy::Policy,
        report::Reports,
        scope::Scope,
        source_watch,
        sources::Sources,
    },
    kinds,
    leader::{self, Elector, Leadership},
    metrics::Metrics,
    server::{self, Health},
    telemetry,
};

/// Longest wait for reconciles in progress after a stop. Kubernetes kills after 30 s; what is left goes to the last Events.
const DRAIN: Duration = Duration::from_secs(25);
/// A process that does not lead after this long is a follower.
const FIRST_ATTEMPT: Duration = Duration::from_secs(2);
/// Longest wait for the last Events.
const LAST_EVENTS: Duration = Duration::from_secs(3);

/// What the operator finds around it. Tests without a cluster make their own.
pub struct Surroundings {
    /// The apiserver.
    pub client: Client,
    /// The apiserver, for the lease alone: calls that hang must not use up the places of those that renew it.
    pub leases: Client,
    /// When the apiserver last answered.
    pub heard: Heard,
    /// The operator's own namespace.
    pub home: String,
    /// The wall clock.
    pub clock: Clock,
    /// Turns true when the operator is to stop.
    pub stop: watch::Receiver<bool>,
}

/// Runs the operator of this process until SIGTERM or SIGINT.
pub async fn run(args: RunArgs) -> anyhow::Result<()> {
    telemetry::start(args.log_format);
    let stop = stop_signal()?;
    let heard = Heard::default();
    let (client, home) = apiserver::client(args.namespace.clone(), heard.clone()).await?;
    let (leases, _) = apiserver::client(args.namespace.clone(), heard.clone()).await?;
    let clock = Clock::default();
    let surroundings = Surroundings {
        client,
        leases,
        heard,
        home,
        clock,
        stop,
    };
    operate(args, surroundings).await
}

/// Runs the operator until it is told to stop. Logging and the namespace in the arguments are the caller's.
#[allow(
    clippy::too_many_lines,
    reason = "the order in which things start and stop is one story"
)]
pub async fn operate(args: RunArgs, surroundings: Surroundings) -> anyhow::Result<()> {
    let RunArgs {
        watch_namespaces,
        metrics_address,
        addresses,
        privileged_permissions,
        require_host_consent,
        allow_insecure_tls,
        default_deletion_policy,
        release_after,
        propagation_deadline,
        log_format: _,
        leader_election,
        pod_name,
        namespace: _,
    } = args;
    let Surroundings {
        client,
        leases,
        heard,
        home,
        clock,
        stop,
    } = surroundings;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "starting");
    let metrics = Arc::new(Metrics::default());
    let ready = Arc::new(AtomicBool::new(false));
    let health = Health {
        metrics: metrics.clone(),
        ready: ready.clone(),
        heard,
    };
    let (end, ended) = watch::channel(false);
    let mut serving = tokio::spawn(server::serve(metrics_address, health, stopped(ended)));

    let (reports, mut publishing) = Reports::start(client.clone());
    let namespaces = Namespaces::default();
    let addresses = addresses.policy();
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
        sources: Sources::default(),
        reports,
        observer: metrics.clone(),
        addresses: Arc::new(addresses),
        privileges: Arc::new(Privileges::new(privileged_permissions)),
        policy: Arc::new(Policy {
            require_host_consent,
            allow_insecure_tls,
            default_deletion: default_deletion_policy,
        }),
        namespaces: namespaces.clone(),
        clock,
        fence,
        release_after,
        propagation_deadline,
    };
    let scope = Scope::of(watch_namespaces);
    let kinds = kinds::start(env, scope.clone(), stop.clone());
    metrics.observe(kinds.watched.clone(), kinds.measured.clone());
    metrics.observe_refusals(scope.refusals().clone());
    let mut sources = source_watch::start(&client, &scope, kinds.watched.clone());
    let mut labels = namespaces::start(&client, &scope, &namespaces, &kinds.watched);
    tokio::select! {
        ((), ()) = async { tokio::join!(sources.listed(), labels.listed()) } => {}
        () = stopped(stop.clone()) => return Ok(()),
        served = &mut serving => return served.context("the server failed")?,
    }
    let mut lease = None;
    if leader_election {
        let identity = pod_name.unwrap_or_else(|| format!("dataiku-operator-{:016x}", rand::random::<u64>()));
        let name = leader::lease_name(scope.names().first().map(String::as_str));
        let mut elector = Elector::new(leases, &home, name, identity, leadership);
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
        watched = &mut labels.task => watched.context("the watch on namespaces failed"),
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
