//! The report as CSV: one row for each right.

use super::model::{Access, Right};

/// The report. A cell that a spreadsheet would take for a formula begins with an apostrophe.
pub(super) fn sheet(access: &Access) -> anyhow::Result<String> {
    let mut sheet = csv::Writer::from_writer(Vec::new());
    sheet.write_record([
        "kind",
        "name",
        "right",
        "from",
        "groups",
        "marks",
        "last login",
        "last action",
    ])?;
    let mut rows = |kind: &str, name: &str, rights: &[Right], rest: [String; 4]| -> anyhow::Result<()> {
        let none = [Right {
            right: String::new(),
            from: Vec::new(),
        }];
        for right in if rights.is_empty() { &none[..] } else { rights } {
            let from = right.from.join(", ");
            let cells = [kind, name, right.right.as_str(), from.as_str()]
                .into_iter()
                .map(str::to_owned);
            sheet.write_record(cells.chain(rest.clone()).map(|cell| inert(&cell)))?;
        }
        Ok(())
    };
    for user in &access.users {
        let time = |time: &Option<String>| time.clone().unwrap_or_default();
        let rest = [
            user.groups.join(", "),
            user.marks.join(", "),
            time(&user.last_login),
            time(&user.last_activity),
        ];
        rows("user", &user.login, &user.rights, rest)?;
    }
    let rest = |marks: &[&str]| [String::new(), marks.join(", "), String::new(), String::new()];
    for group in &access.groups {
        rows("group", &group.name, &group.rights, rest(&group.marks))?;
    }
    for key in &access.keys {
        rows(key.kind, &key.id, &key.rights, rest(&key.marks))?;
    }
    Ok(String::from_utf8(
        sheet.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?,
    )?)
}

fn inert(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}
