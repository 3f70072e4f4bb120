//! How a list of names becomes the list that is wanted.

use std::collections::BTreeSet;

use super::{FieldEdit, Names};
use crate::dataiku::document::Document;

/// What is added and what is removed, apart: the one may have to wait while the other is written.
pub(super) fn membership(names: &Names<'_>, target: &BTreeSet<&str>, current: &BTreeSet<&str>) -> Vec<FieldEdit> {
    let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let (added, removed) = (owned(target - current), owned(current - target));
    let at = names.at;
    let mut edits = Vec::new();
    if !added.is_empty() {
        let steps = added.iter().map(|name| format!("add to {} {name}", names.noun));
        edits.push(FieldEdit {
            steps: steps.collect(),
            ..FieldEdit::new("", move |document: &mut Document| {
                document.edit_list(at, |_: &String| true, &added).map(|_| ())
            })
        });
    }
    if !removed.is_empty() {
        let steps = removed.iter().map(|name| format!("remove from {} {name}", names.noun));
        let gone = removed.clone();
        edits.push(FieldEdit {
            steps: steps.collect(),
            withdraws: true,
            removed: Some((at, removed)),
            ..FieldEdit::new("", move |document: &mut Document| {
                document
                    .edit_list::<String, String>(at, |name| !gone.contains(name), &[])
                    .map(|_| ())
            })
        });
    }
    edits
}
