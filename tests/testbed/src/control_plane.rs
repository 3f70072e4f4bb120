//! A Kubernetes control plane of one's own: etcd, kube-apiserver and kube-controller-manager on 127.0.0.1.
//!
//! There is no scheduler and no node, so no pod ever runs. Everything the apiserver itself does is real: schemas, CEL
//! rules, server-side apply, RBAC, watches, service-account tokens; and so are the deletion of namespaces, garbage
//! collection, the default service accounts and the aggregation of cluster roles, which the controller manager does.

mod launch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use tokio::sync::OnceCell;

use self::launch::{start_apiserver, start_controller_manager, start_etcd};

use crate::certificates::Certificates;
use crate::command;
use crate::installation::Installation;
use crate::kubeconfig::Access;
use crate::namespace::Namespace;
use crate::programs;
use crate::resources::Catalogue;
use crate::supervisor::{Folder, Program};

/// How a control plane is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether etcd waits for the disk. Off, as for tests, writes are faster than on any real cluster; on for
    /// measurements.
    pub fsync: bool,
}

/// A running control plane; dropping it stops its processes and removes its folder.
///
/// # Guarantees
///
/// Nothing stays behind when the process that started it ends in any way, SIGKILL included.
///
/// # Caveats
///
/// A client belongs to the runtime it was made in, so ask for one per test; the control plane itself may be shared.
#[derive(Debug)]
pub struct ControlPlane {
    // Fields drop in this order: first the programs, in the reverse order of their start, then their folder.
    controller_manager: Program,
    apiserver: Program,
    etcd: Program,
    folder: Folder,
    programs: PathBuf,
    url: String,
    certificates: Certificates,
    admin: Access,
    catalogue: Arc<Catalogue>,
    installation: OnceCell<Installation>,
}

static SHARED: OnceCell<Arc<ControlPlane>> = OnceCell::const_new();

// === impl ControlPlane ===

impl ControlPlane {
    /// Starts one for tests, and waits until it is ready.
    pub async fn start() -> Result<Arc<Self>> {
        Self::start_with(Options::default()).await
    }

    /// Starts one, and waits until it is ready.
    pub async fn start_with(options: Options) -> Result<Arc<Self>> {
        let programs = programs::folder().await?;
        let folder = Folder::create()?;
        let certificates = Certificates::create(folder.path())?;
        let mut etcd = start_etcd(&programs, &folder, options)?;
        let (apiserver, url, admin) = start_apiserver(&programs, &folder, &certificates, &mut etcd).await?;
        let controller_manager = start_controller_manager(&programs, &folder, &certificates, &admin)?;
        Ok(Arc::new(Self {
            controller_manager,
            apiserver,
            etcd,
            folder,
            programs,
            url,
            certificates,
            admin,
            catalogue: Arc::default(),
            installation: OnceCell::new(),
        }))
    }

    /// The one of this process, started at the first call.
    pub async fn shared() -> Result<Arc<Self>> {
        SHARED.get_or_try_init(Self::start).await.cloned()
    }

    /// The address of the apiserver.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The administrator's kubeconfig file.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        self.admin.path()
    }

    /// The temporary folder, for files that may go when the control plane goes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder with kubectl and Helm.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// The name and process id of each of its processes.
    #[must_use]
    pub fn processes(&self) -> Vec<(String, u32)> {
        [&self.etcd, &self.apiserver, &self.controller_manager]
            .map(|program| (program.name().to_owned(), program.pid()))
            .to_vec()
    }

    /// What a process wrote to its log, by the name of the program.
    #[must_use]
    pub fn log(&self, program: &str) -> Option<String> {
        [&self.etcd, &self.apiserver, &self.controller_manager]
            .into_iter()
            .find(|candidate| candidate.name() == program)
            .map(Program::log)
    }

    /// The configuration of a client with the administrator's rights.
    pub async fn config(&self) -> Result<kube::Config> {
        self.admin.config().await
    }

    /// A new client with the administrator's rights, for the runtime of the caller.
    pub async fn client(&self) -> Result<kube::Client> {
        self.admin.client().await
    }

    /// Makes a namespace, whose name starts with the hint.
    pub async fn namespace(self: &Arc<Self>, hint: &str) -> Result<Namespace> {
        Namespace::create_in(self, hint).await
    }

    /// What this repository ships, applied at the first call.
    pub async fn installation(self: &Arc<Self>) -> Result<&Installation> {
        self.installation.get_or_try_init(|| Installation::shipped(self)).await
    }

    /// Runs kubectl as the administrator; an exit status other than 0 is an error that quotes what it wrote.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        command::run(self, "kubectl", arguments, None).await
    }

    /// Runs Helm as the administrator; an exit status other than 0 is an error that quotes what it wrote.
    pub async fn helm(&self, arguments: &[&str]) -> Result<String> {
        command::run(self, "helm", arguments, None).await
    }

    /// Kubeconfig of somebody else at this control plane.
    pub(crate) fn access(&self, file: &str, token: &str) -> Result<Access> {
        Access::write(
            &self.folder().join(file),
            &self.url,
            &self.certificates.authority,
            token,
        )
    }

    pub(crate) fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    pub(crate) fn supervised(&self) -> &Folder {
        &self.folder
    }
}
