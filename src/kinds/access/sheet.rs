//! The report as CSV: one row for each user, group and key.

use super::{Access, Projects, Right};

/// The columns. A cell is empty where the column says nothing of the row.
pub const COLUMNS: [&str; 17] = [
    "kind",
    "name",
    "displayName",
    "email",
    "source",
    "enabled",
    "profile",
    "groups",
    "rights",
    "projects",
    "user",
    "lastLogin",
    "lastFailedLogin",
    "lastActivity",
    "expires",
    "declaredBy",
    "marks",
];

/// The report. A cell that a spreadsheet would take for a formula begins with an apostrophe.
///
/// # Errors
/// A text has no form in CSV, which none has.
pub fn sheet(access: &Access) -> csv::Result<String> {
    let mut sheet = csv::Writer::from_writer(Vec::new());
    sheet.write_record(COLUMNS)?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut row = |cells: [String; 17]| sheet.write_record(cells.each_ref().map(|cell| inert(cell)));
    for user in &access.users {
        row([
            "user".to_owned(),
            user.login.clone(),
            text(&user.name),
            text(&user.email),
            text(&user.source),
            user.enabled.map(|enabled| enabled.to_string()).unwrap_or_default(),
            text(&user.profile),
            user.groups.join("; "),
            rights(&user.rights),
            projects(&user.projects),
            String::new(),
            text(&user.last_login),
            text(&user.last_failed_login),
            text(&user.last_activity),
            String::new(),
            text(&user.declared_by),
            user.marks.join(", "),
        ])?;
    }
    let none = String::new;
    for group in &access.groups {
        row([
            "group".to_owned(),
            group.name.clone(),
            none(),
            none(),
            text(&group.source),
            none(),
            none(),
            none(),
            rights(&group.rights),
            projects(&group.projects),
            none(),
            none(),
            none(),
            none(),
            none(),
            none(),
            group.marks.join(", "),
        ])?;
    }
    for key in &access.keys {
        row([
            key.kind.to_owned(),
            key.id.clone(),
            text(&key.label),
            none(),
            none(),
            none(),
            none(),
            none(),
            rights(&key.rights),
            none(),
            text(&key.user),
            none(),
            none(),
            none(),
            text(&key.expires),
            none(),
            key.marks.join(", "),
        ])?;
    }
    let bytes = sheet.into_inner().map_err(csv::IntoInnerError::into_error)?;
    // Everything written was text.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn rights(rights: &[Right]) -> String {
    let each = rights
        .iter()
        .map(|right| format!("{} ({})", right.right, right.from.join(", ")));
    each.collect::<Vec<_>>().join("; ")
}

fn projects(projects: &Projects) -> String {
    let each = projects
        .iter()
        .map(|(key, rights)| format!("{key}: {}", super::joined(rights)));
    each.collect::<Vec<_>>().join("; ")
}

/// A cell that a spreadsheet and a terminal take for text: people choose their own names. A spreadsheet would run one that
/// begins like a formula, and a terminal would obey control characters.
fn inert(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let obeyed = |c: char| c.is_control() && c != '\n';
    let text = cell.chars().map(|c| if obeyed(c) { ' ' } else { c });
    formula.then_some('\'').into_iter().chain(text).collect()
}
