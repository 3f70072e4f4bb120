//! What a client sees under each answer of each switch.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

#[macro_use]
mod answers;
#[path = "../dss/client.rs"]
#[expect(dead_code, reason = "the tests of DSS use all of it")]
mod client;
#[path = "../launchpad/client.rs"]
#[expect(dead_code, reason = "the tests of the Launchpad use all of it")]
mod cloud;
mod nodes;
mod only_dss;
mod only_govern;
mod space;

/// The switches that the rows of these files show, by product.
const ROWS: [(&str, &[&str]); 19] = [
    ("dss", nodes::accounts::dss::NAMES),
    ("dss", nodes::groups::dss::NAMES),
    ("dss", nodes::keys::dss::NAMES),
    ("dss", nodes::refusals::dss::NAMES),
    ("dss", nodes::releases::dss::NAMES),
    ("dss", nodes::tasks::dss::NAMES),
    ("dss", only_dss::dss::NAMES),
    ("govern", nodes::accounts::govern::NAMES),
    ("govern", nodes::groups::govern::NAMES),
    ("govern", nodes::keys::govern::NAMES),
    ("govern", nodes::refusals::govern::NAMES),
    ("govern", nodes::releases::govern::NAMES),
    ("govern", nodes::tasks::govern::NAMES),
    ("govern", only_govern::govern::NAMES),
    ("launchpad", space::access::launchpad::NAMES),
    ("launchpad", space::groups::launchpad::NAMES),
    ("launchpad", space::people::launchpad::NAMES),
    ("launchpad", space::seats::launchpad::NAMES),
    ("launchpad", space::tasks::launchpad::NAMES),
];

#[test]
fn every_switch_of_every_product_has_a_row() {
    let rows = ROWS
        .iter()
        .flat_map(|(product, names)| names.iter().map(move |name| (*product, *name)));
    let mut shown: Vec<(&str, &str)> = rows.collect();
    let listed = simulator::switches();
    let lines = listed.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let known: Vec<(&str, &str)> = lines.map(|cells| (cells[0], cells[1])).collect();
    for switch in known {
        let place = shown.iter().position(|row| *row == switch);
        shown.swap_remove(place.unwrap_or_else(|| panic!("{switch:?} has no row")));
    }
    assert_eq!(shown, [], "rows that are there twice, or of no switch");
}
