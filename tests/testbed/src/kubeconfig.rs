//! Kubeconfig files: how a client finds the control plane and who it is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;

/// A kubeconfig file with one user.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    path: PathBuf,
}

impl Access {
    /// Writes the file: `token` is sent to the apiserver at `url`, whose certificate `authority` signed.
    pub(crate) fn write(path: &Path, url: &str, authority: &Path, token: &str) -> Result<Self> {
        let content = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "testbed", "cluster": {"server": url, "certificate-authority": authority}}],
            "users": [{"name": "testbed", "user": {"token": token}}],
            "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "testbed"}}],
            "current-context": "testbed",
        });
        // JSON is YAML, and every reader of a kubeconfig takes it.
        fs::write(path, serde_json::to_vec_pretty(&content)?)?;
        Ok(Self { path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) async fn config(&self) -> Result<kube::Config> {
        let kubeconfig = Kubeconfig::read_from(&self.path)?;
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        // A proxy of the environment has nothing to do with a server on this machine.
        config.proxy_url = None;
        Ok(config)
    }

    pub(crate) async fn client(&self) -> Result<kube::Client> {
        kube::Client::try_from(self.config().await?).context("no client could be made from the kubeconfig")
    }
}
