//! What is assumed of DSS and Govern nodes, every way: each switch of the simulator at each of its values, under a life of all
//! kinds. Whatever a node answers, the objects end in sync or in a state that names why not, the operator then writes nothing
//! more, and their end leaves nothing behind.
//!
//! Every release is tried with the likeliest answers, and every other answer on the newest one. With
//! `DATAIKU_OPERATOR_TEST_RELEASES=all`, every answer is tried on all releases; with `DATAIKU_OPERATOR_TEST_SETTINGS`, only settings
//! whose text contains it, such as `A14` or `12.5.0`.

mod life;
mod objects;

use std::env;

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::{node::Rig, simulated_time};

/// From the oldest to the newest.
const RELEASES: [&str; 4] = ["12.5.0", "13.5.0", "14.2.0", "15.2.0"];

/// A switch at one of its values.
pub(crate) type Setting = (String, Value);

/// Every switch of a product at each of its values but the default, as the documentation of the simulator lists them. A switch with
/// a number of milliseconds assumes nothing.
pub(crate) fn settings(product: &str) -> Vec<Setting> {
    let table = include_str!("../../../docs/simulator.md");
    let cells = |line: &str| -> Vec<String> {
        let line = line.replace("\\|", "\u{1}");
        let cells = line.split('|').map(|cell| cell.trim().replace('\u{1}', "|"));
        cells.collect()
    };
    let rows = table.lines().filter(|line| line.starts_with("| ")).map(cells);
    let mut all = Vec::new();
    for row in rows.filter(|row| row.len() == 7 && row[1].split(", ").any(|one| one == product)) {
        let name = row[2].trim_matches('`').to_owned();
        let default: Value = serde_json::from_str(row[3].trim_matches('`')).unwrap();
        let values: Vec<Value> = match &*row[4] {
            "a number of milliseconds" | "a release such as 14.2.0" => Vec::new(),
            "a status from 400 to 599" => [400, 404, 409, 500].map(Value::from).into(),
            "a status from 200 to 599" => [200, 207, 400, 500].map(Value::from).into(),
            "true | false" => [true, false].map(Value::from).into(),
            "a text or null" => vec![Value::Null, json!("readers")],
            texts => texts.split(" | ").map(Value::from).collect(),
        };
        let others = values.into_iter().filter(|value| *value != default);
        all.extend(others.map(|value| (name.clone(), value)));
    }
    assert!(all.len() > 20, "{product}: {all:?}");
    all
}

/// A node at one setting.
struct Case {
    release: &'static str,
    setting: Setting,
}

impl Case {
    fn name(&self) -> String {
        let (switch, value) = &self.setting;
        format!("{switch} = {value} on {}", self.release)
    }
}

fn cases(product: &str) -> Vec<Case> {
    let [.., newest] = RELEASES;
    let wanted = |name: &str| env::var(name).unwrap_or_default();
    let all_releases = wanted("DATAIKU_OPERATOR_TEST_RELEASES") == "all";
    let mut cases: Vec<Case> = RELEASES
        .map(|release| Case {
            release,
            setting: ("release".to_owned(), json!(release)),
        })
        .into();
    for release in RELEASES
        .into_iter()
        .filter(|release| all_releases || *release == newest)
    {
        let settings = settings(product).into_iter();
        cases.extend(settings.map(|setting| Case { release, setting }));
    }
    let selected = wanted("DATAIKU_OPERATOR_TEST_SETTINGS");
    cases.retain(|case| case.name().contains(&selected));
    cases
}

fn every_setting(product: Product, name: &str) {
    let cases = cases(name);
    simulated_time::each(&cases, Case::name, async |case| {
        let (switch, value) = &case.setting;
        let config = InstanceConfig::new(product)
            .switch("release", json!(case.release))
            .switch(switch, value.clone());
        let rig = Rig::with(config).await;
        life::Life::new(rig, case.setting.clone(), case.name()).live().await;
    });
}

#[test]
fn every_kind_of_a_dss_node_is_right_at_every_setting() {
    every_setting(Product::Dss, "dss");
}

#[test]
fn every_kind_of_a_govern_node_is_right_at_every_setting() {
    every_setting(Product::Govern, "govern");
}
