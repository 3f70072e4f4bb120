//! Label and field selectors.

use serde_json::Value;

use crate::{call::Call, rejection::Rejection, write::text};

/// Which objects of a kind a list or a watch is about.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    namespace: Option<String>,
    labels: Vec<Requirement>,
    fields: Vec<(Field, bool, String)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Absent(String),
    In(String, Vec<String>),
    /// Also where the label is absent.
    NotIn(String, Vec<String>),
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Name,
    Namespace,
    /// Name of the object that an Event is about.
    Regarding,
}

impl Selection {
    /// The objects in this namespace, or everywhere, that the selectors of the request pick.
    pub(crate) fn of(call: &Call, namespace: Option<&str>) -> Result<Self, Rejection> {
        let labels = call.parameter("labelSelector").unwrap_or_default();
        let fields = call.parameter("fieldSelector").unwrap_or_default();
        Ok(Self {
            namespace: namespace.map(str::to_owned),
            labels: requirements(labels)?,
            fields: field_requirements(
                fields,
                call.resource.as_ref().is_some_and(|found| found.plural == "events"),
            )?,
        })
    }

    pub(crate) fn picks(&self, object: &Value) -> bool {
        let is_here = |namespace: &str| text(object, "namespace") == Some(namespace);
        let labels = &object["metadata"]["labels"];
        self.namespace.as_deref().is_none_or(is_here)
            && self.labels.iter().all(|requirement| requirement.is_met(labels))
            && self.fields.iter().all(|(field, equal, value)| {
                let found = match field {
                    Field::Name => text(object, "name"),
                    Field::Namespace => text(object, "namespace"),
                    Field::Regarding => object["regarding"]["name"].as_str(),
                };
                (found.unwrap_or_default() == value) == *equal
            })
    }
}

impl Requirement {
    fn is_met(&self, labels: &Value) -> bool {
        let found = |label: &String| labels.get(label).and_then(Value::as_str);
        let is_among =
            |label, values: &[String]| found(label).is_some_and(|found| values.iter().any(|one| one == found));
        match self {
            Self::Exists(label) => found(label).is_some(),
            Self::Absent(label) => found(label).is_none(),
            Self::In(label, values) => is_among(label, values),
            Self::NotIn(label, values) => !is_among(label, values),
        }
    }
}

fn requirements(selector: &str) -> Result<Vec<Requirement>, Rejection> {
    let mut requirements = Vec::new();
    let mut rest = selector.trim();
    while !rest.is_empty() {
        // A comma within parentheses separates values, not requirements.
        let end = match (rest.find('('), rest.find(',')) {
            (Some(open), Some(comma)) if open < comma => rest.find(')').map(|close| close + 1),
            (_, comma) => comma,
        };
        let (one, others) = rest.split_at(end.unwrap_or(rest.len()));
        let parsed = requirement(one.trim());
        requirements.push(parsed.ok_or_else(|| {
            Rejection::bad_request(format!("unable to parse requirement {one:?} of the label selector"))
        })?);
        rest = others.trim_start().trim_start_matches(',').trim_start();
    }
    Ok(requirements)
}

fn requirement(text: &str) -> Option<Requirement> {
    let one = |value: &str| vec![value.trim().to_owned()];
    let label = |label: &str| label.trim().to_owned();
    if let Some((head, values)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let mut words = head.split_whitespace();
        return match (words.next()?, words.next()?, words.next()) {
            (key, "in", None) => Some(Requirement::In(label(key), values)),
            (key, "notin", None) => Some(Requirement::NotIn(label(key), values)),
            _ => None,
        };
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Some(Requirement::NotIn(label(key), one(value)));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Requirement::In(label(key), one(value)));
    }
    match text.strip_prefix('!') {
        Some(key) => Some(Requirement::Absent(label(key))),
        None => (!text.is_empty() && !text.contains(char::is_whitespace)).then(|| Requirement::Exists(label(text))),
    }
}

fn field_requirements(selector: &str, are_events: bool) -> Result<Vec<(Field, bool, String)>, Rejection> {
    let parts = selector.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let unequal = part.split_once("!=").map(|(field, value)| (field, false, value));
            let equal = || part.split_once("==").or_else(|| part.split_once('='));
            let parsed = unequal.or_else(|| equal().map(|(field, value)| (field, true, value)));
            let (field, equal, value) = parsed.ok_or_else(|| {
                Rejection::bad_request(format!("invalid selector: {part:?}; can't understand {part:?}"))
            })?;
            let field = match field.trim() {
                "metadata.name" => Field::Name,
                "metadata.namespace" => Field::Namespace,
                "regarding.name" if are_events => Field::Regarding,
                other => return Err(Rejection::bad_request(format!("field label not supported: {other}"))),
            };
            Ok((field, equal, value.trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn picked(selector: &str) -> String {
        let requirements = requirements(selector).unwrap();
        let objects = [
            ("a", json!({"env": "dev", "tier": "web"})),
            ("b", json!({"env": "prod"})),
            ("c", json!({})),
        ];
        let picked = objects
            .into_iter()
            .filter(|(_, labels)| requirements.iter().all(|one| one.is_met(labels)));
        picked.map(|(name, _)| name).collect()
    }

    #[test]
    fn a_label_selector_compares_sets_and_asks_for_presence() {
        assert_eq!(picked(""), "abc");
        assert_eq!(picked("env=dev"), "a");
        assert_eq!(picked("env==dev,tier"), "a");
        assert_eq!(picked("env!=dev"), "bc");
        assert_eq!(picked("env in (dev, prod), !tier"), "b");
        assert_eq!(picked("env notin (prod)"), "ac");
        assert_eq!(picked("!env"), "c");
    }

    #[test]
    fn a_selector_that_cannot_be_read_is_refused() {
        assert!(requirements("env of (dev)").is_err());
        assert!(requirements("two words").is_err());
        assert!(field_requirements("spec.size=3", false).is_err());
        assert!(field_requirements("metadata.name", false).is_err());
        assert!(field_requirements("regarding.name=one", false).is_err());
        assert!(field_requirements("regarding.name=one", true).is_ok());
    }
}
