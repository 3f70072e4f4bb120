//! Impersonation rules, compared by what they mean: the node may store a target that is left out as null, filled in or not at
//! all, and leftovers of another type of rule do not count (contract sheet 2.8).

use fancy_regex::Regex;
use serde_json::{Map, Value, json};

use crate::{
    crd::dss_impersonation_rule::{DssImpersonationRuleSpec, GroupRule, RuleScope, RuleType, UserRule},
    engine::Error,
};

/// Escapes of Java that the check does not know: the node has to judge such an expression.
const ONLY_JAVA: [&str; 12] = [
    "\\Q", "\\E", "\\p", "\\P", "\\h", "\\H", "\\R", "\\X", "\\G", "\\Z", "\\u", "\\c",
];

/// Whether a rule is for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applies {
    /// It is not.
    No,
    /// It is, and leads to this Unix account.
    To(String),
}

/// What a rule means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    is_user: bool,
    type_: String,
    project: Option<String>,
    subject: Option<String>,
    unix: Option<String>,
    hadoop: Option<String>,
}

impl Rule {
    /// A rule of a document; `None`: it cannot be read.
    pub fn read(is_user: bool, rule: &Value) -> Option<Self> {
        let rule = rule.as_object()?;
        let text = |key: &str| -> Option<String> {
            let text = rule.get(key)?.as_str()?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let type_ = text("type").unwrap_or_else(|| "IDENTITY".into()).to_ascii_uppercase();
        let subject = match (type_.as_str(), is_user) {
            ("SINGLE_MAPPING", true) => "dssUser",
            ("SINGLE_MAPPING", false) => "dssGroup",
            ("REGEXP_RULE", _) => "ruleFrom",
            _ => "",
        };
        let in_project = is_user && text("scope").is_some_and(|scope| scope.eq_ignore_ascii_case("PROJECT"));
        let unix = text("targetUnix").filter(|_| !subject.is_empty());
        Some(Self {
            is_user,
            project: text("projectKey").filter(|_| in_project),
            subject: text(subject),
            hadoop: text("targetHadoop")
                .filter(|_| !subject.is_empty())
                .or_else(|| unix.clone()),
            unix,
            type_,
        })
    }

    /// The declared rule.
    pub fn declared(spec: &DssImpersonationRuleSpec) -> Result<(Self, Value), Error> {
        let json = match (&spec.user, &spec.group) {
            (Some(rule), None) => user(rule),
            (None, Some(rule)) => group(rule),
            _ => return Err(Error::invalid("declare either user or group")),
        };
        let rule =
            Self::read(spec.user.is_some(), &json).ok_or_else(|| Error::Internal("a rule without text".into()))?;
        Ok((rule, json))
    }

    /// Identifies what the rule means.
    pub fn mark(&self) -> String {
        let kind = if self.is_user { "user" } else { "group" };
        json!([kind, self.type_, self.project, self.subject, self.unix, self.hadoop]).to_string()
    }

    /// Whether the rule is for this user or group, in this project; and the Unix account that it leads to. `None`: only the node
    /// can tell.
    pub fn target(&self, name: &str, project: Option<&str>) -> Option<Applies> {
        if self.project.is_some() && self.project.as_deref() != project {
            return Some(Applies::No);
        }
        let unix = || Applies::To(self.unix.clone().unwrap_or_default());
        match (self.type_.as_str(), self.subject.as_deref()) {
            ("IDENTITY", _) => Some(Applies::To(name.to_owned())),
            ("SINGLE_MAPPING", Some(subject)) if subject == name => Some(unix()),
            ("SINGLE_MAPPING", _) => Some(Applies::No),
            ("REGEXP_RULE", Some(from)) if !ONLY_JAVA.iter().any(|escape| from.contains(escape)) => {
                let regex = Regex::new(&format!("^(?:{from})$")).ok()?;
                let target = self.unix.as_deref().unwrap_or_default();
                match regex.captures(name).ok()? {
                    Some(found) => Some(Applies::To(expanded(target, &found)?)),
                    None => Some(Applies::No),
                }
            }
            _ => None,
        }
    }

    /// The rule in words.
    pub fn words(&self) -> String {
        let kind = if self.is_user { "user" } else { "group" };
        let mut words = format!("{kind} rule {}", self.type_);
        let parts = [("", &self.subject), ("to ", &self.unix), ("in project ", &self.project)];
        for (word, part) in parts {
            if let Some(part) = part {
                words.extend([" ", word, part]);
            }
        }
        words
    }
}

/// The target with what its groups, such as `$1`, stand for. `None`: only the node can tell.
fn expanded(target: &str, found: &fancy_regex::Captures<'_, str>) -> Option<String> {
    let mut text = String::new();
    let mut letters = target.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => text.extend(letters.next()),
            '$' => {
                let group = letters.next()?.to_digit(10)?;
                // `$12` may be group 12, or group 1 and a 2.
                if letters.peek().is_some_and(char::is_ascii_digit) {
                    return None;
                }
                text.push_str(
                    found
                        .get(usize::try_from(group).ok()?)
                        .map_or("", |group| group.as_str()),
                );
            }
            other => text.push(other),
        }
    }
    Some(text)
}

fn user(rule: &UserRule) -> Value {
    let in_project = rule.scope == Some(RuleScope::Project);
    let mut json = Map::new();
    json.insert("scope".into(), json!(if in_project { "PROJECT" } else { "GLOBAL" }));
    if let Some(project) = rule.project_key.as_ref().filter(|_| in_project) {
        json.insert("projectKey".into(), json!(project));
    }
    let subject = ("dssUser", rule.dss_user.as_deref());
    let targets = [rule.target_unix.as_deref(), rule.target_hadoop.as_deref()];
    finish(json, rule.type_, subject, rule.rule_from.as_deref(), targets)
}

fn group(rule: &GroupRule) -> Value {
    let subject = ("dssGroup", rule.dss_group.as_deref());
    let targets = [rule.target_unix.as_deref(), rule.target_hadoop.as_deref()];
    finish(Map::new(), rule.type_, subject, rule.rule_from.as_deref(), targets)
}

fn finish(
    mut json: Map<String, Value>,
    type_: RuleType,
    (key, subject): (&str, Option<&str>),
    rule_from: Option<&str>,
    [unix, hadoop]: [Option<&str>; 2],
) -> Value {
    let (name, subject) = match type_ {
        RuleType::Identity => {
            json.insert("type".into(), json!("IDENTITY"));
            return Value::Object(json);
        }
        RuleType::SingleMapping => ("SINGLE_MAPPING", (key, subject)),
        RuleType::Regexp => ("REGEXP_RULE", ("ruleFrom", rule_from)),
    };
    json.insert("type".into(), json!(name));
    json.insert(subject.0.into(), json!(subject.1));
    json.insert("targetUnix".into(), json!(unix));
    json.insert("targetHadoop".into(), json!(hadoop));
    Value::Object(json)
}

/// Checks the regular expression of a rule, and that its targets name groups of it.
pub fn check(spec: &DssImpersonationRuleSpec) -> Result<(), Error> {
    let (from, targets) = match (&spec.user, &spec.group) {
        (Some(rule), _) => (&rule.rule_from, [&rule.target_unix, &rule.target_hadoop]),
        (_, Some(rule)) => (&rule.rule_from, [&rule.target_unix, &rule.target_hadoop]),
        _ => return Ok(()),
    };
    let Some(from) = from else { return Ok(()) };
    let groups = match Regex::new(from) {
        Ok(regex) => regex.captures_len().saturating_sub(1),
        // Too large for this check is not too large for the node.
        Err(error) if ONLY_JAVA.iter().any(|escape| from.contains(escape)) || error.to_string().contains("size") => {
            return Ok(());
        }
        Err(error) => return Err(Error::invalid(format!("ruleFrom is not a regular expression: {error}"))),
    };
    for target in targets.into_iter().flatten() {
        let mut letters = target.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => _ = letters.next(),
                '$' => {
                    let group = letters.peek().and_then(|digit| digit.to_digit(10));
                    if let Some(group) = group.filter(|group| usize::try_from(*group).is_ok_and(|group| group > groups))
                    {
                        let message = format!("the target names group ${group}, and ruleFrom has {groups}");
                        return Err(Error::invalid(message));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}
