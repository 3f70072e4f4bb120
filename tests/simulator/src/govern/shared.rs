//! G1 to G42 but G30, and G61: what Govern serves exactly where DSS does. The rows are those of DSS under other ids.

use std::sync::LazyLock;

use crate::api::Api;
use crate::dss::Dss;
use crate::operation::Operation;

/// Which operation of DSS an operation of Govern is.
const SAME: [(&str, &str); 42] = [
    ("G1", "D1"),
    ("G2", "D2"),
    ("G3", "D3"),
    ("G4", "D4"),
    ("G5", "D5"),
    ("G6", "D6"),
    ("G7", "D7"),
    ("G8", "D8"),
    ("G9", "D9"),
    ("G10", "D10"),
    ("G11", "D11"),
    ("G12", "D12"),
    ("G13", "D13"),
    ("G14", "D14"),
    ("G15", "D16"),
    ("G16", "D17"),
    ("G17", "D18"),
    ("G18", "D19"),
    ("G19", "D20"),
    ("G20", "D21"),
    ("G21", "D22"),
    ("G22", "D23"),
    ("G23", "D24"),
    ("G24", "D25"),
    ("G25", "D26"),
    ("G26", "D27"),
    ("G27", "D28"),
    ("G28", "D29"),
    ("G29", "D30"),
    ("G31", "D35"),
    ("G32", "D36"),
    ("G33", "D37"),
    ("G34", "D38"),
    ("G35", "D39"),
    ("G36", "D40"),
    ("G37", "D48"),
    ("G38", "D49"),
    ("G39", "D50"),
    ("G40", "D68"),
    ("G41", "D69"),
    ("G42", "D70"),
    ("G61", "D72"),
];

/// The rows.
pub(super) static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let all = Dss.operations().iter().copied().flatten();
    let row = |operation: &Operation| {
        Some(Operation {
            id: here(operation.id)?,
            id_without_body: operation.id_without_body.and_then(here),
            ..*operation
        })
    };
    all.filter_map(row).collect()
});

fn here(id_of_dss: &str) -> Option<&'static str> {
    SAME.iter()
        .find(|(_, dss)| *dss == id_of_dss)
        .map(|(govern, _)| *govern)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::govern::Govern;

    #[test]
    fn every_operation_of_the_sheet_is_served_once() {
        let rows = Govern.operations().iter().copied().flatten();
        let mut served: Vec<&str> = rows
            .flat_map(|row| [Some(row.id), row.id_without_body])
            .flatten()
            .collect();
        let mut expected: Vec<String> = (1..=61).map(|number| format!("G{number}")).collect();
        served.sort_unstable();
        expected.sort_unstable();
        assert_eq!(served, expected);
    }
}
