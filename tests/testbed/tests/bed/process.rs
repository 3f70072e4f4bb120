//! Any other program runs beside the control plane.

use std::time::Duration;

use testbed::{ControlPlane, Process};

use crate::{SOON, installation};

async fn shell(script: &str) -> Process {
    let control_plane = ControlPlane::shared().await.unwrap();
    let kubeconfig = installation().await.kubeconfig();
    let process = Process::new(&control_plane, "/bin/sh", kubeconfig).unwrap();
    process.env("SAID", "a word").arg("-c").arg(script)
}

async fn said(process: &mut Process, text: &str) {
    let wait = async {
        while !process.logs().contains(text) {
            process.check().unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.unwrap();
}

#[tokio::test]
async fn it_has_a_kubeconfig_and_its_environment_and_starts_again_after_a_stop() {
    let mut process = shell("test -f \"$KUBECONFIG\" && echo $SAID; exec sleep 600").await;
    assert!(process.pid().is_err() && process.check().is_err());
    process.start().unwrap();
    said(&mut process, "a word").await;
    let first = process.pid().unwrap();
    assert_eq!(process.stop(SOON).await.unwrap(), Some(128 + 15));
    assert_eq!(process.stop(SOON).await.unwrap(), None);
    process.start().unwrap();
    assert_ne!(process.pid().unwrap(), first);
}

#[tokio::test]
async fn one_that_ignores_sigterm_is_killed_after_the_patience() {
    let mut process = shell("trap '' TERM; echo $SAID; while :; do sleep 1; done").await;
    process.start().unwrap();
    said(&mut process, "a word").await;
    let pid = process.pid().unwrap();
    assert_eq!(process.stop(Duration::from_millis(100)).await.unwrap(), None);
    assert!(!std::fs::exists(format!("/proc/{pid}")).unwrap());
}

#[tokio::test]
async fn one_that_ended_is_an_error_with_its_log() {
    let mut process = shell("echo $SAID; exit 3").await;
    process.start().unwrap();
    let ended = async {
        loop {
            match process.check() {
                Ok(()) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => return error.to_string(),
            }
        }
    };
    let error = tokio::time::timeout(SOON, ended).await.unwrap();
    assert!(error.contains("a word"), "{error}");
}
