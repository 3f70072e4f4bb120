//! The phases of one run, in which the operator is measured.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;
use testbed::Operator;

use crate::{
    args::Args,
    bed::Bed,
    oracle,
    probe::{Memory, Reading, Usage, memory},
    report,
};

/// One phase.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Until `/readyz` said so.
    pub ready_seconds: Option<f64>,
    /// Until the work was done.
    pub seconds: f64,
    /// What it took.
    #[serde(flatten)]
    pub usage: Usage,
    /// The operator's memory at the end.
    pub memory_ki_b: Memory,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Number of `DssUser` objects.
    pub users: usize,
    /// How it was set up.
    pub setting: Args,
    /// From nothing on the node until every object is Ready.
    pub cold: Phase,
    /// Started again with everything in sync, until every object was looked at.
    pub restart: Phase,
    /// Nothing happens.
    pub steady: Phase,
}

/// Goes through all phases; fails unless the node ends each as declared.
pub async fn run(bed: Bed, args: &Args) -> Result<Run> {
    let mut operator = None;
    let cold = cold(&bed, &mut operator).await?;
    let Some(mut operator) = operator else {
        bail!("the operator was not started")
    };
    report::done("cold", &cold);
    let restart = restart(&bed, &mut operator).await?;
    report::done("restart", &restart);
    let steady = steady(&bed, &operator, args.steady_seconds).await?;
    operator.terminate().await?;
    Ok(Run {
        users: bed.users.len(),
        setting: args.clone(),
        cold,
        restart,
        steady,
    })
}

async fn cold(bed: &Bed, started: &mut Option<Operator>) -> Result<Phase> {
    let reading = Reading::start(bed, None).await?;
    let began = Instant::now();
    let operator = started.insert(bed.operator().await?);
    operator.ready().await?;
    let ready_seconds = Some(began.elapsed().as_secs_f64());
    oracle::all_ready(bed).await?;
    let seconds = began.elapsed().as_secs_f64();
    let usage = reading.end(bed, operator).await?;
    oracle::node_is_as_declared(bed)?;
    let memory = memory(operator)?;
    Ok(Phase {
        ready_seconds,
        seconds,
        usage,
        memory_ki_b: memory,
    })
}

async fn restart(bed: &Bed, operator: &mut Operator) -> Result<Phase> {
    // What the first phase began is over with the next look at the node: the counts in the status of the connection.
    let looks = bed.dss.count("D1");
    while bed.dss.count("D1") == looks {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    at_rest(bed, operator).await?;
    operator.terminate().await?;
    let versions = oracle::versions(bed).await?;
    let reading = Reading::start(bed, None).await?;
    let began = Instant::now();
    operator.restart().await?;
    let ready_seconds = Some(began.elapsed().as_secs_f64());
    every_object_was_looked_at(bed, operator).await?;
    let seconds = began.elapsed().as_secs_f64();
    at_rest(bed, operator).await?;
    let usage = reading.end(bed, operator).await?;
    oracle::node_is_as_declared(bed)?;
    if oracle::versions(bed).await? != versions {
        bail!("the restart wrote objects that were in sync");
    }
    Ok(Phase {
        ready_seconds,
        seconds,
        usage,
        memory_ki_b: memory(operator)?,
    })
}

async fn steady(bed: &Bed, operator: &Operator, seconds: u64) -> Result<Phase> {
    let reading = Reading::start(bed, Some(operator)).await?;
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let usage = reading.end(bed, operator).await?;
    oracle::node_is_as_declared(bed)?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Phase {
        ready_seconds: None,
        seconds,
        usage,
        memory_ki_b: memory(operator)?,
    })
}

/// Waits until a pass over each object has found it in sync after the first look at the node.
async fn every_object_was_looked_at(bed: &Bed, operator: &Operator) -> Result<()> {
    let began = Instant::now();
    loop {
        let metric = "dataiku_operator_reconcile_total{kind=\"DssUser\",reason=\"InSync\"}";
        let passes = operator.metric(metric).await?.unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "there are not that many users")]
        if passes >= bed.users.len() as f64 {
            return Ok(());
        }
        if began.elapsed() > Duration::from_mins(10) {
            bail!("only {passes} passes after ten minutes");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the operator has used next to no processor time for a while.
async fn at_rest(bed: &Bed, operator: &Operator) -> Result<()> {
    const QUIET: Duration = Duration::from_secs(3);
    let began = Instant::now();
    loop {
        let (before, calls) = (operator.cpu_seconds()?, bed.dss.requests().total);
        tokio::time::sleep(QUIET).await;
        let used = operator.cpu_seconds()? - before;
        if used < 0.1 && bed.dss.requests().total == calls {
            return Ok(());
        }
        if began.elapsed() > Duration::from_mins(10) {
            bail!("the operator does not come to rest");
        }
    }
}
