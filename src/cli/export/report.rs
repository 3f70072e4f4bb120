//! What an export did, for people and for scripts.

use std::path::Path;

use serde::Serialize;

use crate::cli::{
    output::{Report, Table},
    schema::Unevaluated,
};

/// What an export did.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Exported {
    directory: String,
    /// Whether nothing was written.
    dry_run: bool,
    /// The objects.
    pub written: Vec<Written>,
    /// What exists and is not among them.
    pub left_out: Vec<LeftOut>,
    /// What has to be created before secrets and credentials can be managed.
    pub secrets: Vec<Needed>,
    /// Rules of CRDs that only the apiserver evaluates.
    pub unevaluated: Vec<Unevaluated>,
    /// The kinds that were exported.
    #[serde(skip)]
    kinds: Vec<&'static str>,
}

/// One object.
#[derive(Serialize)]
pub(in crate::cli) struct Written {
    pub kind: &'static str,
    pub name: String,
    pub remote: String,
    pub file: String,
    /// Fields that the manifest cannot carry, since the schema refuses what the node has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<String>,
    /// Whether a directory owns the remote object, or decides who is in it.
    #[serde(skip)]
    pub from_directory: bool,
}

/// A remote object without a manifest.
#[derive(Serialize)]
pub(in crate::cli) struct LeftOut {
    pub kind: &'static str,
    pub remote: String,
    pub why: String,
    /// Whether it must not be declared, whatever it looks like.
    #[serde(skip)]
    pub is_protected: bool,
}

/// A secret value that the node holds and does not show.
#[derive(Serialize)]
pub(in crate::cli) struct Needed {
    /// The object, as `kind/name`.
    pub object: String,
    /// Field of the node's document.
    pub field: &'static str,
    /// Its name on the node.
    pub of: String,
    /// Suggested name of the Secret.
    pub secret: String,
    /// Suggested key in its data.
    pub key: String,
}

impl Exported {
    pub(super) fn new(directory: &Path, dry_run: bool) -> Self {
        Self {
            directory: directory.display().to_string(),
            dry_run,
            written: Vec::new(),
            left_out: Vec::new(),
            secrets: Vec::new(),
            unevaluated: Vec::new(),
            kinds: Vec::new(),
        }
    }

    /// Notes that a kind is exported.
    pub(super) fn begin(&mut self, kind: &'static str) {
        self.kinds.push(kind);
    }

    /// Notes elements of a list that have no readable key.
    pub(super) fn unreadable(&mut self, kind: &'static str, entries: Option<String>) {
        self.left_out.extend(entries.map(|remote| LeftOut {
            kind,
            remote,
            why: "they have no name that can be read".to_owned(),
            is_protected: false,
        }));
    }
}

/// What an export wrote, in a sentence.
pub(in crate::cli) fn wrote(directory: &str, manifests: usize, dry_run: bool) -> String {
    if dry_run {
        format!("{manifests} manifests would go to {directory}; nothing is written")
    } else {
        format!("wrote {manifests} manifests, kustomization.yaml and secrets-to-create.yaml to {directory}")
    }
}

impl Report for Exported {
    fn tables(&self) -> Vec<Table> {
        let count = |kind: &str| {
            let written = self.written.iter().filter(|one| one.kind == kind).count();
            let left = self.left_out.iter().filter(|one| one.kind == kind).count();
            vec![kind.to_owned(), written.to_string(), left.to_string()]
        };
        let mut tables = vec![Table {
            title: "Exported",
            columns: vec!["kind", "written", "left out"],
            rows: self.kinds.iter().map(|kind| count(kind)).collect(),
        }];
        let mut table = |title, columns, rows: Vec<Vec<String>>| {
            if !rows.is_empty() {
                tables.push(Table { title, columns, rows });
            }
        };
        let left = self.left_out.iter();
        let left = left.map(|one| vec![one.kind.to_owned(), one.remote.clone(), one.why.clone()]);
        table("Left out", vec!["kind", "remote", "why"], left.collect());
        let omitted = self.written.iter().filter(|one| !one.omitted.is_empty());
        let omitted = omitted.map(|one| vec![one.file.clone(), one.omitted.join(", ")]);
        table(
            "Fields that a manifest cannot carry",
            vec!["file", "fields"],
            omitted.collect(),
        );
        let secrets = self.secrets.iter();
        let secrets = secrets.map(|one| {
            vec![
                one.object.clone(),
                one.field.to_owned(),
                one.of.clone(),
                one.secret.clone(),
                one.key.clone(),
            ]
        });
        table(
            "Secrets to create before these are managed",
            vec!["object", "field", "name", "secret", "key"],
            secrets.collect(),
        );
        tables
    }

    fn sentences(&self) -> Vec<String> {
        vec![wrote(&self.directory, self.written.len(), self.dry_run)]
    }

    fn warnings(&self) -> Vec<String> {
        self.unevaluated.iter().map(ToString::to_string).collect()
    }
}
