//! The phases of one run, in which a contestant is measured.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde::Serialize;
use testbed::Operator;

use crate::{
    args::{Args, Part},
    bed::Bed,
    contestant::{Contestant, Running},
    edits::{self, Changes},
    oracle,
    probe::{Memory, Reading, Usage, memory, processor_seconds},
    report,
};

/// Longest wait for every object to have been visited after a restart.
const PATIENCE: Duration = Duration::from_mins(10);
/// What rivals get to finish what they do, since they never come to rest: each object has a timer of its own.
const SETTLE: Duration = Duration::from_secs(3);

/// One phase.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Until `/readyz` said so, where there is one.
    pub ready_seconds: Option<f64>,
    /// Until the work was done.
    pub seconds: f64,
    /// What it took.
    #[serde(flatten)]
    pub usage: Usage,
    /// The contestant's memory at the end.
    pub memory_ki_b: Memory,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Who was measured.
    pub contestant: Contestant,
    /// Number of `DssUser` objects.
    pub users: usize,
    /// How it was set up.
    pub setting: Args,
    /// From nothing on the node until every object is Ready.
    pub cold: Phase,
    /// Started again with everything in sync, until every object was visited.
    pub restart: Option<Phase>,
    /// Nothing happens.
    pub steady: Option<Phase>,
    /// Edits, until Ready.
    pub edits: Option<Changes>,
    /// Changes on the node, until undone.
    pub drift: Option<Changes>,
}

/// Goes through all phases; fails unless the node ends each as declared.
pub async fn run(mut bed: Bed, contestant: Contestant, args: &Args) -> Result<Run> {
    let (mut running, cold) = cold(&bed).await?;
    let mut run = Run {
        contestant,
        users: bed.users.len(),
        setting: args.clone(),
        cold,
        restart: None,
        steady: None,
        edits: None,
        drift: None,
    };
    report::done(contestant, "cold", &run.cold);
    if args.has(Part::Restart) {
        let restart = restart(&bed, &mut running).await?;
        report::done(contestant, "restart", &restart);
        run.restart = Some(restart);
    }
    if args.has(Part::Rest) {
        let steady = steady(&bed, &running, args.steady_seconds).await?;
        report::done(contestant, "rest", &steady);
        run.steady = Some(steady);
    }
    if args.has(Part::Edits) {
        at_rest(&bed, &mut running).await?;
        run.edits = Some(edits::edits(&mut bed, &mut running, args.edits).await?);
    }
    if args.has(Part::Drift) {
        run.drift = Some(edits::drift(&bed, &mut running).await?);
    }
    running.stop().await?;
    Ok(run)
}

async fn cold(bed: &Bed) -> Result<(Running, Phase)> {
    let reading = Reading::start(bed, None).await?;
    let began = Instant::now();
    let mut running = bed.contestant().await?;
    let ready_seconds = running.ready().await?.then(|| began.elapsed().as_secs_f64());
    oracle::all_ready(bed, &mut running).await?;
    let seconds = began.elapsed().as_secs_f64();
    let usage = reading.end(bed, running.pid()?).await?;
    oracle::node_is_as_declared(bed)?;
    let phase = Phase {
        ready_seconds,
        seconds,
        usage,
        memory_ki_b: memory(running.pid()?)?,
    };
    Ok((running, phase))
}

async fn restart(bed: &Bed, running: &mut Running) -> Result<Phase> {
    // What the first phase began is over with the next look at the node: the counts in the status of the connection.
    let looks = bed.dss.count("D1");
    while bed.dss.count("D1") == looks {
        running.check()?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    at_rest(bed, running).await?;
    running.stop().await?;
    let versions = oracle::versions(bed).await?;
    let reading = Reading::start(bed, None).await?;
    let began = Instant::now();
    let ready_seconds = running.start().await?.then(|| began.elapsed().as_secs_f64());
    every_object_was_visited(bed, running).await?;
    let seconds = began.elapsed().as_secs_f64();
    at_rest(bed, running).await?;
    let usage = reading.end(bed, running.pid()?).await?;
    oracle::node_is_as_declared(bed)?;
    if oracle::versions(bed).await? != versions {
        bail!("the restart wrote objects that were in sync");
    }
    Ok(Phase {
        ready_seconds,
        seconds,
        usage,
        memory_ki_b: memory(running.pid()?)?,
    })
}

async fn steady(bed: &Bed, running: &Running, seconds: u64) -> Result<Phase> {
    let reading = Reading::start(bed, Some(running.pid()?)).await?;
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let usage = reading.end(bed, running.pid()?).await?;
    oracle::node_is_as_declared(bed)?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Phase {
        ready_seconds: None,
        seconds,
        usage,
        memory_ki_b: memory(running.pid()?)?,
    })
}

/// Waits until a contestant knows of each object that it is in sync.
async fn every_object_was_visited(bed: &Bed, running: &mut Running) -> Result<()> {
    match running {
        Running::Operator(operator) => every_object_was_found_in_sync(bed, operator).await,
        Running::Rival(_) => every_user_was_read(bed, running).await,
    }
}

/// Waits until a pass over each object has found it in sync after the first look at the node.
async fn every_object_was_found_in_sync(bed: &Bed, operator: &Operator) -> Result<()> {
    let began = Instant::now();
    loop {
        let metric = "dataiku_operator_reconcile_total{kind=\"DssUser\",reason=\"InSync\"}";
        let passes = operator.metric(metric).await?.unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "there are not that many users")]
        if passes >= bed.users.len() as f64 {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!("only {passes} passes after {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until each user has been read from the node. Of a contestant that reads users one by one nothing else tells
/// when it has gone through all of them.
async fn every_user_was_read(bed: &Bed, running: &mut Running) -> Result<()> {
    /// The log of the node has the newest 10,000 calls, and copying it costs processor time.
    const UNREAD: u64 = 5_000;
    let (began, wanted) = (Instant::now(), u64::try_from(bed.users.len())?);
    let (mut read, mut examined) = (HashSet::new(), 0);
    loop {
        let calls = bed.dss.calls();
        if calls - examined >= UNREAD || bed.dss.count("D3") >= wanted {
            let answered = bed.dss.requests().log.into_iter().filter(|call| call.status == 200);
            let logins = answered.filter(|call| call.operation == "D3");
            read.extend(logins.filter_map(|call| call.path.rsplit('/').next().map(str::to_owned)));
            examined = calls;
        }
        if bed.users.iter().all(|user| read.contains(&user.login())) {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!("only {} of {wanted} users were read after {PATIENCE:?}", read.len());
        }
        running.check()?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until our operator has used next to no processor time for a while; gives a rival time to finish.
async fn at_rest(bed: &Bed, running: &mut Running) -> Result<()> {
    if matches!(running, Running::Rival(_)) {
        tokio::time::sleep(SETTLE).await;
        return running.check();
    }
    let began = Instant::now();
    loop {
        let (before, calls) = (processor_seconds(running.pid()?)?, bed.dss.calls());
        tokio::time::sleep(SETTLE).await;
        let used = processor_seconds(running.pid()?)? - before;
        if used < 0.1 && bed.dss.calls() == calls {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!("the operator does not come to rest");
        }
    }
}
