//! The benchmark: what many users cost, from nothing, at a restart, while nothing happens, and what an edit takes; for
//! our operator, and for others with the same job beside it.
//!
//! It asserts nothing about time. It fails when the node does not end as declared, since figures of work that was not
//! done are worth nothing.
#![allow(clippy::print_stdout, reason = "what it prints is what it is run for")]

mod args;
mod bed;
mod cases;
mod comparison;
mod contestant;
mod edits;
mod latency;
mod oracle;
mod phases;
mod probe;
mod report;
mod rivals;
mod workload;

use anyhow::Result;
use clap::Parser;

use self::{args::Args, bed::Bed};

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let contestants = args.contestants()?;
    println!("{}", report::machine()?);
    if !args.cases.is_empty() {
        println!("{}", cases::run(&args).await?);
        return Ok(());
    }
    for &users in &args.users {
        let mut runs = Vec::new();
        for &contestant in &contestants {
            let bed = Bed::start(&args, contestant, users).await?;
            let run = phases::run(bed, contestant, &args).await?;
            println!("{}", report::json(&run));
            runs.push(run);
        }
        match runs.as_slice() {
            [run] => println!("\n{}", report::table(run)),
            runs => println!("\n{}", comparison::table(runs)),
        }
    }
    Ok(())
}
