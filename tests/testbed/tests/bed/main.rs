//! What the bed promises to the tests that stand on it, shown on a real control plane.

#![allow(
    clippy::unwrap_used,
    reason = "everything here is a test; clippy sees only the functions that are marked as one"
)]

mod cleanup;
mod control_plane;
mod namespace;
mod operator;
mod process;

use std::path::PathBuf;
use std::time::Duration;

use testbed::{ControlPlane, Installation, repository};
use tokio::sync::OnceCell;

/// For what takes a moment, on a machine that compiles on every core meanwhile.
const SOON: Duration = Duration::from_secs(30);

/// The CRD and the rights of the stand-in operator, applied once.
async fn installation() -> &'static Installation {
    static INSTALLATION: OnceCell<Installation> = OnceCell::const_new();
    let apply = async || {
        let fixture = repository().join("tests/testbed/tests/bed/fixture");
        let control_plane = ControlPlane::shared().await.unwrap();
        Installation::apply(&control_plane, &[fixture.join("crds"), fixture.join("deploy")])
            .await
            .unwrap()
    };
    INSTALLATION.get_or_init(apply).await
}

/// A program of `examples/`, which cargo builds together with the tests, beside the folder of their executables.
fn example(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let path = this.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        path.is_file(),
        "{} is built by `cargo test -p testbed` without `--test`",
        path.display()
    );
    path
}
