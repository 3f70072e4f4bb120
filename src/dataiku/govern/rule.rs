//! One rule that grants a role on a blueprint (contract sheet 3.2).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::dataiku::{
    json_value::{all_resemble, canonical, resembles},
    null,
};

/// A rule: where all criteria hold, the people in its containers and fields have the role. All three keys are always
/// written: the node may store a rule that lacks one as an empty binding, without an error (A52).
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

/// The people of a container. Further members that the node adds do not count.
enum Container<'a> {
    User(&'a str),
    Group(&'a str),
    /// Of a kind unknown here, such as an API key.
    Other(&'a Value),
}

impl<'a> Container<'a> {
    fn of(value: &'a Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let kind = text("type").map(|kind| kind.trim().to_lowercase());
        match kind.as_deref() {
            Some("user") => text("login").map(Self::User),
            Some("group") => text("groupName").map(Self::Group),
            _ => None,
        }
        .unwrap_or(Self::Other(value))
    }

    fn canonical(&self) -> Value {
        match self {
            Self::User(login) => json!(["user", login]),
            Self::Group(name) => json!(["group", name]),
            Self::Other(value) => canonical(value),
        }
    }

    fn resembles(&self, stored: &Self) -> bool {
        let folded = |text: &str| text.trim().to_lowercase();
        match (self, stored) {
            (Self::User(one), Self::User(other)) | (Self::Group(one), Self::Group(other)) => {
                folded(one) == folded(other)
            }
            (Self::Other(one), Self::Other(other)) => resembles(one, other),
            _ => false,
        }
    }
}

/// Bytes of the digest in a hash: enough that no two rules of one installation share one.
const HASH_BYTES: usize = 16;

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

    /// Whether both grant the same: containers and fields in any order and number, criteria in theirs, numbers by value.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }

    /// The same 32 hexadecimal digits for all rules that are the same, and others for every other rule. For records: it
    /// does not grow with the rule, and keeps no content.
    #[must_use]
    pub fn hash(&self) -> String {
        let digest = Sha256::digest(self.canonical().to_string());
        digest[..HASH_BYTES].iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Whether `stored` may be what the node made of this rule: for the same people and fields, with criteria that differ
    /// at most in form (see [`resembles`]). The case of names does not count, nor does what the node adds.
    #[must_use]
    pub fn resembles(&self, stored: &Self) -> bool {
        let (declared, found) = (self.containers(), stored.containers());
        let counterpart = |one: &Container<'_>, all: &[Container<'_>], forward: bool| {
            all.iter().any(|other| {
                if forward {
                    one.resembles(other)
                } else {
                    other.resembles(one)
                }
            })
        };
        declared.iter().all(|one| counterpart(one, &found, true))
            && found.iter().all(|one| counterpart(one, &declared, false))
            && self.fields() == stored.fields()
            && all_resemble(&self.criteria, &stored.criteria)
    }

    /// Whether it grants nothing to anybody. Such a rule still blocks sign-offs that need its role.
    #[must_use]
    pub fn is_empty_binding(&self) -> bool {
        self.field_ids.is_empty() && self.user_containers.is_empty()
    }

    /// One value for all rules that grant the same. Parts that are empty are left out.
    fn canonical(&self) -> Value {
        let people: BTreeMap<String, Value> = self
            .containers()
            .iter()
            .map(Container::canonical)
            .map(|person| (person.to_string(), person))
            .collect();
        let parts = [
            ("criteria", self.criteria.iter().map(canonical).collect::<Vec<_>>()),
            ("fields", self.fields().into_iter().map(Value::from).collect()),
            ("who", people.into_values().collect()),
        ];
        let parts = parts.into_iter().filter(|(_, part)| !part.is_empty());
        parts.map(|(name, part)| (name.to_owned(), Value::from(part))).collect()
    }

    fn fields(&self) -> BTreeSet<&str> {
        self.field_ids.iter().map(String::as_str).collect()
    }

    fn containers(&self) -> Vec<Container<'_>> {
        self.user_containers.iter().map(Container::of).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::Rule;

    fn rule(value: Value) -> Rule {
        serde_json::from_value(value).unwrap()
    }

    fn same(one: Value, other: Value) -> bool {
        let (one, other) = (rule(one), rule(other));
        let same = one.same_as(&other);
        assert_eq!(same, other.same_as(&one));
        assert_eq!(same, one.hash() == other.hash());
        assert!(!same || (one.resembles(&other) && other.resembles(&one)));
        same
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
    fn a_number_in_a_criterion_counts_by_its_value() {
        let criteria = |value: Value| json!({"criteria": [{"value": value}]});
        assert!(same(criteria(json!(5)), criteria(json!(5.0))));
        assert!(!same(criteria(json!(5)), criteria(json!("5"))));
        assert!(!same(criteria(json!(5)), criteria(json!(null))));
    }

    #[test]
    fn a_hash_is_short_and_stays_what_it_is() {
        // Records hold hashes: with another algorithm, every recorded rule would be taken for a foreign one.
        assert_eq!(Rule::default().hash(), "44136fa355b3678a1146ad16f7e8649e");
        assert_eq!(
            Rule::granting(&["jdoe"], &["pms"]).hash(),
            "717ce0a9073c2b0f68c3d5e3f52f618a"
        );
    }

    fn risky() -> Value {
        json!({"criteria": [{"type": "fieldValue", "fieldId": "risk", "operator": "gt", "value": 5}, {"type": "exists"}],
            "fieldIds": ["owner"], "userContainers": [{"type": "user", "login": "jdoe"}, {"type": "group", "groupName": "pms"}]})
    }

    #[test]
    fn a_rule_that_the_node_rewrote_is_recognised() {
        let ours = rule(risky());
        for stored in [
            json!({"criteria": [{"type": "fieldValue", "fieldId": "risk", "operator": "gt", "value": 5.0}, {"type": "exists"}],
                "fieldIds": ["owner"], "userContainers": [{"type": "group", "groupName": "pms"}, {"type": "user", "login": "jdoe"}]}),
            json!({"criteria": [{"type": "EXISTS", "not": false}, {"id": 1, "type": "fieldValue", "fieldId": "risk", "operator": "GT", "value": "5"}],
                "fieldIds": ["owner", "owner"], "userContainers": [
                    {"type": "USER", "login": "JDoe", "displayName": "Jane"}, {"type": "group", "groupName": "PMS "}]}),
        ] {
            let stored = rule(stored);
            assert!(ours.resembles(&stored), "{stored:?}");
        }
    }

    #[test]
    fn a_rule_of_somebody_else_is_not_recognised() {
        let ours = rule(risky());
        for (part, other) in [
            ("criteria", json!([])),
            (
                "criteria",
                json!([{"type": "fieldValue", "fieldId": "risk", "operator": "gt", "value": 6}, {"type": "exists"}]),
            ),
            (
                "criteria",
                json!([{"type": "fieldValue", "fieldId": "risk", "operator": "gt", "value": 5}]),
            ),
            ("fieldIds", json!([])),
            ("fieldIds", json!(["owner", "sponsor"])),
            ("userContainers", json!([{"type": "user", "login": "jdoe"}])),
            (
                "userContainers",
                json!([{"type": "user", "login": "jdoe"}, {"type": "group", "groupName": "pms"}, {"type": "user", "login": "eve"}]),
            ),
            (
                "userContainers",
                json!([{"type": "group", "groupName": "jdoe"}, {"type": "user", "login": "pms"}]),
            ),
        ] {
            let mut stored = risky();
            stored[part] = other;
            let stored = rule(stored);
            assert!(!ours.resembles(&stored), "{stored:?}");
        }
        let key = |id: &str, more: Value| {
            rule(json!({"userContainers": [{"type": "globalApiKey", "id": id, "label": more}]}))
        };
        assert!(
            key("k", json!(null)).resembles(&key("k", json!("ci")))
                && !key("k", json!(1)).resembles(&key("l", json!(1)))
        );
    }

    prop_compose! {
        fn any_rule()(
            criteria in prop::collection::vec(("[ab]", prop_oneof![Just(json!(1)), Just(json!(1.0)), Just(json!("1"))]), 0..3),
            fields in prop::collection::vec("[ab]", 0..3),
            users in prop::collection::vec("[aAb]", 0..3),
            groups in prop::collection::vec("[aAb]", 0..2),
        ) -> Rule {
            Rule {
                criteria: criteria.into_iter().map(|(key, value)| json!({key: value})).collect(),
                field_ids: fields,
                ..Rule::granting(&users, &groups)
            }
        }
    }

    proptest! {
        #[test]
        fn a_rule_is_the_same_as_itself_and_resembles_itself(rule in any_rule()) {
            prop_assert!(rule.same_as(&rule) && rule.resembles(&rule));
        }

        #[test]
        fn rules_are_the_same_both_ways_exactly_where_their_hashes_are(one in any_rule(), other in any_rule()) {
            let same = one.same_as(&other);
            prop_assert_eq!(same, other.same_as(&one));
            prop_assert_eq!(same, one.hash() == other.hash());
            prop_assert!(!same || one.resembles(&other));
            // Neither has anything that the other lacks, so here resemblance goes both ways.
            prop_assert_eq!(one.resembles(&other), other.resembles(&one));
        }
    }

    #[test]
    fn a_rule_for_nobody_is_an_empty_binding() {
        assert!(
            rule(json!({"criteria": [{"a": 1}], "containers": [{"type": "user", "login": "x"}]})).is_empty_binding()
        );
        assert!(!rule(json!({"fieldIds": ["f"]})).is_empty_binding());
    }
}
