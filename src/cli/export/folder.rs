//! The directory: complete, or not there.

use std::{
    collections::HashSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::report::Exported;
use crate::cli::{cluster::plural, kyaml};

/// Beside the manifests, and no manifest itself.
const SECRETS: &str = "secrets-to-create.yaml";
const KUSTOMIZATION: &str = "kustomization.yaml";

/// A directory that takes its place once everything is written. Dropped before, it leaves nothing.
pub(super) struct Folder {
    target: PathBuf,
    temporary: TempDir,
    files: HashSet<String>,
    resources: Vec<String>,
}

impl Folder {
    /// Checks that the place is free, and begins beside it.
    pub(super) fn create(target: &Path) -> anyhow::Result<Self> {
        match fs::read_dir(target).map(Iterator::count) {
            Ok(entries) if entries > 0 => {
                bail!("{} is not empty: name a new directory", target.display())
            }
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("read {}", target.display()));
            }
            _ => {}
        }
        let target = std::path::absolute(target).context("find the directory")?;
        let parent = target.parent().context("the directory cannot be the root")?;
        if !parent.is_dir() {
            bail!("there is no directory {}: create it first", parent.display());
        }
        let temporary = tempfile::Builder::new().prefix(".export-").tempdir_in(parent);
        // Its name says nothing to anybody.
        let temporary =
            temporary.map_err(|error| anyhow!("nothing can be written in {}: {}", parent.display(), error.kind()))?;
        fs::create_dir(temporary.path().join("out")).context("begin the directory")?;
        Ok(Self {
            target,
            temporary,
            files: HashSet::new(),
            resources: Vec::new(),
        })
    }

    /// Writes one manifest and returns its place; `None`: there is one of this name.
    pub(super) fn write(&mut self, kind: &str, name: &str, manifest: &Value) -> anyhow::Result<Option<String>> {
        let file = format!("{}/{name}.yaml", plural(kind));
        if !self.files.insert(file.clone()) {
            return Ok(None);
        }
        self.put(&file, manifest)?;
        self.resources.push(file.clone());
        Ok(Some(file))
    }

    /// Writes what stands beside the manifests, and puts the directory in its place; not with `dry_run`.
    pub(super) fn finish(mut self, report: &Exported, dry_run: bool) -> anyhow::Result<()> {
        let resources = std::mem::take(&mut self.resources);
        let kustomization = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources,
        });
        self.put(KUSTOMIZATION, &kustomization)?;
        self.put(SECRETS, &json!({ "secretsToCreate": report.secrets }))?;
        if dry_run {
            return Ok(());
        }
        let done = fs::rename(self.temporary.path().join("out"), &self.target);
        done.with_context(|| format!("put the files in {}", self.target.display()))
    }

    fn put(&self, file: &str, value: &Value) -> anyhow::Result<()> {
        let path = self.temporary.path().join("out").join(file);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all);
        let written = written.and_then(|()| fs::write(&path, kyaml::document(value)));
        written.with_context(|| format!("write {file}"))
    }
}
