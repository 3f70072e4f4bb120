//! Lists, whole or in pages.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    call::{Call, Resource},
    rejection::Rejection,
    requests::{selection, succeed},
    serve::Response,
    shared::State,
    view::{Form, List},
};

const TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.";

/// The page of a list that the request asks for. All pages show the state when the first was read.
pub(crate) fn page(state: &mut State, id: u64, call: &Call, resource: &Resource) -> Result<Response, Rejection> {
    let gone = || Rejection::bad_request("the kind is not registered");
    let store = &mut state.store;
    let collection = store.get(id).ok_or_else(gone)?;
    let kind = collection.kind.clone();
    let (items, revision, start, known) = if let Some(token) = call.parameter("continue") {
        let numbers = token.split_once('.').and_then(|(snapshot, start)| {
            let numbers: (u64, usize) = (snapshot.parse().ok()?, start.parse().ok()?);
            Some(numbers)
        });
        let (snapshot, start) = numbers.ok_or_else(|| Rejection::bad_request("invalid continue token"))?;
        let found = store.snapshots.iter().find(|one| one.id == snapshot);
        let found = found.ok_or_else(|| Rejection::expired(TOO_OLD))?;
        (found.items.clone(), found.revision, start, Some(found.id))
    } else {
        let selection = selection(call, resource)?;
        let values = collection.objects.values().map(|stored| &stored.value);
        let picked: Arc<[Arc<Value>]> = values.filter(|value| selection.picks(value)).cloned().collect();
        (picked, store.counters.revision, 0, None)
    };
    let limit = call
        .parameter("limit")
        .and_then(|limit| limit.parse().ok())
        .filter(|limit| *limit > 0);
    let rest = items.get(start..).unwrap_or_default();
    let shown = &rest[..limit.unwrap_or(usize::MAX).min(rest.len())];
    let form = match call.metadata_only {
        true => Form::Metadata,
        false if kind.is_builtin() => Form::Untyped,
        false => Form::Full,
    };
    let list = List::new(
        &kind.kind,
        kind.api_version(),
        revision,
        shown.iter().map(|one| &**one),
        form,
    );
    let remaining = rest.len() - shown.len();
    if remaining == 0 {
        return Ok(succeed(200, &list));
    }
    let snapshot = known.unwrap_or_else(|| store.snapshot(items.clone()));
    let token = format!("{snapshot}.{}", start + shown.len());
    Ok(succeed(200, &list.continued(&token, remaining)))
}
