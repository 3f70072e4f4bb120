//! The flags each program of the control plane is started with.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Options;
use crate::certificates::Certificates;
use crate::kubeconfig::Access;
use crate::port;
use crate::supervisor::{Folder, Launch, Program, tail};

/// The token of the administrator, good for nothing outside the one control plane that listens on 127.0.0.1.
const ADMIN_TOKEN: &str = "testbed-admin";

/// Ready takes about four seconds; this is for a machine that compiles on every core meanwhile.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// How often a port may turn out to be taken in the moment between its choice and its use.
const PORT_ATTEMPTS: usize = 3;

/// The flags of one program, to be started in the control plane's folder.
fn launch<'a>(folder: &'a Folder, program: &'a Path, log: &'a Path, flags: &[String]) -> Launch<'a> {
    Launch {
        folder,
        directory: folder.path(),
        log,
        program,
        arguments: flags.iter().map(|flag| format!("--{flag}")).collect(),
        environment: Vec::new(),
    }
}

pub(super) fn start_etcd(programs: &Path, folder: &Folder, options: Options) -> Result<Program> {
    // Sockets in the folder instead of ports. etcd takes only an address with a port, and makes a file of that name.
    let (clients, peers) = ("unix://clients:0", "unix://peers:0");
    let mut flags = vec![
        "name=testbed".to_owned(),
        "data-dir=etcd".to_owned(),
        format!("listen-client-urls={clients}"),
        format!("advertise-client-urls={clients}"),
        format!("listen-peer-urls={peers}"),
        format!("initial-advertise-peer-urls={peers}"),
        format!("initial-cluster=testbed={peers}"),
        "log-level=warn".to_owned(),
    ];
    if !options.fsync {
        flags.push("unsafe-no-fsync".to_owned());
    }
    launch(folder, &programs.join("etcd"), &folder.path().join("etcd.log"), &flags).start()
}

pub(super) async fn start_apiserver(
    programs: &Path,
    folder: &Folder,
    certificates: &Certificates,
    etcd: &mut Program,
) -> Result<(Program, String, Access)> {
    std::fs::write(
        folder.path().join("tokens.csv"),
        format!("{ADMIN_TOKEN},admin,admin,system:masters\n"),
    )?;
    let log = folder.path().join("kube-apiserver.log");
    for _ in 0..PORT_ATTEMPTS {
        let port = port::free()?;
        let url = format!("https://127.0.0.1:{port}");
        let admin = Access::write(
            &folder.path().join("admin.kubeconfig"),
            &url,
            &certificates.authority,
            ADMIN_TOKEN,
        )?;
        let flags = apiserver_flags(port, certificates);
        let mut apiserver = launch(folder, &programs.join("kube-apiserver"), &log, &flags).start()?;
        match ready(&admin, &mut apiserver, etcd).await {
            Ok(()) => return Ok((apiserver, url, admin)),
            Err(_) if apiserver.log().contains("address already in use") => {}
            Err(error) => return Err(error),
        }
    }
    bail!("every port chosen for the apiserver was taken by another process in the moment before it started")
}

fn apiserver_flags(port: u16, certificates: &Certificates) -> Vec<String> {
    vec![
        "etcd-servers=unix://clients:0".to_owned(),
        "bind-address=127.0.0.1".to_owned(),
        format!("secure-port={port}"),
        format!("tls-cert-file={}", certificates.server.display()),
        format!("tls-private-key-file={}", certificates.server_key.display()),
        "authorization-mode=RBAC".to_owned(),
        "token-auth-file=tokens.csv".to_owned(),
        "service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!(
            "service-account-signing-key-file={}",
            certificates.signing_key.display()
        ),
        format!("service-account-key-file={}", certificates.verification_key.display()),
        "service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "allow-privileged=true".to_owned(),
        // There is one apiserver and no pod that could ask for its address.
        "endpoint-reconciler-type=none".to_owned(),
        "profiling=false".to_owned(),
    ]
}

pub(super) fn start_controller_manager(
    programs: &Path,
    folder: &Folder,
    certificates: &Certificates,
    admin: &Access,
) -> Result<Program> {
    let controllers = [
        "namespace-controller",
        "garbage-collector-controller",
        "serviceaccount-controller",
        "root-ca-certificate-publisher-controller",
        "clusterrole-aggregation-controller",
    ];
    let flags = [
        format!("kubeconfig={}", admin.path().display()),
        format!("controllers={}", controllers.join(",")),
        format!("root-ca-file={}", certificates.authority.display()),
        "secure-port=0".to_owned(),
        "leader-elect=false".to_owned(),
        // The default of 20 a second makes parallel tests wait for one another's namespaces.
        "kube-api-qps=500".to_owned(),
        "kube-api-burst=1000".to_owned(),
    ];
    let log = folder.path().join("kube-controller-manager.log");
    launch(folder, &programs.join("kube-controller-manager"), &log, &flags).start()
}

/// Waits until the apiserver says that it is ready.
async fn ready(admin: &Access, apiserver: &mut Program, etcd: &mut Program) -> Result<()> {
    let client = admin.client().await?;
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        etcd.check()?;
        apiserver.check()?;
        let request = http::Request::get("/readyz")
            .body(Vec::new())
            .context("a constant request")?;
        let Err(error) = client.request_text(request).await else {
            return Ok(());
        };
        if Instant::now() > deadline {
            let log = apiserver.log();
            bail!(
                "the apiserver was not ready in {START_TIMEOUT:?}: {error}; the end of its log:\n{}",
                tail(&log)
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
