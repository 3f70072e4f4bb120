//! What manifests say of roles of a Govern node, and of the rules that assign them.

use serde_json::{Map, Value, json};

use super::draw::{Drawn, Draws, Wanted, set};
use crate::{
    crd::GovernInstance,
    dataiku::govern::rule::Rule,
    engine::connect::single::Bench,
    kinds::govern::{Role, RoleAssignment},
};

/// What the node puts before the identifier of a role to make its id.
const PREFIX: &str = "ro.";

impl Draws for Role {
    const KEY: Option<&'static str> = Some("identifier");

    fn drawn<'a>(bench: &'a Bench<GovernInstance>, _: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let mut found = bench.live.lists.roles.filter(|_| true);
        found.sort_by(|one, other| one.id.cmp(&other.id));
        Box::new(found.into_iter().map(|role| {
            let identifier = role.id.strip_prefix(PREFIX).unwrap_or(&role.id);
            let mut spec = Map::new();
            set(&mut spec, "identifier", Some(identifier));
            set(&mut spec, "label", role.label.as_deref());
            set(&mut spec, "description", role.description.as_deref());
            let others = role.others.iter().filter(|(_, value)| !value.is_null());
            let others: Map<String, Value> = others.map(|(key, value)| (key.clone(), value.clone())).collect();
            set(&mut spec, "definition", (!others.is_empty()).then_some(others));
            Drawn::new(identifier, spec)
        }))
    }
}

impl Draws for RoleAssignment {
    fn drawn<'a>(bench: &'a Bench<GovernInstance>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let mut found = bench.live.lists.assignments.filter(|_| true);
        found.sort_by(|one, other| one.blueprint_id.cmp(&other.blueprint_id));
        Box::new(found.into_iter().flat_map(move |blueprint| {
            let roles = blueprint.each();
            let drawn: Vec<Drawn> = roles
                .filter_map(|(role, rules)| {
                    let all: Vec<&Rule> = rules.iter().map(|(_, rule, _)| rule).collect();
                    let is_wanted = !wanted.is_part || all.iter().any(|rule| names(rule, wanted));
                    is_wanted.then(|| assignment(&blueprint.blueprint_id, role, &all))
                })
                .collect();
            drawn
        }))
    }
}

/// Whether the rule names a group that is wanted.
fn names(rule: &Rule, wanted: &Wanted<'_>) -> bool {
    let mut groups = rule.user_containers.iter().filter_map(|one| one["groupName"].as_str());
    groups.any(|group| (wanted.selects)(group))
}

fn assignment(blueprint: &str, role: &str, rules: &[&Rule]) -> Drawn {
    let (mut declared, mut others) = (Vec::new(), 0);
    for rule in rules {
        match manifest(rule) {
            Some(one) => declared.push(one),
            None => others += 1,
        }
    }
    let mut spec = Map::new();
    set(&mut spec, "blueprintId", Some(blueprint));
    set(&mut spec, "roleId", Some(role));
    set(&mut spec, "rules", (!declared.is_empty()).then_some(declared));
    let mut drawn = Drawn::new(format!("{blueprint}/{role}"), spec);
    if others > 0 {
        drawn.omitted.push(format!(
            "{others} rules that name neither a user, nor a group, nor a field"
        ));
    }
    drawn
}

/// The rule as a manifest has it; `None`: no manifest can.
fn manifest(rule: &Rule) -> Option<Value> {
    let (mut users, mut groups) = (Vec::new(), Vec::new());
    for container in &rule.user_containers {
        let is = |kind: &str| {
            container["type"]
                .as_str()
                .is_some_and(|found| found.eq_ignore_ascii_case(kind))
        };
        match (container["login"].as_str(), container["groupName"].as_str()) {
            (Some(login), _) if is("user") => users.push(login),
            (_, Some(name)) if is("group") => groups.push(name),
            _ => return None,
        }
    }
    if rule.is_empty_binding() {
        return None;
    }
    let mut declared = Map::new();
    set(&mut declared, "users", (!users.is_empty()).then_some(json!(users)));
    set(&mut declared, "groups", (!groups.is_empty()).then_some(json!(groups)));
    let fields = (!rule.field_ids.is_empty()).then_some(json!(rule.field_ids));
    set(&mut declared, "fieldIds", fields);
    let criteria = (!rule.criteria.is_empty()).then_some(json!(rule.criteria));
    set(&mut declared, "criteria", criteria);
    Some(Value::Object(declared))
}
