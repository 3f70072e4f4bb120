//! Watches: the history of a kind from a revision on, as it grows.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body::Frame;
use http_body_util::{Either, StreamBody};
use serde_json::{Value, json};
use tokio::{
    sync::watch::Receiver,
    time::{Instant, sleep_until},
};

use crate::{
    call::{Call, Resource},
    kind::Registered,
    rejection::Rejection,
    requests::selection,
    selector::Selection,
    serve::{Response, broken},
    shared::{Shared, State},
    store::Change,
    view::{Form, View, event},
};

/// From one bookmark to the next.
const BOOKMARKS: Duration = Duration::from_mins(1);
/// Marks the bookmark after the last of the initial events.
const INITIAL_END: &str = "k8s.io/initial-events-end";

/// Opens a watch.
pub(crate) fn open(
    shared: &Arc<Shared>,
    state: &State,
    id: u64,
    call: &Call,
    resource: &Resource,
) -> Result<Response, Rejection> {
    let gone = || Rejection::bad_request("the kind is not registered");
    let collection = state.store.get(id).ok_or_else(gone)?;
    let selection = selection(call, resource)?;
    let from: u64 = call
        .parameter("resourceVersion")
        .unwrap_or("0")
        .parse()
        .map_err(|_| Rejection::bad_request("resourceVersion is no number"))?;
    let asks_for_state = call.flag("sendInitialEvents");
    // A watch from nowhere begins with the present state too.
    let begins_with_state = asks_for_state || from == 0;
    let values = collection.objects.values().map(|stored| &stored.value);
    let initial = values
        .filter(|value| begins_with_state && selection.picks(value))
        .cloned()
        .collect();
    let bookmarks = call.flag("allowWatchBookmarks");
    let now = Instant::now();
    let seconds: Option<u64> = call
        .parameter("timeoutSeconds")
        .and_then(|seconds| seconds.parse().ok());
    let watch = Watch {
        shared: shared.clone(),
        collection: id,
        cuts: collection.cuts,
        selection,
        form: if call.metadata_only { Form::Metadata } else { Form::Full },
        cursor: if begins_with_state {
            state.store.counters.revision
        } else {
            from
        },
        initial,
        marks_initial_end: asks_for_state && bookmarks,
        bookmarks,
        next_bookmark: now + BOOKMARKS,
        ends: seconds.map(|seconds| now + Duration::from_secs(seconds)),
        changed: shared.subscribe(),
        is_over: false,
    };
    let frames = stream::unfold(watch, |mut watch| async move {
        let frame = watch.next().await?;
        Some((frame, watch))
    });
    Ok(http::Response::new(Either::Right(StreamBody::new(frames.boxed()))))
}

struct Watch {
    shared: Arc<Shared>,
    collection: u64,
    cuts: u64,
    selection: Selection,
    form: Form,
    /// Everything up to this revision was delivered.
    cursor: u64,
    initial: VecDeque<Arc<Value>>,
    marks_initial_end: bool,
    bookmarks: bool,
    next_bookmark: Instant,
    ends: Option<Instant>,
    changed: Receiver<()>,
    is_over: bool,
}

enum Step {
    Line(Bytes),
    /// Until then, or until something changes.
    Wait(Option<Instant>),
    /// After this line.
    Last(Bytes),
    End,
    Break,
}

impl Watch {
    async fn next(&mut self) -> Option<io::Result<Frame<Bytes>>> {
        if self.is_over {
            return None;
        }
        loop {
            self.changed.mark_unchanged();
            let shared = self.shared.clone();
            let step = self.step(&shared.lock());
            self.is_over = matches!(step, Step::Last(_) | Step::End | Step::Break);
            match step {
                Step::Line(line) | Step::Last(line) => return Some(Ok(Frame::data(line))),
                Step::End => return None,
                Step::Break => return Some(Err(broken())),
                Step::Wait(None) => self.change().await,
                Step::Wait(Some(until)) => {
                    tokio::select! {
                        () = self.change() => {}
                        () = sleep_until(until) => {}
                    }
                }
            }
        }
    }

    async fn change(&mut self) {
        // The sender lives as long as the server, of which this has a share.
        let _ = self.changed.changed().await;
    }

    fn step(&mut self, state: &State) -> Step {
        let now = Instant::now();
        if state.outage {
            return Step::Break;
        }
        let Some(collection) = state.store.get(self.collection) else {
            return Step::End;
        };
        if collection.cuts != self.cuts {
            return Step::Break;
        }
        if self.ends.is_some_and(|ends| ends <= now) {
            return Step::End;
        }
        if self.cursor < collection.oldest {
            let message = format!("too old resource version: {} ({})", self.cursor, collection.oldest);
            return Step::Last(event("ERROR", &Rejection::expired(message).body()));
        }
        if collection.held {
            return Step::Wait(self.ends);
        }
        if let Some(object) = self.initial.pop_front() {
            return Step::Line(event("ADDED", &View(&object, self.form)));
        }
        if std::mem::take(&mut self.marks_initial_end) {
            return Step::Line(self.bookmark(&collection.kind, true));
        }
        let delivered = collection
            .history
            .partition_point(|change| change.revision <= self.cursor);
        for change in &collection.history[delivered..] {
            let due = change.at + state.watch_lag;
            if due > now {
                return Step::Wait(Some(self.ends.map_or(due, |ends| ends.min(due))));
            }
            self.cursor = change.revision;
            if let Some(line) = self.line(change) {
                return Step::Line(line);
            }
        }
        if !self.bookmarks {
            return Step::Wait(self.ends);
        }
        if self.next_bookmark <= now {
            self.next_bookmark = now + BOOKMARKS;
            self.cursor = state.store.counters.revision;
            return Step::Line(self.bookmark(&collection.kind, false));
        }
        Step::Wait(Some(
            self.ends
                .map_or(self.next_bookmark, |ends| ends.min(self.next_bookmark)),
        ))
    }

    /// A change, as the selectors show it.
    fn line(&self, change: &Change) -> Option<Bytes> {
        let previous = change
            .previous
            .as_deref()
            .filter(|previous| self.selection.picks(previous));
        let is_picked = !change.deleted && self.selection.picks(&change.object);
        match (previous, is_picked) {
            (None, true) => Some(event("ADDED", &View(&change.object, self.form))),
            (Some(_), true) => Some(event("MODIFIED", &View(&change.object, self.form))),
            (Some(previous), false) => {
                // An object that is no longer picked goes in the state in which it was.
                let mut last = previous.clone();
                last["metadata"]["resourceVersion"] = change.object["metadata"]["resourceVersion"].clone();
                Some(event("DELETED", &View(&last, self.form)))
            }
            (None, false) => None,
        }
    }

    fn bookmark(&self, kind: &Registered, ends_initial: bool) -> Bytes {
        let mut bookmark = json!({
            "kind": kind.kind,
            "apiVersion": kind.api_version(),
            "metadata": { "resourceVersion": self.cursor.to_string() },
        });
        if ends_initial {
            bookmark["metadata"]["annotations"] = json!({ INITIAL_END: "true" });
        }
        event("BOOKMARK", &View(&bookmark, self.form))
    }
}
