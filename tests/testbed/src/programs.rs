//! Where the programs of the control plane are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// What a control plane cannot do without. Helm is asked for only by those who use it.
const NEEDED: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];

/// The root of the repository this crate was compiled in.
#[must_use]
pub fn repository() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.ancestors().nth(2).unwrap_or(crate_folder).to_owned()
}

/// The folder with the programs, which are compiled first when `tests/controlplane` changed.
pub(crate) async fn folder() -> Result<PathBuf> {
    let script = repository().join("tests/controlplane/build");
    let output = Command::new(&script)
        .stderr(std::process::Stdio::inherit())
        .output()
        .await
        .with_context(|| format!("{} did not start", script.display()))?;
    if !output.status.success() {
        bail!(
            "{} failed ({}); its reason stands above",
            script.display(),
            output.status
        );
    }
    let folder = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    let missing: Vec<_> = NEEDED
        .into_iter()
        .filter(|program| !folder.join(program).is_file())
        .collect();
    if !missing.is_empty() {
        bail!(
            "{} holds no {}; is KUBEBUILDER_ASSETS set to a smaller set?",
            folder.display(),
            missing.join(", no ")
        );
    }
    Ok(folder)
}
