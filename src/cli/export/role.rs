//! What manifests say of roles of a Govern node, and of the rules that assign them.

use serde_json::{Map, Value, json};

use super::draw::{Drawn, Draws, Refusal, Wanted, set, some_entries};
use crate::{
    crd::GovernInstance,
    dataiku::govern::{
        assignments::{INHERIT_BLUEPRINT, INHERIT_FIELD},
        rule::Rule,
    },
    engine::connect::single::Bench,
    kinds::govern::{BlueprintRules, Role, RoleAssignment},
};

/// What the node puts before the identifier of a role to make its id.
const PREFIX: &str = "ro.";

impl Draws for Role {
    const KEY: Option<&'static str> = Some("identifier");

    fn unreadable(bench: &Bench<GovernInstance>) -> Option<String> {
        some_entries(bench.live.lists.roles.is_complete())
    }

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
    fn unreadable(bench: &Bench<GovernInstance>) -> Option<String> {
        some_entries(bench.live.lists.assignments.is_complete())
    }

    fn drawn<'a>(bench: &'a Bench<GovernInstance>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let mut found = bench.live.lists.assignments.filter(|_| true);
        found.sort_by(|one, other| one.blueprint_id.cmp(&other.blueprint_id));
        Box::new(found.into_iter().flat_map(move |blueprint| {
            let id = &blueprint.blueprint_id;
            let roles = blueprint.each();
            let mut drawn: Vec<Drawn> = roles
                .filter_map(|(role, rules)| {
                    let all: Vec<&Rule> = rules.iter().map(|(_, rule, _)| rule).collect();
                    let is_wanted = !wanted.is_part || all.iter().any(|rule| names(rule, wanted));
                    is_wanted.then(|| assignment(id, role, &all))
                })
                .collect();
            if !wanted.is_part {
                let known = |one: &&mut Drawn| {
                    let role = one.spec.get("roleId").and_then(Value::as_str);
                    role.is_some_and(|role| bench.live.lists.has_role(role))
                };
                let carrier = drawn.iter_mut().find(known);
                let left = inherit(&blueprint, carrier);
                drawn.extend(left);
                drawn.extend(unread(&blueprint));
            }
            drawn
        }))
    }
}

/// Declares from where the blueprint inherits roles, in one of its objects: it is one fact of the whole document. Without an
/// object that could carry it, it is left out.
fn inherit(blueprint: &BlueprintRules, carrier: Option<&mut Drawn>) -> Option<Drawn> {
    let mut declared = Map::new();
    for (member, field) in [(INHERIT_BLUEPRINT, "blueprintId"), (INHERIT_FIELD, "artifactFieldId")] {
        let text = blueprint.inheritance.get(member);
        let value = text.and_then(|text| serde_json::from_str::<String>(text).ok());
        set(&mut declared, field, value.filter(|value| !value.is_empty()));
    }
    if declared.is_empty() {
        return None;
    }
    match carrier {
        Some(carrier) => {
            set(&mut carrier.spec, "inherit", Some(declared));
            None
        }
        None => Some(left_out(
            &format!("{}: inheritance", blueprint.blueprint_id),
            "a manifest of inherited roles needs a role of the blueprint's own",
        )),
    }
}

/// Rules that the node has and nobody can read.
fn unread(blueprint: &BlueprintRules) -> Vec<Drawn> {
    let id = &blueprint.blueprint_id;
    let why = "its rules cannot be read";
    match blueprint.unread_roles() {
        Some(roles) => roles.map(|role| left_out(&format!("{id}/{role}"), why)).collect(),
        None => vec![left_out(id, why)],
    }
}

fn left_out(remote: &str, why: &str) -> Drawn {
    Drawn {
        refused: Some(Refusal {
            why: why.to_owned(),
            is_protected: false,
        }),
        ..Drawn::new(remote, Map::new())
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
