//! `docs/coverage.md` against the CRDs and the operations that the contract tests drive.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own sources has failed")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// What the page writes after a field that no CRD has.
const MARK: &str = " *(not yet)*";
/// Heading of the section that lists what is not built. Its fields are not resolved.
const NOT_YET: &str = "## Not yet";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The page without its last section.
fn page() -> String {
    let text = read("docs/coverage.md");
    text.split(NOT_YET).next().unwrap().to_owned()
}

/// The schema of each kind.
fn schemas() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let is_definition = |path: &PathBuf| path.to_string_lossy().ends_with(".dataiku-operator.io.yaml");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(is_definition)
        .map(|path| {
            let definition: Value = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            let kind = definition["spec"]["names"]["kind"].as_str().unwrap().to_owned();
            let schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
            (kind, schema)
        })
        .collect()
}

/// Texts between backticks, each with what follows it on its line.
fn code(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let parts: Vec<_> = line.split('`').collect();
        for pair in parts.windows(2).skip(1).step_by(2) {
            found.push((pair[0], pair[1]));
        }
    }
    found
}

/// Whether a text has the form `Kind.spec.path` or `Kind.status.path`.
fn is_field(text: &str) -> bool {
    let mut parts = text.split('.');
    let kind = parts.next().unwrap_or_default();
    let is_kind = ["Dss", "Govern", "Launchpad"]
        .iter()
        .any(|product| kind.starts_with(product));
    is_kind && matches!(parts.next(), Some("spec" | "status"))
}

/// Whether a CRD has the field. `[]` after a name steps into the elements of a list.
fn exists(schemas: &BTreeMap<String, Value>, field: &str) -> bool {
    let (kind, path) = field.split_once('.').unwrap();
    let Some(mut schema) = schemas.get(kind) else {
        return false;
    };
    for part in path.split('.') {
        let name = part.trim_end_matches("[]");
        let Some(next) = schema["properties"].get(name) else {
            return false;
        };
        schema = if part.ends_with("[]") { &next["items"] } else { next };
    }
    schema.is_object()
}

/// Every operation of the contract tests, and every function of the vendor's client that they call.
fn driven() -> BTreeSet<String> {
    let operations = read("tests/contract/operations.tsv");
    let numbers = operations
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next())
        .map(str::to_owned);
    let table = read("docs/contract-coverage.md");
    let calls = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| line.split('|').nth(4))
        .flat_map(code)
        .map(|(call, _)| call.to_owned());
    numbers.chain(calls).filter(|name| !name.is_empty()).collect()
}

#[test]
fn every_field_that_the_coverage_page_names_exists_or_is_marked_as_missing() {
    let schemas = schemas();
    let page = page();
    let fields: Vec<_> = code(&page).into_iter().filter(|(text, _)| is_field(text)).collect();
    assert!(fields.len() > 100, "the page names {} fields", fields.len());
    let wrong: BTreeSet<_> = fields
        .iter()
        .filter(|(field, after)| exists(&schemas, field) == after.starts_with(MARK))
        .map(|(field, _)| *field)
        .collect();
    assert!(
        wrong.is_empty(),
        "docs/coverage.md is wrong about {wrong:?}: run tests/docs/coverage, which sets the marks by crds/"
    );
}

#[test]
fn the_coverage_page_has_every_operation_and_function_that_the_contract_tests_drive() {
    let page = page();
    let rows: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split('|').next())
        .map(str::trim)
        .collect();
    let names: BTreeSet<_> = code(&page).into_iter().map(|(text, _)| text).collect();
    let driven = driven();
    assert!(driven.len() > 250, "the contract tests name {} things", driven.len());
    let missing: Vec<_> = driven
        .iter()
        .filter(|name| match name.split_once('.') {
            None => !rows.contains(name.as_str()),
            Some((class, _)) => !names.contains(name.as_str()) && !names.contains(format!("{class}.*").as_str()),
        })
        .collect();
    assert!(missing.is_empty(), "docs/coverage.md says nothing about {missing:?}");
}

#[test]
fn a_field_that_no_crd_has_is_found_missing() {
    let schemas = schemas();
    for there in [
        "DssUser.spec",
        "DssUser.spec.groups[].name",
        "LaunchpadSpace.status.nodes[].type",
    ] {
        assert!(is_field(there) && exists(&schemas, there), "{there}");
    }
    for missing in [
        "DssUser.spec.grups",
        "DssUser.spec.groups.name",
        "DssPerson.spec.login",
        "DssUser.status.remote.x",
    ] {
        assert!(is_field(missing) && !exists(&schemas, missing), "{missing}");
    }
    assert!(
        !is_field("GovernUser.get_settings"),
        "a function of the vendor's client is no field"
    );
}
