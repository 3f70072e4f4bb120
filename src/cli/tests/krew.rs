//! The manifest of the kubectl plugin, as a release makes it from its archives.

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn a_release_names_each_archive_with_its_checksum() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().unwrap();
    let run = || {
        let script = root.join("hack/krew");
        let base = "https://example.com/v1.2.3";
        Command::new("bash")
            .arg(script)
            .args(["v1.2.3", base])
            .arg(folder.path())
            .output()
            .unwrap()
    };
    assert!(!run().status.success(), "a manifest without archives installs nothing");
    for platform in ["linux-amd64", "darwin-arm64"] {
        std::fs::write(folder.path().join(format!("kubectl-dataiku-{platform}.tar.gz")), "abc").unwrap();
    }
    let output = run();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let manifest: Value = serde_saphyr::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(manifest["spec"]["version"], "v1.2.3");
    let platforms = manifest["spec"]["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 2, "{manifest:#}");
    assert_eq!(
        platforms[1]["selector"],
        json!({ "matchLabels": { "os": "linux", "arch": "amd64" } })
    );
    assert_eq!(
        platforms[1]["uri"],
        "https://example.com/v1.2.3/kubectl-dataiku-linux-amd64.tar.gz"
    );
    let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(platforms[1]["sha256"], sum);
    assert_eq!(platforms[1]["bin"], "kubectl-dataiku");
    // The workflow of releases packs under the names that the script reads.
    let workflow = std::fs::read_to_string(root.join(".github/workflows/release.yaml")).unwrap();
    assert!(workflow.contains("tar -czf \"kubectl-dataiku-$PLATFORM.tar.gz\"") && workflow.contains("hack/krew "));
}
