//! The simulator as a program, for people without an instance and for demos.

use std::io::Write as _;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use serde_json::{Value, json};
use simulator::{InstanceConfig, Product, Seed, Simulator};

/// Serves simulated instances of Dataiku on 127.0.0.1 and prints their URLs and credentials as one line of JSON.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The control port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// Serve a DSS on this port; 0 takes a free one; may be repeated
    #[arg(long)]
    dss_port: Vec<u16>,
    /// Serve a Govern on this port; may be repeated
    #[arg(long)]
    govern_port: Vec<u16>,
    /// Serve a Launchpad on this port; may be repeated
    #[arg(long)]
    launchpad_port: Vec<u16>,
    /// Start each instance with so many users
    #[arg(long, default_value_t = 0)]
    seed_users: usize,
    /// Start each instance with so many groups
    #[arg(long, default_value_t = 0)]
    seed_groups: usize,
    /// Set a switch: NAME=VALUE, the value being JSON or else a text
    #[arg(long = "switch", value_name = "NAME=VALUE", value_parser = switch)]
    switches: Vec<(String, Value)>,
}

#[derive(Subcommand)]
enum Command {
    /// List the switches of every product: name, default, possible values, meaning
    Switches {
        /// As a table of Markdown, for docs/simulator.md
        #[arg(long)]
        markdown: bool,
    },
}

fn switch(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((
        name.to_owned(),
        serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
    ))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let args = Args::parse();
    if let Some(Command::Switches { markdown }) = args.command {
        return print(&if markdown {
            simulator::switches_markdown()
        } else {
            simulator::switches()
        });
    }
    let simulator = Simulator::start_on(args.control_port)
        .await
        .context("the control port")?;
    let mut instances = Vec::new();
    for config in configs(&args) {
        instances.push(simulator.instance(config).await?.describe());
    }
    print(&json!({"controlUrl": simulator.control_url(), "instances": instances}).to_string())?;
    wait_for_the_end().await
}

fn configs(args: &Args) -> Vec<InstanceConfig> {
    let Args {
        command: _,
        control_port: _,
        dss_port,
        govern_port,
        launchpad_port,
        seed_users,
        seed_groups,
        switches,
    } = args;
    let mut wanted: Vec<(Product, u16)> = Vec::new();
    for (product, ports) in [
        (Product::Dss, dss_port),
        (Product::Govern, govern_port),
        (Product::Launchpad, launchpad_port),
    ] {
        wanted.extend(ports.iter().map(|port| (product, *port)));
    }
    if wanted.is_empty() {
        wanted.push((Product::Dss, 0));
    }
    let config = |(product, port)| {
        let mut config = InstanceConfig::new(product).port(port);
        config.seed = Seed {
            users: *seed_users,
            groups: *seed_groups,
        };
        config.switches = switches.iter().cloned().collect();
        config
    };
    wanted.into_iter().map(config).collect()
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

async fn wait_for_the_end() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
