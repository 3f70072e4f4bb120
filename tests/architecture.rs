//! The layers: what may use what. Reads the `crate::` paths of every file in `src/`.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own sources has failed")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each folder of `src/` and what it may use. Everything else at the top of `src/` may use all of them. The engine reaches a
/// remote side through the parts of the client that all products share, and knows no product.
const LAYERS: [(&str, &[&str]); 4] = [
    ("crd", &[]),
    ("dataiku", &[]),
    (
        "engine",
        &[
            "crd",
            "dataiku::address",
            "dataiku::document",
            "dataiku::error",
            "dataiku::fields",
            "dataiku::gate",
            "dataiku::json_value",
            "dataiku::permit",
            "dataiku::redact",
            "dataiku::transport",
        ],
    ),
    ("kinds", &["crd", "dataiku", "engine"]),
];

/// Kinds of the CRDs, none of which the engine may name.
const CRD_PARTS: [&str; 7] = [
    "crd::applied",
    "crd::common",
    "crd::connection",
    "crd::delegation",
    "crd::propagation",
    "crd::run",
    "crd::status",
];

/// Crates that only some layers may use.
const CRATES: [(&str, &[&str]); 4] = [
    ("kube", &["crd", "engine", "kinds"]),
    ("k8s_openapi", &["crd", "engine", "kinds"]),
    ("kube_runtime", &["engine"]),
    ("reqwest", &["dataiku"]),
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Paths that the file names after `root`, with brace lists unfolded: `crate::{a::B, c}` gives `a::B` and `c`.
fn paths_after(root: &str, text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some(at) = rest.find(root) {
        let is_start = !rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        rest = &rest[at + root.len()..];
        if is_start {
            unfold("", rest, &mut found);
        }
    }
    found
}

/// Reads one path, or a brace list of paths, at the start of `text`; returns what follows it.
fn unfold<'a>(prefix: &str, text: &'a str, found: &mut BTreeSet<String>) -> &'a str {
    let text = text.trim_start();
    let Some(list) = text.strip_prefix('{') else {
        let end = text
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .unwrap_or(text.len());
        let (path, rest) = text.split_at(end);
        if path.ends_with("::") && rest.starts_with('{') {
            return unfold(&format!("{prefix}{path}"), rest, found);
        }
        found.insert(format!("{prefix}{path}"));
        return rest;
    };
    let mut rest = list.trim_start();
    while !rest.starts_with('}') && !rest.is_empty() {
        rest = unfold(prefix, rest, found).trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    rest.strip_prefix('}').unwrap_or(rest)
}

fn within(path: &str, allowed: &str) -> bool {
    path == allowed || path.starts_with(&format!("{allowed}::"))
}

#[test]
fn each_layer_uses_only_what_is_below_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut read = 0;
    for (layer, allowed) in LAYERS {
        let mut found = Vec::new();
        files(&source.join(layer), &mut found);
        // A test may check a layer with a real record.
        found.retain(|file| !is_test(file.strip_prefix(&source).unwrap()));
        assert!(!found.is_empty(), "layer {layer} has no file");
        for file in found {
            read += 1;
            let text = fs::read_to_string(&file).unwrap();
            let outside = paths_after("crate::", &text)
                .into_iter()
                .filter(|path| !within(path, layer) && !allowed.iter().any(|allowed| within(path, allowed)));
            wrong.extend(outside.map(|path| format!("{} uses crate::{path}", file.display())));
        }
    }
    assert!(read > 20, "only {read} files were read");
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_engine_names_no_kind() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&source.join("engine"), &mut found);
    let mut wrong = Vec::new();
    for file in found {
        let text = fs::read_to_string(&file).unwrap();
        let parts = paths_after("crate::", &text).into_iter();
        let kinds = parts.filter(|path| within(path, "crd") && !CRD_PARTS.iter().any(|part| within(path, part)));
        wrong.extend(kinds.map(|path| format!("{} uses crate::{path}", file.display())));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_file_leaves_its_layer_by_super() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (layer, _) in LAYERS {
        let mut found = Vec::new();
        files(&source.join(layer), &mut found);
        for file in found {
            let text = fs::read_to_string(&file).unwrap();
            let relative = file.strip_prefix(&source).unwrap();
            let is_mod = relative.file_stem().is_some_and(|name| name == "mod");
            let depth = relative.components().count() - usize::from(is_mod);
            // A module of tests inside of the file is one deeper.
            let deepest = if text.contains("mod tests {") { depth } else { depth - 1 };
            if longest_run("super::", &text) > deepest {
                wrong.push(file.display().to_string());
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// How often `word` stands in a row at most.
fn longest_run(word: &str, text: &str) -> usize {
    (1..8).take_while(|count| text.contains(&word.repeat(*count))).count()
}

#[test]
fn only_some_layers_know_kubernetes_and_only_one_knows_http() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (name, allowed) in CRATES {
        for (layer, _) in LAYERS {
            if allowed.contains(&layer) {
                continue;
            }
            let mut found = Vec::new();
            files(&source.join(layer), &mut found);
            for file in found {
                let text = fs::read_to_string(&file).unwrap();
                if !paths_after(&format!("{name}::"), &text).is_empty() {
                    wrong.push(format!("{} uses {name}", file.display()));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Where a write permit may be made. Everything else gets one from there.
const PERMIT_MAKERS: [&str; 2] = ["engine/permit.rs", "dataiku/permit.rs"];

#[test]
fn only_the_engine_makes_write_permits() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    let wrong: Vec<_> = found
        .iter()
        .map(|file| file.strip_prefix(&source).unwrap())
        .filter(|file| !PERMIT_MAKERS.iter().any(|maker| *file == Path::new(maker)) && !is_test(file))
        .filter(|file| {
            let text = fs::read_to_string(source.join(file)).unwrap();
            // An alias would hide the constructor from the search.
            ["WritePermit::new", "WritePermit as ", "= WritePermit;"]
                .iter()
                .any(|form| text.contains(form))
        })
        .collect();
    assert_eq!(wrong, Vec::<&Path>::new());
}

/// Files that only test builds compile.
fn is_test(file: &Path) -> bool {
    let name = file.file_stem().unwrap().to_str().unwrap();
    name == "tests" || name.ends_with("_tests") || file.iter().any(|part| part == "tests")
}

#[test]
fn a_brace_list_is_unfolded() {
    let text = "use crate::{crd::{DssUser, common::Policies}, engine::Plan};\nlet x = crate::app::run();";
    let found: Vec<_> = paths_after("crate::", text).into_iter().collect();
    assert_eq!(
        found,
        ["app::run", "crd::DssUser", "crd::common::Policies", "engine::Plan"]
    );
}
