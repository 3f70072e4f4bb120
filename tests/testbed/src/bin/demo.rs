//! The demo: a real control plane, a simulated Dataiku, the operator, and `examples/` brought to Ready.
#![allow(clippy::print_stdout, reason = "what it prints is what it is run for")]

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testbed::{
    ControlPlane, Operator, repository,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};

/// Until every object is Ready. A busy machine needs a few seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// Drift interval of the demo's connections, so that a change by hand is repaired while one looks.
const INTERVAL: &str = "5s";

#[tokio::main]
async fn main() -> Result<()> {
    let once = std::env::args().any(|argument| argument == "--once");
    println!("starting a control plane, a simulated Dataiku and the operator …");
    let control_plane = ControlPlane::start().await?;
    control_plane.installation().await?;
    let simulator = Simulator::start().await?;
    let dss = simulator.instance(InstanceConfig::new(Product::Dss)).await?;
    let operator = Operator::builder(operator_binary()?)
        .control_plane(&control_plane)
        .start()
        .await?;

    let shown = show(&control_plane, &dss).await;
    if let Err(error) = shown {
        println!("{error:#}\n--- the operator's log ends ---\n{}", tail(&operator.logs()));
        bail!("the demo did not come to its end");
    }
    println!("\nTo look around:\n");
    println!("  export KUBECONFIG={}", control_plane.kubeconfig().display());
    println!("  export PATH={}:$PATH", control_plane.programs().display());
    println!("  kubectl get dataiku -A; kubectl explain dssuser.spec; kubectl -n team-a get events");
    println!(
        "  curl -s {}/instances/{}/state?at=/users/jane.doe",
        simulator.control_url(),
        dss.id()
    );
    if once {
        return Ok(());
    }
    println!("\nCtrl-C ends it.");
    tokio::signal::ctrl_c().await.context("wait for Ctrl-C")
}

async fn show(control_plane: &Arc<ControlPlane>, dss: &Instance) -> Result<()> {
    println!("applying examples/ …");
    for (name, text) in examples(dss)? {
        let file = control_plane.folder().join(name);
        std::fs::write(&file, text)?;
        control_plane.kubectl(&["apply", "-f", &file.to_string_lossy()]).await?;
    }
    everything_ready(control_plane).await?;
    println!(
        "\n$ kubectl get dataiku -A\n{}",
        control_plane.kubectl(&["get", "dataiku", "-A"]).await?
    );

    let by_hand = "changed-by-hand@example.com";
    println!("somebody changes the email of jane.doe in Dataiku to {by_hand} …");
    dss.patch_state(json!({ "users": { "jane.doe": { "email": by_hand } } }))
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let changed = Instant::now();
    while dss.state_at("/users/jane.doe/email") != Some(json!("jane@example.com")) {
        if changed.elapsed() > PATIENCE {
            bail!("the change was not repaired within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!(
        "… and {:.1} s later it is jane@example.com again (drift interval {INTERVAL}).\n",
        changed.elapsed().as_secs_f64()
    );
    let events = [
        "-n",
        "team-a",
        "get",
        "events",
        "--field-selector",
        "involvedObject.name=jane.doe",
    ];
    println!(
        "$ kubectl {}\n{}",
        events.join(" "),
        control_plane.kubectl(&events).await?
    );
    Ok(())
}

/// The examples as they stand, but for the address of the node and the secret values.
fn examples(dss: &Instance) -> Result<Vec<(&'static str, String)>> {
    let read = |name: &str| {
        let path = repository().join("examples").join(name);
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    let address = format!(
        "url: {}\n  driftInterval: {INTERVAL}\n  tls:\n    allowInsecureHttp: true",
        dss.url()
    );
    let secrets = read("secrets.yaml")?
        .replace("apiKey: replace-me", &format!("apiKey: {}", dss.api_key()))
        .replace("password: replace-me", "password: correct-horse");
    let objects = read("dss.yaml")?.replace("url: https://dss.example.com", &address);
    Ok(vec![("secrets.yaml", secrets), ("dss.yaml", objects)])
}

async fn everything_ready(control_plane: &Arc<ControlPlane>) -> Result<()> {
    let began = Instant::now();
    loop {
        let listed = control_plane.kubectl(&["get", "dataiku", "-A", "-o", "json"]).await?;
        let listed: Value = serde_json::from_str(&listed)?;
        let objects = listed["items"].as_array().cloned().unwrap_or_default();
        let waiting: Vec<String> = objects.iter().filter_map(not_ready).collect();
        if !objects.is_empty() && waiting.is_empty() {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!("not Ready after {} s:\n{}", PATIENCE.as_secs(), waiting.join("\n"));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// What an object says of itself that is not Ready.
fn not_ready(object: &Value) -> Option<String> {
    let ready = testbed::Condition::of(object, "Ready");
    let name = format!(
        "{} {}/{}",
        object["kind"], object["metadata"]["namespace"], object["metadata"]["name"]
    );
    match ready {
        Some(ready) if ready.status == "True" => None,
        Some(ready) => Some(format!("{name}: {}: {}", ready.reason, ready.message)),
        None => Some(format!("{name}: no condition yet")),
    }
}

/// The operator beside this program: `cargo build --workspace` makes both.
fn operator_binary() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let binary = here.with_file_name("dataiku-operator");
    if !binary.is_file() {
        bail!("{} is missing: build the whole workspace first", binary.display());
    }
    Ok(binary)
}

fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
