//! The access report: who may do what, and by which group. It holds what the node lists of users and groups, and no secret.

use std::{collections::BTreeMap, sync::Arc};

use super::TaskGiven;
use crate::{
    crd::{
        dss_task::{AccessReport, ReportFormat},
        run::RunPhase,
    },
    engine::{
        Error,
        remote_error::optional,
        run::{Ending, Progress},
    },
    kinds::access::{self, Access, Missing, Scope, sheet},
};

/// Reads the lists and writes the report. Nothing is written where a list is incomplete.
pub(super) async fn report(given: &TaskGiven<'_>, wanted: &AccessReport) -> Result<Progress, Error> {
    let api = given.api;
    let node = optional(api.instance_info().await)?.unwrap_or_default();
    let users = api.users(true, Arc::new).await?;
    let groups = api.groups().await?.map(Arc::new);
    let scope = Scope {
        node: node.node_name.or(node.node_id).unwrap_or_default(),
        users: &users,
        groups: &groups,
        personal_keys: Some(api.personal_keys().await),
        roles: None,
        dormant_after: None,
        missing: Missing::Fatal,
    };
    let access = access::of_node(api, scope).await?;
    if let Some(incomplete) = access
        .read
        .iter()
        .find(|one| one.entries.is_some() && one.missing.is_some())
    {
        let why = incomplete.missing.as_deref().unwrap_or_default();
        let message = format!(
            "the list of {} is incomplete, {why}: nothing was written",
            incomplete.list
        );
        return Ok(Progress::Ended(Ending::new(RunPhase::Failed, message)));
    }
    let (name, text) = match wanted.format {
        ReportFormat::Json => ("access.json", json(&access)),
        ReportFormat::Csv => ("access.csv", sheet(&access).ok()),
    };
    let text = text.ok_or_else(|| Error::Internal("an access report has no text form".into()))?;
    let (users, groups, bytes) = (access.users.len(), access.groups.len(), text.len());
    let message = format!(
        "what {users} users, {groups} groups and {} API keys may do is in ConfigMap {}",
        access.keys.len(),
        wanted.config_map_name
    );
    let ending = Ending {
        files: Some(BTreeMap::from([(name.to_owned(), text)])),
        ..Ending::new(RunPhase::Succeeded, message)
    };
    let ending = ending
        .count("users", users)
        .count("groups", groups)
        .count("keys", access.keys.len())
        .count("bytes", bytes);
    Ok(Progress::Ended(ending))
}

fn json(access: &Access) -> Option<String> {
    serde_json::to_string_pretty(access).ok()
}
