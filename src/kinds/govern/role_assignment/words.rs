//! Rules in words, at a bounded length.

use std::fmt::Write;

use serde_json::Value;

use crate::dataiku::govern::rule::Rule;

/// Most names that a sentence holds.
const MOST_NAMES: usize = 10;
/// Longest name and longest criteria in a sentence, in bytes.
const LONGEST_NAME: usize = 64;
const LONGEST_CRITERIA: usize = 200;

/// Whom a rule grants its role.
pub(super) fn words(rule: &Rule) -> String {
    let named = |kind: &str, key: &str| -> Vec<&str> {
        let of_kind = rule.user_containers.iter().filter(|who| who["type"] == kind);
        of_kind.filter_map(|who| who[key].as_str()).collect()
    };
    let (users, groups) = (named("user", "login"), named("group", "groupName"));
    let others = rule.user_containers.len() - users.len() - groups.len();
    let fields = rule.field_ids.iter().map(String::as_str).collect();
    let mut room = MOST_NAMES;
    let mut parts = Vec::new();
    for (kind, names) in [("users", users), ("groups", groups), ("fields", fields)] {
        if !names.is_empty() {
            parts.push(format!("{kind} [{}]", list(&names, &mut room)));
        }
    }
    if others > 0 {
        parts.push(format!("{others} others"));
    }
    if parts.is_empty() {
        parts.push("nobody".to_owned());
    }
    if !rule.criteria.is_empty() {
        let criteria = Value::Array(rule.criteria.clone()).to_string();
        parts.push(format!("under the criteria {}", cut(&criteria, LONGEST_CRITERIA)));
    }
    parts.join(", ")
}

fn list(names: &[&str], room: &mut usize) -> String {
    let shown = names.len().min(*room);
    *room -= shown;
    let (shown, more) = names.split_at(shown);
    let mut text = shown
        .iter()
        .map(|name| cut(name, LONGEST_NAME))
        .collect::<Vec<_>>()
        .join(", ");
    if !more.is_empty() {
        let and = if text.is_empty() { "" } else { " and " };
        let _ = write!(text, "{and}{} more", more.len());
    }
    text
}

fn cut(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(longest)])
}
