//! What `docs/simulator.md` says about switches is what the simulator has.

use std::collections::BTreeSet;
use std::path::Path;

/// The assumptions of the contract sheet are A1 to this one.
const LAST_ASSUMPTION: u32 = 52;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/simulator.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_table_of_switches_is_the_one_that_the_program_prints() {
    assert!(
        page().contains(&simulator::switches_markdown()),
        "put the output of `simulator switches --markdown` into docs/simulator.md"
    );
}

#[test]
fn every_assumption_has_a_switch_or_a_reason_to_have_none() {
    let listed = simulator::switches();
    let switches: BTreeSet<&str> = listed.lines().filter_map(|line| line.split('\t').nth(1)).collect();
    let page = page();
    let (_, reasons) = page.split_once("## Assumptions without a switch").unwrap();
    for number in 1..=LAST_ASSUMPTION {
        let name = format!("A{number}");
        let has_one = switches.contains(name.as_str());
        let explained = reasons.contains(&format!("\n- **{name}** "));
        assert!(has_one != explained, "{name}: switch {has_one}, reason {explained}");
    }
}
