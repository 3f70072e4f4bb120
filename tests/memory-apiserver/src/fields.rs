//! The fields of an object as paths, for server-side apply.
//!
//! A schema would say which lists are keyed; here it is the name of the field that says so.

use std::collections::BTreeMap;

use serde_json::Value;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A member of an object.
    Field(String),
    /// The item of a keyed list that has this key.
    Item(String),
    /// An item of a list that is a set.
    Element(String),
}

/// From the root of the object to a scalar, a list that is one value, an empty object, or an item of a keyed list.
pub(crate) type Path = Vec<Step>;

/// How a list is merged.
enum List {
    /// By the value of this member of each item.
    Keyed(&'static str),
    /// By the item itself.
    Set,
    /// Not at all: it is one value.
    Atomic,
}

/// Every leaf with its value. An item of a keyed list counts as a leaf beside its members, and so does what is empty.
pub(crate) fn leaves(value: &Value) -> BTreeMap<Path, &Value> {
    let mut leaves = BTreeMap::new();
    collect(value, &mut Vec::new(), &mut leaves);
    leaves
}

/// The value at a path.
pub(crate) fn at<'a>(value: &'a Value, path: &[Step]) -> Option<&'a Value> {
    let mut value = value;
    for (depth, step) in path.iter().enumerate() {
        value = match step {
            Step::Field(name) => value.get(name)?,
            step => value.as_array()?.get(position(value, step, &path[..depth])?)?,
        };
    }
    Some(value)
}

/// Merges `applied` into `live`.
pub(crate) fn merge(live: &mut Value, applied: &Value) {
    merge_at(live, applied, &mut Vec::new());
}

/// Removes what is at a path, and each parent that is empty after that. A parent of which `stays` holds becomes `null`
/// instead. The key of an item goes only with its item.
pub(crate) fn remove(value: &mut Value, path: &[Step], stays: &dyn Fn(&[Step]) -> bool) {
    if let [list_path @ .., Step::Item(_), Step::Field(name)] = path
        && matches!(list(list_path), List::Keyed(member) if member == name)
    {
        return;
    }
    remove_at(value, path, 0, stays);
}

/// Whether a value has members or items, but none.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether a value is an empty list of which each item has an owner.
pub(crate) fn is_empty_list(path: &[Step], value: &Value) -> bool {
    value.is_array() && is_empty(value) && !matches!(list(path), List::Atomic)
}

/// As messages show a path, such as `.status.conditions[type="Ready"].reason`.
pub(crate) fn display(path: &[Step]) -> String {
    let steps = path.iter().enumerate();
    let shown = steps.map(|(depth, step)| match (step, list(&path[..depth])) {
        (Step::Field(name), _) => format!(".{name}"),
        (Step::Item(key), List::Keyed(member)) => format!("[{member}={key:?}]"),
        (Step::Item(key) | Step::Element(key), _) => format!("[={key:?}]"),
    });
    shown.collect()
}

fn collect<'a>(value: &'a Value, path: &mut Path, leaves: &mut BTreeMap<Path, &'a Value>) {
    let mut descend = |step: Step, value: &'a Value, is_leaf: bool, path: &mut Path| {
        path.push(step);
        if is_leaf {
            leaves.insert(path.clone(), value);
        }
        collect(value, path, leaves);
        path.pop();
    };
    match (value, list(path)) {
        (Value::Object(members), _) if !members.is_empty() => {
            for (name, member) in members {
                descend(Step::Field(name.clone()), member, false, path);
            }
        }
        (Value::Array(items), List::Keyed(member)) if !items.is_empty() => {
            for item in items {
                if let Some(key) = key(item, member) {
                    descend(Step::Item(key), item, true, path);
                }
            }
        }
        (Value::Array(items), List::Set) if !items.is_empty() => {
            for item in items.iter().filter_map(Value::as_str) {
                leaves.insert([path.as_slice(), &[Step::Element(item.to_owned())]].concat(), value);
            }
        }
        _ => {
            leaves.insert(path.clone(), value);
        }
    }
}

fn merge_at(live: &mut Value, applied: &Value, path: &mut Path) {
    match (live, applied, list(path)) {
        (Value::Object(live), Value::Object(applied), _) => {
            for (name, member) in applied {
                path.push(Step::Field(name.clone()));
                merge_at(live.entry(name).or_insert(Value::Null), member, path);
                path.pop();
            }
        }
        (Value::Array(live), Value::Array(applied), List::Keyed(member)) => {
            let keys = |items: &[Value]| items.iter().filter_map(|item| key(item, member)).collect::<Vec<_>>();
            let find = |items: &[Value], wanted: &str| {
                let found = items.iter().find(|item| key(item, member).as_deref() == Some(wanted));
                found.cloned()
            };
            let merged = in_order(&keys(live), &keys(applied)).into_iter().filter_map(|key| {
                let (known, applied) = (find(live, &key), find(applied, &key));
                let Some((mut known, applied)) = known.clone().zip(applied.clone()) else {
                    return applied.or(known);
                };
                path.push(Step::Item(key));
                merge_at(&mut known, &applied, path);
                path.pop();
                Some(known)
            });
            *live = merged.collect();
        }
        (Value::Array(live), Value::Array(applied), List::Set) => *live = in_order(live, applied),
        (live, applied, _) => *live = applied.clone(),
    }
}

/// The order of two lists that were merged: that of `applied`, with what only `live` has where it was. As in
/// `structured-merge-diff`, which apiservers use.
fn in_order<T: Clone + PartialEq>(live: &[T], applied: &[T]) -> Vec<T> {
    let mut shared = applied.iter().filter(|one| live.contains(one)).peekable();
    let mut ordered: Vec<T> = Vec::new();
    let (mut live_rest, mut applied_rest) = (live, applied);
    loop {
        match (live_rest, applied_rest) {
            ([], []) => return ordered,
            ([left, others @ ..], [right, ..]) if left != right && applied.contains(left) => {
                // It comes where `applied` has it, unless it came there already.
                let is_next = shared.peek().is_none_or(|next| *next == left);
                if !is_next || ordered.contains(left) {
                    live_rest = others;
                    continue;
                }
            }
            ([left, others @ ..], _) if !applied.contains(left) => {
                ordered.push(left.clone());
                live_rest = others;
                continue;
            }
            ([left, others @ ..], []) if ordered.contains(left) => {
                live_rest = others;
                continue;
            }
            _ => {}
        }
        let [right, others @ ..] = applied_rest else {
            return ordered;
        };
        if live_rest.first() == Some(right) {
            live_rest = &live_rest[1..];
        }
        shared.next_if(|next| *next == right);
        ordered.push(right.clone());
        applied_rest = others;
    }
}

fn remove_at(value: &mut Value, path: &[Step], depth: usize, stays: &dyn Fn(&[Step]) -> bool) {
    let Some(step) = path.get(depth) else { return };
    let is_last = depth + 1 == path.len();
    match step {
        Step::Field(name) => {
            let Some(members) = value.as_object_mut() else { return };
            if let Some(member) = members.get_mut(name).filter(|_| !is_last) {
                remove_at(member, path, depth + 1, stays);
            }
            let is_emptied = !is_last && members.get(name).is_some_and(is_empty);
            if is_emptied && stays(&path[..=depth]) {
                members.insert(name.clone(), Value::Null);
            } else if is_emptied || is_last {
                members.remove(name);
            }
        }
        step => {
            let Some(index) = position(value, step, &path[..depth]) else {
                return;
            };
            let Some(items) = value.as_array_mut() else { return };
            if is_last {
                items.remove(index);
            } else {
                remove_at(&mut items[index], path, depth + 1, stays);
            }
        }
    }
}

fn position(list_value: &Value, step: &Step, path: &[Step]) -> Option<usize> {
    let items = list_value.as_array()?;
    match (step, list(path)) {
        (Step::Item(wanted), List::Keyed(member)) => {
            items.iter().position(|item| key(item, member).as_ref() == Some(wanted))
        }
        (Step::Element(wanted), _) => items.iter().position(|item| item.as_str() == Some(wanted)),
        _ => None,
    }
}

fn list(path: &[Step]) -> List {
    match path {
        [.., Step::Field(name)] if name == "conditions" => List::Keyed("type"),
        [Step::Field(metadata), Step::Field(name)] if metadata == "metadata" && name == "ownerReferences" => {
            List::Keyed("uid")
        }
        [Step::Field(metadata), Step::Field(name)] if metadata == "metadata" && name == "finalizers" => List::Set,
        _ => List::Atomic,
    }
}

fn key(item: &Value, member: &str) -> Option<String> {
    item.get(member).and_then(Value::as_str).map(str::to_owned)
}
