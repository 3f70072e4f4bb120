//! Starts a control plane and an operator, prints the process ids and the folder, and waits to be killed.
//!
//! The tests kill it in every way a test run can end and then look for what it left: `until_killed OPERATOR`.

use std::io::Write;
use std::path::PathBuf;

use testbed::{ControlPlane, Installation, Operator, repository};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let binary = PathBuf::from(std::env::args().nth(1).expect("the path of an operator"));
    let control_plane = ControlPlane::shared().await?;
    let fixture = repository().join("tests/testbed/tests/bed/fixture");
    let installation = Installation::apply(&control_plane, &[fixture.join("crds"), fixture.join("deploy")]).await?;
    let namespace = control_plane.namespace("killed").await?;
    let operator = Operator::builder(binary)
        .namespace(&namespace)
        .installation(&installation)
        .start()
        .await?;

    let mut pids: Vec<_> = control_plane.processes().into_iter().map(|(_, pid)| pid).collect();
    pids.push(operator.pid()?);
    let mut output = std::io::stdout();
    writeln!(
        output,
        "{}",
        serde_json::json!({"pids": pids, "folder": control_plane.folder()})
    )?;
    output.flush()?;
    std::future::pending().await
}
