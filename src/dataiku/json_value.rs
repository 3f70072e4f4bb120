//! JSON values compared by what they mean and not by how they are written.

use serde_json::{Map, Number, Value};

/// Whether both are the same value: `5` is `5.0`, and the order of keys does not matter.
#[must_use]
pub fn is_same(one: &Value, other: &Value) -> bool {
    canonical(one) == canonical(other)
}

/// One form for all values that are the same: keys sorted, whole numbers without a fraction.
#[must_use]
pub fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(canonical_number(number)),
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| (key.clone(), canonical(value)));
            let mut members: Map<String, Value> = members.collect();
            members.sort_keys();
            Value::Object(members)
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

fn canonical_number(number: &Number) -> Number {
    let whole = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0);
    let whole = whole.and_then(|float| {
        // Written out, a whole number is exact; one beyond the range of integers stays as it is.
        let text = format!("{float:.0}");
        let signed = text.parse::<i64>().map(Number::from);
        signed.or_else(|_| text.parse::<u64>().map(Number::from)).ok()
    });
    whole.unwrap_or_else(|| number.clone())
}

/// Whether `stored` may be what a server made of `declared`. It may have written numbers as text or text in another case
/// and with white space around it, left out or filled in members that say nothing (null, false, empty), added members or
/// filled in those declared null, and reordered lists.
#[must_use]
pub fn resembles(declared: &Value, stored: &Value) -> bool {
    Comparison::default().resembles(declared, stored)
}

/// As [`resembles`], for lists: as many values, each with a counterpart of its own.
#[must_use]
pub fn all_resemble(declared: &[Value], stored: &[Value]) -> bool {
    Comparison::default().lists(declared, stored)
}

/// Comparisons of single values that one question may cost: lists within lists cost the product of their lengths, and
/// people choose what they declare. Beyond that nothing resembles anything.
const BUDGET: u32 = 100_000;

struct Comparison {
    left: u32,
}

impl Default for Comparison {
    fn default() -> Self {
        Self { left: BUDGET }
    }
}

impl Comparison {
    fn resembles(&mut self, declared: &Value, stored: &Value) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        match (declared, stored) {
            _ if says_nothing(declared) && says_nothing(stored) => true,
            (Value::Object(declared), Value::Object(stored)) => declared
                .iter()
                // What is declared null leaves the choice to the server.
                .filter(|(_, value)| !value.is_null())
                .all(|(key, value)| self.resembles(value, stored.get(key).unwrap_or(&Value::Null))),
            (Value::Array(declared), Value::Array(stored)) => self.lists(declared, stored),
            _ => match (Scalar::of(declared), Scalar::of(stored)) {
                (Some(declared), Some(stored)) => declared.is(&stored),
                _ => false,
            },
        }
    }

    fn lists(&mut self, declared: &[Value], stored: &[Value]) -> bool {
        if declared.len() != stored.len() {
            return false;
        }
        // A list in the same order costs its length. Each pair is compared once, or lists within lists would double it.
        let in_place = declared.iter().zip(stored);
        let in_place: Vec<bool> = in_place.map(|(one, other)| self.resembles(one, other)).collect();
        if in_place.iter().all(|alike| *alike) {
            return true;
        }
        let counterparts = declared.iter().enumerate().map(|(one, declared)| {
            let stored = stored.iter().enumerate();
            let alike = stored.filter(|(other, stored)| {
                if one == *other {
                    in_place[one]
                } else {
                    self.resembles(declared, stored)
                }
            });
            alike.map(|(other, _)| other).collect()
        });
        let counterparts: Vec<Vec<usize>> = counterparts.collect();
        self.left > 0 && have_counterparts(&counterparts)
    }
}

/// Whether each can have one of its counterparts for itself: a bipartite matching by augmenting paths.
fn have_counterparts(counterparts: &[Vec<usize>]) -> bool {
    let mut taken_by = vec![None; counterparts.len()];
    (0..counterparts.len()).all(|one| {
        let mut tried = vec![false; counterparts.len()];
        take(one, counterparts, &mut taken_by, &mut tried)
    })
}

fn take(one: usize, counterparts: &[Vec<usize>], taken_by: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    for other in counterparts[one].iter().copied() {
        if std::mem::replace(&mut tried[other], true) {
            continue;
        }
        if taken_by[other].is_none_or(|rival| take(rival, counterparts, taken_by, tried)) {
            taken_by[other] = Some(one);
            return true;
        }
    }
    false
}

/// Whether leaving it out says the same.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(says_nothing),
    }
}

/// What a text, a number or a boolean says, however it is written.
enum Scalar {
    Number(Number),
    Text(String),
}

impl Scalar {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(Self::Text(flag.to_string())),
            Value::Number(number) => Some(Self::Number(canonical_number(number))),
            Value::String(text) => {
                let text = text.trim();
                let number = serde_json::from_str::<Number>(text).ok();
                Some(number.map_or_else(
                    || Self::Text(text.to_lowercase()),
                    |number| Self::Number(canonical_number(&number)),
                ))
            }
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one == other || one.as_f64() == other.as_f64(),
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Number(_), Self::Text(_)) | (Self::Text(_), Self::Number(_)) => false,
        }
    }
}

#[cfg(test)]
#[path = "json_value_tests.rs"]
mod tests;
