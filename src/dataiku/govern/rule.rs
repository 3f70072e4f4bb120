//! One rule that grants a role on a blueprint (contract sheet 3.2).

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dataiku::null;

/// A rule: whoever is in its containers or fields has the role, where all criteria hold. All three keys are always
/// written: a rule that lacks one is stored as an empty binding, without an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// What has to hold, in the node's own form; none is always.
    #[serde(default, deserialize_with = "null::as_default")]
    pub criteria: Vec<Value>,
    /// Artifact fields whose people have the role.
    #[serde(default, deserialize_with = "null::as_default")]
    pub field_ids: Vec<String>,
    /// Who has the role, in the node's own form.
    #[serde(default, deserialize_with = "null::as_default")]
    pub user_containers: Vec<Value>,
}

/// The container of one user.
#[must_use]
pub fn user_container(login: &str) -> Value {
    json!({"type": "user", "login": login})
}

/// The container of a group's members.
#[must_use]
pub fn group_container(name: &str) -> Value {
    json!({"type": "group", "groupName": name})
}

/// Whom a container stands for, whatever else the node notes in it.
#[derive(PartialEq, Eq, Hash)]
enum Container<'a> {
    User(&'a str),
    Group(&'a str),
    /// Of a kind unknown here, such as an API key.
    Other(&'a Value),
}

impl<'a> Container<'a> {
    fn of(value: &'a Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        match text("type") {
            Some("user") => text("login").map(Self::User),
            Some("group") => text("groupName").map(Self::Group),
            _ => None,
        }
        .unwrap_or(Self::Other(value))
    }
}

impl Rule {
    /// A rule for users and groups, without fields and criteria.
    #[must_use]
    pub fn granting<S: AsRef<str>>(users: &[S], groups: &[S]) -> Self {
        let users = users.iter().map(|login| user_container(login.as_ref()));
        let groups = groups.iter().map(|name| group_container(name.as_ref()));
        Self {
            user_containers: users.chain(groups).collect(),
            ..Self::default()
        }
    }

    /// Whether both grant the same: containers and fields in any order and number, criteria in theirs.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.criteria == other.criteria && self.fields() == other.fields() && self.containers() == other.containers()
    }

    /// Whether it grants nothing to anybody. Such a rule still blocks sign-offs that need its role.
    #[must_use]
    pub fn is_empty_binding(&self) -> bool {
        self.field_ids.is_empty() && self.user_containers.is_empty()
    }

    fn fields(&self) -> BTreeSet<&str> {
        self.field_ids.iter().map(String::as_str).collect()
    }

    fn containers(&self) -> HashSet<Container<'_>> {
        self.user_containers.iter().map(Container::of).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Rule;

    fn rule(value: Value) -> Rule {
        serde_json::from_value(value).unwrap()
    }

    fn same(one: Value, other: Value) -> bool {
        let (one, other) = (rule(one), rule(other));
        assert_eq!(one.same_as(&other), other.same_as(&one));
        one.same_as(&other)
    }

    #[test]
    fn all_three_keys_are_always_written() {
        let written = serde_json::to_value(Rule::granting(&["jdoe"], &["pms"])).unwrap();
        let expected = json!({"criteria": [], "fieldIds": [],
            "userContainers": [{"type": "user", "login": "jdoe"}, {"type": "group", "groupName": "pms"}]});
        assert_eq!(written, expected);
        assert_eq!(
            serde_json::to_string(&rule(json!({"userContainers": null}))).unwrap(),
            r#"{"criteria":[],"fieldIds":[],"userContainers":[]}"#
        );
    }

    #[test]
    fn order_and_repetition_of_containers_and_fields_do_not_matter() {
        assert!(same(
            json!({"fieldIds": ["a", "b"], "userContainers": [{"type": "user", "login": "x"}, {"groupName": "g", "type": "group"}]}),
            json!({"criteria": null, "fieldIds": ["b", "a", "b"],
                "userContainers": [{"type": "group", "groupName": "g"}, {"type": "user", "login": "x", "displayName": "X"}]}),
        ));
        assert!(same(json!({}), json!({"criteria": [], "fieldIds": null})));
    }

    #[test]
    fn users_and_groups_of_one_name_and_unknown_containers_are_told_apart() {
        let holding = |container: Value| json!({"userContainers": [container]});
        let user = || holding(json!({"type": "user", "login": "x"}));
        for other in [
            json!({"type": "group", "groupName": "x"}),
            json!({"type": "user", "login": "X"}),
            json!({"type": "user", "groupName": "x"}),
            json!({"type": "apiKey", "login": "x"}),
            json!("x"),
        ] {
            assert!(!same(user(), holding(other.clone())), "{other}");
        }
        let key = |id: &str| holding(json!({"type": "globalApiKey", "id": id, "label": "l"}));
        assert!(same(key("k"), key("k")) && !same(key("k"), key("l")));
    }

    #[test]
    fn criteria_count_in_their_order() {
        let criteria = |values: Value| json!({"criteria": values});
        assert!(same(
            criteria(json!([{"a": 1, "b": 2}, {"c": 3}])),
            criteria(json!([{"b": 2, "a": 1}, {"c": 3}]))
        ));
        assert!(!same(
            criteria(json!([{"a": 1}, {"c": 3}])),
            criteria(json!([{"c": 3}, {"a": 1}]))
        ));
        assert!(!same(criteria(json!([{"a": 1}])), criteria(json!([]))));
    }

    #[test]
    fn a_rule_for_nobody_is_an_empty_binding() {
        assert!(
            rule(json!({"criteria": [{"a": 1}], "containers": [{"type": "user", "login": "x"}]})).is_empty_binding()
        );
        assert!(!rule(json!({"fieldIds": ["f"]})).is_empty_binding());
    }
}
