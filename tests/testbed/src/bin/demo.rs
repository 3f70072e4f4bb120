//! The demo: a real control plane, the three products simulated, the operator, and `examples/` brought to Ready.
#![allow(clippy::print_stdout, reason = "what it prints is what it is run for")]

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testbed::{
    Condition, ControlPlane, Operator, repository,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};

/// Until every object is Ready, and until a change is repaired. A busy machine needs a few seconds.
const PATIENCE: Duration = Duration::from_mins(2);
/// Drift interval of the demo's connections, so that a change by hand is repaired while one looks.
const INTERVAL: &str = "5s";
/// Whose email is changed by hand.
const PERSON: &str = "jane.doe";

#[tokio::main]
async fn main() -> Result<()> {
    let once = std::env::args().any(|argument| argument == "--once");
    println!("starting a control plane, a simulated DSS, Govern and Launchpad, and the operator …");
    let control_plane = ControlPlane::start().await?;
    control_plane.installation().await?;
    let simulator = Simulator::start().await?;
    let dataiku = Dataiku::start(&simulator).await?;
    let mut operator = Operator::builder(operator_binary()?)
        .control_plane(&control_plane)
        .start()
        .await?;

    if let Err(error) = show(&control_plane, &dataiku).await {
        println!("\nthe end of the operator's log:\n{}", tail(&operator.logs()));
        return Err(error);
    }
    if once {
        operator.terminate().await?;
        return Ok(());
    }
    println!("To look around in another terminal, until Ctrl-C here:\n");
    println!("  export KUBECONFIG={}", control_plane.kubeconfig().display());
    println!("  export PATH={}:$PATH", control_plane.programs().display());
    println!("  kubectl explain dssuser.spec");
    println!("  kubectl -n team-a edit dssuser {PERSON}");
    println!("  kubectl -n team-a describe dssuser {PERSON}");
    println!("  kubectl -n team-a get launchpadgroup analytics-team -o yaml");
    let user = format!("state?at=/users/{PERSON}");
    println!(
        "  curl -s {}/instances/{}/{user}",
        simulator.control_url(),
        dataiku.dss.id()
    );
    tokio::signal::ctrl_c().await.context("wait for Ctrl-C")?;
    println!();
    Ok(())
}

/// One instance of each product.
struct Dataiku {
    dss: Instance,
    govern: Instance,
    launchpad: Instance,
}

impl Dataiku {
    async fn start(simulator: &Simulator) -> Result<Self> {
        Ok(Self {
            dss: simulator.instance(InstanceConfig::new(Product::Dss)).await?,
            govern: simulator.instance(InstanceConfig::new(Product::Govern)).await?,
            launchpad: simulator.instance(InstanceConfig::new(Product::Launchpad)).await?,
        })
    }
}

/// Applies the examples, waits for Ready, and makes one drift that is repaired.
async fn show(control_plane: &Arc<ControlPlane>, dataiku: &Dataiku) -> Result<()> {
    let dss = &dataiku.dss;
    let applied = Instant::now();
    for (name, text) in examples(dataiku)? {
        let file = control_plane.folder().join(name);
        std::fs::write(&file, text)?;
        control_plane.kubectl(&["apply", "-f", &file.to_string_lossy()]).await?;
    }
    everything_ready(control_plane).await?;
    println!(
        "examples/ applied, and everything Ready {:.1} s later:\n",
        applied.elapsed().as_secs_f64()
    );
    // The counts of the connection are those of its last look at the node, which was before the users were created.
    let created = dss.count("D1") + 1;
    until("another look at the node", || async { Ok(dss.count("D1") >= created) }).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    kubectl(control_plane, &["get", "dataiku", "-A"]).await?;
    let propagated = [
        "-n",
        "team-a",
        "wait",
        "launchpadgroup/analytics-team",
        "--for=condition=Propagated",
        "--timeout=60s",
    ];
    kubectl(control_plane, &propagated).await?;
    drift(dss).await?;
    let about = format!("involvedObject.name={PERSON}");
    let events = ["-n", "team-a", "get", "events", "--field-selector", &about];
    until("the Event about the repair", || async {
        Ok(control_plane.kubectl(&events).await?.contains("set email"))
    })
    .await?;
    kubectl(control_plane, &events).await
}

async fn drift(dss: &Instance) -> Result<()> {
    let pointer = format!("/users/{PERSON}/email");
    let declared = dss.state_at(&pointer).unwrap_or_default();
    let by_hand = "changed-by-hand@example.com";
    println!("In Dataiku, somebody changes the email of {PERSON} to {by_hand} …");
    dss.patch_state(json!({ "users": { PERSON: { "email": by_hand } } }))?;
    let changed = Instant::now();
    until("the repair of the email", || async {
        Ok(dss.state_at(&pointer).as_ref() == Some(&declared))
    })
    .await?;
    println!(
        "… and {:.1} s later it is {} again; this connection is swept every {INTERVAL}.\n",
        changed.elapsed().as_secs_f64(),
        declared.as_str().unwrap_or_default()
    );
    Ok(())
}

/// The examples as they stand, but for the addresses and the secret values.
fn examples(dataiku: &Dataiku) -> Result<Vec<(&'static str, String)>> {
    let read = |name: &str| {
        let path = repository().join("examples").join(name);
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    let Dataiku { dss, govern, launchpad } = dataiku;
    let secrets = read("secrets.yaml")?
        .replacen("apiKey: replace-me", &format!("apiKey: {}", dss.api_key()), 1)
        .replacen("apiKey: replace-me", &format!("apiKey: {}", govern.api_key()), 1)
        .replace("apiKeyId: replace-me", &format!("apiKeyId: {}", launchpad.api_key_id()))
        .replace(
            "apiKeySecret: replace-me",
            &format!("apiKeySecret: {}", launchpad.api_key_secret()),
        )
        .replace("password: replace-me", "password: correct-horse")
        .replace("allowed-hosts: dss.example.com", "allowed-hosts: 127.0.0.1")
        .replace("allowed-hosts: govern.example.com", "allowed-hosts: 127.0.0.1")
        .replace(
            "allowed-hosts: api.launchpad-dku.app.dataiku.io",
            "allowed-hosts: 127.0.0.1",
        );
    let space = format!("spaceId: {}\n  {}", launchpad.space_id(), address(launchpad));
    Ok(vec![
        ("secrets.yaml", secrets),
        (
            "dss.yaml",
            read("dss.yaml")?.replace("url: https://dss.example.com", &address(dss)),
        ),
        (
            "govern.yaml",
            read("govern.yaml")?.replace("url: https://govern.example.com", &address(govern)),
        ),
        (
            "launchpad.yaml",
            read("launchpad.yaml")?.replace("spaceId: space-0123", &space),
        ),
    ])
}

/// How a connection reaches a simulated instance.
fn address(instance: &Instance) -> String {
    format!(
        "url: {}\n  driftInterval: {INTERVAL}\n  tls:\n    allowInsecureHttp: true",
        instance.url()
    )
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
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What an object says of itself that is not Ready.
fn not_ready(object: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = format!(
        "{} {}/{}",
        text(&object["kind"]),
        text(&object["metadata"]["namespace"]),
        text(&object["metadata"]["name"])
    );
    match Condition::of(object, "Ready") {
        Some(ready) if ready.is("True", object) => None,
        Some(ready) => Some(format!("{name}: {}: {}", ready.reason, ready.message)),
        None => Some(format!("{name}: no condition yet")),
    }
}

async fn until<F: Future<Output = Result<bool>>>(what: &str, holds: impl Fn() -> F) -> Result<()> {
    let began = Instant::now();
    while !holds().await? {
        if began.elapsed() > PATIENCE {
            bail!("{what} did not come about within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Runs kubectl and shows it with what it prints.
async fn kubectl(control_plane: &ControlPlane, arguments: &[&str]) -> Result<()> {
    let printed = control_plane.kubectl(arguments).await?;
    println!("$ kubectl {}\n{printed}", arguments.join(" "));
    Ok(())
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
