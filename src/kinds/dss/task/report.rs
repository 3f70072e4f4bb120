//! The access report: who may do what, and by which group. It holds what the node lists of users and groups, and no secret.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::TaskGiven;
use crate::{
    crd::{
        dss_task::{AccessReport, ReportFormat},
        run::RunPhase,
    },
    dataiku::{
        dip::{
            activity::ActivityRecord,
            groups::GroupRecord,
            matrix::{Access, Matrix},
            users::UserRecord,
        },
        listed::Listed,
    },
    engine::{
        Error,
        run::{Ending, MOST_BYTES, Progress},
    },
};

/// Where a right comes from that no group of the user explains.
const OTHERWISE: &str = "-";

/// A user, as the report shows it. Empty or absent: none, or the node does not tell.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UserRow {
    login: String,
    display_name: Option<String>,
    email: Option<String>,
    source_type: Option<String>,
    enabled: Option<bool>,
    user_profile: Option<String>,
    groups: Vec<String>,
    /// Global permissions, each with the groups that give it.
    permissions: BTreeMap<String, Vec<String>>,
    /// Rights on projects.
    projects: BTreeMap<String, BTreeSet<String>>,
    last_login: Option<String>,
    last_failed_login: Option<String>,
    last_activity: Option<String>,
}

/// A group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupRow {
    name: String,
    source_type: Option<String>,
    members: usize,
    permissions: BTreeSet<String>,
    projects: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    generated_at: String,
    users: Vec<UserRow>,
    groups: Vec<GroupRow>,
}

/// Reads the lists and writes the report. Nothing is written where a list is incomplete, or where the report is too large.
pub(super) async fn report(given: &TaskGiven<'_>, wanted: &AccessReport) -> Result<Progress, Error> {
    let matrix = given.api.authorization_matrix().await?;
    let users = given.api.users(false, |user| user).await?;
    let groups = given.api.groups().await?;
    let activity = given.api.users_activity().await?;
    let failed = |why: String| Ok(Progress::Ended(Ending::new(RunPhase::Failed, why)));
    for (what, unreadable) in [
        ("users", users.unreadable),
        ("groups", groups.unreadable),
        ("activity", activity.unreadable),
    ] {
        if unreadable > 0 {
            return failed(format!(
                "the list of {what} has {unreadable} elements that cannot be read: nothing was written"
            ));
        }
    }
    let report = Report::new(given.now, matrix, users, groups, activity);
    let (users, groups) = (report.users.len(), report.groups.len());
    let files = match wanted.format {
        ReportFormat::Json => report.json(),
        ReportFormat::Csv => report.csv(),
    };
    let files = files.ok_or_else(|| Error::Internal("an access report has no text form".into()))?;
    let bytes = files.iter().map(|(key, text)| key.len() + text.len()).sum::<usize>();
    if bytes > MOST_BYTES {
        return failed(format!(
            "the report takes {} KiB, and a ConfigMap holds at most {} KiB: nothing was written",
            bytes >> 10,
            MOST_BYTES >> 10
        ));
    }
    let message = format!(
        "what {users} users and {groups} groups may do is in ConfigMap {}",
        wanted.config_map_name
    );
    let ending = Ending {
        files: Some(files),
        ..Ending::new(RunPhase::Succeeded, message)
    };
    let ending = ending
        .count("users", users)
        .count("groups", groups)
        .count("bytes", bytes);
    Ok(Progress::Ended(ending))
}

impl Report {
    fn new(
        now: Timestamp,
        matrix: Matrix,
        users: Listed<UserRecord>,
        groups: Listed<GroupRecord>,
        activity: Listed<ActivityRecord>,
    ) -> Self {
        let by_name = |all: Vec<Access>| -> BTreeMap<String, Access> {
            all.into_iter().map(|one| (one.name.clone(), one)).collect()
        };
        let of_groups = by_name(matrix.groups);
        let mut of_users = by_name(matrix.users);
        let seen = activity.items.into_iter().map(|one| (one.login.clone(), one));
        let seen: BTreeMap<String, ActivityRecord> = seen.collect();
        let mut members: BTreeMap<String, usize> = BTreeMap::new();
        let mut rows: Vec<UserRow> = Vec::with_capacity(users.items.len());
        for user in users.items {
            let joined = user.groups.clone().unwrap_or_default();
            for group in &joined {
                *members.entry(group.clone()).or_default() += 1;
            }
            let access = of_users.remove(&user.login).unwrap_or_default();
            let seen = seen.get(&user.login);
            rows.push(UserRow::new(user, joined, access, &of_groups, seen));
        }
        rows.sort_by(|one, other| one.login.cmp(&other.login));
        let mut of_groups = of_groups;
        let mut listed: Vec<GroupRow> = groups
            .items
            .into_iter()
            .map(|group| {
                let access = of_groups.remove(&group.name).unwrap_or_default();
                GroupRow {
                    members: members.get(&group.name).copied().unwrap_or_default(),
                    source_type: group.source_type,
                    name: group.name,
                    permissions: access.permissions,
                    projects: access.projects,
                }
            })
            .collect();
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Self {
            generated_at: second(now),
            users: rows,
            groups: listed,
        }
    }

    fn json(&self) -> Option<BTreeMap<String, String>> {
        let text = serde_json::to_string_pretty(self).ok()?;
        Some(BTreeMap::from([("access.json".to_owned(), text)]))
    }

    fn csv(&self) -> Option<BTreeMap<String, String>> {
        let head = [
            "login",
            "displayName",
            "email",
            "sourceType",
            "enabled",
            "userProfile",
            "groups",
            "permissions",
            "projects",
            "lastLogin",
            "lastFailedLogin",
            "lastActivity",
        ];
        let users = table(&head, self.users.iter().map(UserRow::cells))?;
        let head = ["name", "sourceType", "members", "permissions", "projects"];
        let groups = table(&head, self.groups.iter().map(GroupRow::cells))?;
        Some(BTreeMap::from([
            ("users.csv".to_owned(), users),
            ("groups.csv".to_owned(), groups),
        ]))
    }
}

impl UserRow {
    fn new(
        user: UserRecord,
        groups: Vec<String>,
        access: Access,
        of_groups: &BTreeMap<String, Access>,
        seen: Option<&ActivityRecord>,
    ) -> Self {
        let gives = |group: &String, permission: &String| {
            let held = of_groups.get(group);
            held.is_some_and(|held| held.permissions.contains(permission))
        };
        let permissions = access.permissions.into_iter().map(|permission| {
            let by = groups.iter().filter(|group| gives(group, &permission)).cloned();
            let by = by.collect();
            (permission, by)
        });
        let at = |read: fn(&ActivityRecord) -> Option<i64>| {
            let time = seen.and_then(read)?;
            Timestamp::from_millisecond(time).ok().map(second)
        };
        Self {
            permissions: permissions.collect(),
            projects: access.projects,
            last_login: at(|seen| seen.last_login),
            last_failed_login: at(|seen| seen.last_failed_login),
            last_activity: at(|seen| seen.last_activity),
            login: user.login,
            display_name: user.display_name,
            email: user.email,
            source_type: user.source_type,
            enabled: user.enabled,
            user_profile: user.resulting_user_profile.or(user.user_profile),
            groups,
        }
    }

    fn cells(&self) -> Vec<String> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let permissions = self.permissions.iter().map(|(permission, by)| {
            let by = if by.is_empty() {
                OTHERWISE.to_owned()
            } else {
                by.join(", ")
            };
            format!("{permission} ({by})")
        });
        vec![
            self.login.clone(),
            text(&self.display_name),
            text(&self.email),
            text(&self.source_type),
            self.enabled.map(|enabled| enabled.to_string()).unwrap_or_default(),
            text(&self.user_profile),
            self.groups.join("; "),
            permissions.collect::<Vec<_>>().join("; "),
            projects(&self.projects),
            text(&self.last_login),
            text(&self.last_failed_login),
            text(&self.last_activity),
        ]
    }
}

impl GroupRow {
    fn cells(&self) -> Vec<String> {
        let permissions: Vec<&str> = self.permissions.iter().map(String::as_str).collect();
        vec![
            self.name.clone(),
            self.source_type.clone().unwrap_or_default(),
            self.members.to_string(),
            permissions.join("; "),
            projects(&self.projects),
        ]
    }
}

fn projects(projects: &BTreeMap<String, BTreeSet<String>>) -> String {
    let each = projects.iter().map(|(key, rights)| {
        let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
        format!("{key}: {}", rights.join(", "))
    });
    each.collect::<Vec<_>>().join("; ")
}

fn second(time: Timestamp) -> String {
    let whole = Timestamp::from_second(time.as_second());
    whole.unwrap_or(time).to_string()
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Option<String> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(head).ok()?;
    for row in rows {
        table.write_record(row.iter().map(|cell| inert(cell))).ok()?;
    }
    String::from_utf8(table.into_inner().ok()?).ok()
}

/// A cell that a spreadsheet takes for text: people choose their own names, and one that begins like a formula would be run
/// by a spreadsheet that opens the report.
fn inert(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_a_formula_is_text_and_one_with_separators_is_one_cell() {
        let rows = [vec!["=HYPERLINK(\"x\")".to_owned(), "a, \"b\"\nc".to_owned()]];
        let text = table(&["one", "two"], rows.into_iter()).unwrap();
        assert_eq!(text, "one,two\n\"'=HYPERLINK(\"\"x\"\")\",\"a, \"\"b\"\"\nc\"\n");
    }
}
