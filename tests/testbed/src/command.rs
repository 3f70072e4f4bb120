//! kubectl and Helm as a user would run them, against one control plane and touching nothing of the user's own.

use std::fs::File;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::control_plane::ControlPlane;

/// Runs a program of the control plane with the administrator's kubeconfig and returns what it printed.
pub(crate) async fn run(plane: &ControlPlane, program: &str, words: &[&str], input: Option<&str>) -> Result<String> {
    let own = |name: &str| plane.folder().join("home").join(name);
    let mut command = Command::new(plane.programs().join(program));
    command
        .args(words)
        .env("KUBECONFIG", plane.kubeconfig())
        .env("KUBECACHEDIR", own("kubectl"))
        .env("KUBERC", "off")
        .env("HELM_CACHE_HOME", own("helm/cache"))
        .env("HELM_CONFIG_HOME", own("helm/config"))
        .env("HELM_DATA_HOME", own("helm/data"))
        .env("NO_PROXY", "127.0.0.1")
        .stdin(standard_input(input)?)
        .kill_on_drop(true);
    let output = command
        .output()
        .await
        .with_context(|| format!("{program} did not start"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{program} {} failed ({}): {complaint}{printed}",
            words.join(" "),
            output.status
        );
    }
    Ok(printed)
}

/// A file rather than a pipe, which would have to be fed while the output is read.
fn standard_input(text: Option<&str>) -> Result<Stdio> {
    use std::io::{Seek, Write};
    let Some(text) = text else { return Ok(Stdio::null()) };
    let mut file: File = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file.into())
}
