//! Manifests: from a file, all files of a directory, or standard input.

use std::{
    collections::HashMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::crd::common::GROUP;

/// Longest file.
const LARGEST: u64 = 256 << 20;

/// An object of ours in a file.
pub(super) struct Manifest {
    /// The file, for people.
    pub(super) place: String,
    /// Kind.
    pub(super) kind: String,
    /// Namespace.
    pub(super) namespace: String,
    /// Name.
    pub(super) name: String,
    /// The whole object.
    pub(super) object: Value,
}

/// What was found.
#[derive(Default)]
pub(super) struct Manifests {
    /// Objects of ours.
    pub(super) ours: Vec<Manifest>,
    /// How many others there are.
    pub(super) others: usize,
    /// Where each object of ours is, by kind, namespace and name.
    places: HashMap<(String, String, String), usize>,
}

/// Reads all manifests. `namespace`: that of objects that name none.
///
/// # Errors
/// Something cannot be read, or an object of ours has no name.
pub(super) fn read(sources: &[PathBuf], namespace: &str, input: &mut dyn Read) -> anyhow::Result<Manifests> {
    let mut found = Manifests::default();
    for source in sources {
        if source == Path::new("-") {
            let text = text(input).context("read manifests from standard input")?;
            found.add("standard input", &text, namespace)?;
            continue;
        }
        let files = files(source).with_context(|| format!("read {}", source.display()))?;
        for file in files {
            let place = file.display().to_string();
            let mut open = fs::File::open(&file).with_context(|| format!("open {place}"))?;
            let text = text(&mut open).with_context(|| format!("read {place}"))?;
            found.add(&place, &text, namespace)?;
        }
    }
    Ok(found)
}

fn text(source: &mut dyn Read) -> anyhow::Result<String> {
    let mut text = String::new();
    source.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        bail!("it is longer than {} MiB", LARGEST >> 20);
    }
    Ok(text)
}

/// The file, or all manifests below the directory, in the order of their names.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<fs::DirEntry> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if path.is_dir() && !hidden {
            found.extend(files(&path)?);
        } else if matches!(extension, Some("yaml" | "yml" | "json")) && !hidden {
            found.push(path);
        }
    }
    Ok(found)
}

/// The documents of a file. What a parser says of them may quote a value, so only the place is repeated.
pub(super) fn documents(place: &str, text: &str) -> anyhow::Result<Vec<Value>> {
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(vec![value]);
    }
    serde_saphyr::from_multiple(text).map_err(|error| {
        let line = error
            .location()
            .map_or_else(String::new, |at| format!(" (line {})", at.line()));
        anyhow::anyhow!("{place} is not YAML{line}")
    })
}

impl Manifests {
    fn add(&mut self, place: &str, text: &str, namespace: &str) -> anyhow::Result<()> {
        for document in documents(place, text)? {
            self.document(place, document, namespace)?;
        }
        Ok(())
    }

    /// Takes in an object of a cluster.
    pub(super) fn take(&mut self, place: &str, object: Value) -> anyhow::Result<()> {
        self.document(place, object, "default")
    }

    fn document(&mut self, place: &str, mut document: Value, namespace: &str) -> anyhow::Result<()> {
        if document.is_null() {
            return Ok(());
        }
        if document["kind"].as_str().is_some_and(|kind| kind.ends_with("List"))
            && let Value::Array(items) = document["items"].take()
        {
            return items
                .into_iter()
                .try_for_each(|item| self.document(place, item, namespace));
        }
        let version = document["apiVersion"].as_str().unwrap_or_default();
        if version.split('/').next() != Some(GROUP) {
            self.others += 1;
            return Ok(());
        }
        let kind = document["kind"].as_str().unwrap_or_default().to_owned();
        let metadata = &mut document["metadata"];
        if metadata["namespace"].is_null() && (metadata.is_object() || metadata.is_null()) {
            metadata["namespace"] = json!(namespace);
        }
        let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
        let (namespace, name) = (text("namespace"), text("name"));
        if name.is_empty() {
            bail!("{place}: an object of kind {kind} has no name");
        }
        let key = (kind.clone(), namespace.clone(), name.clone());
        if let Some(other) = self.places.insert(key, self.ours.len()) {
            let other = &self.ours[other].place;
            bail!("{kind} {namespace}/{name} is in {other} and in {place}");
        }
        self.ours.push(Manifest {
            place: place.to_owned(),
            kind,
            namespace,
            name,
            object: document,
        });
        Ok(())
    }
}
