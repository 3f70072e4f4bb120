//! The benchmark: what many users cost, from nothing, at a restart, and while nothing happens.
//!
//! It asserts nothing about time. It fails when the node does not end as declared, since figures of work that was not
//! done are worth nothing.
#![allow(clippy::print_stdout, reason = "what it prints is what it is run for")]

mod args;
mod bed;
mod oracle;
mod phases;
mod probe;
mod report;
mod workload;

use anyhow::Result;
use clap::Parser;

use self::{args::Args, bed::Bed};

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    println!("{}", report::machine()?);
    for &users in &args.users {
        let bed = Bed::start(&args, users).await?;
        let run = phases::run(bed, &args).await?;
        println!("\n{}\n{}", report::table(&run), report::json(&run));
    }
    Ok(())
}
