//! Maintaining a connection: reach the remote side, list it for all objects, report.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;

use super::{ConnectionKey, ConnectionKind, Connections, Dependent, Readiness, consent, kind, windows::Window};
use crate::{
    crd::{
        applied::Subject,
        common::annotation,
        connection::{AllowedNamespaces, drift_interval},
    },
    dataiku::transport::Transport,
    engine::{
        error::{Error, Reason},
        index::{Facts, key_hash},
        meters::Swept,
        namespaces::selector_of,
        object::{ObjectName, asks_for_reconcile, created, is_deleting, is_ready},
        secrets,
        work::{Outcome, Reconcile, Removed, Work},
    },
};

/// Objects named in the message of a deletion that waits; the rest is counted.
const NAMED: usize = 5;
/// Longest time for one sweep. Each of its calls has a time limit of its own.
const DEADLINE: Duration = Duration::from_mins(10);

/// Longest wait for the first lists of the kinds that use a connection.
const FIRST_LISTS: Duration = Duration::from_secs(10);

/// The work of one kind of connection.
pub struct Connecting<C: ConnectionKind>(pub Arc<Connections<C>>);

impl<C: ConnectionKind> Work for Connecting<C> {
    type Object = C;

    fn facts(&self, object: &C) -> Facts {
        Facts {
            connection: None,
            sources: kind::uses(object),
            claims: Vec::new(),
            key: None,
            created: created(object),
        }
    }

    fn remote_name(&self, object: &C) -> String {
        format!("connection {}", object.name_any())
    }

    fn subject(&self, _: &C) -> Option<Subject> {
        None
    }

    fn deadline(&self) -> Duration {
        DEADLINE
    }

    fn counted_under(&self, object: &C) -> Option<ConnectionKey> {
        Some(key_of(object))
    }

    async fn reconcile(&self, cx: &mut Reconcile<Self>) -> Result<Outcome, Error> {
        self.release_acknowledged(&cx.object);
        let key = key_of(&*cx.object);
        let ledger = self.0.orphans(&key);
        let before = cx.object.status().map(|status| status.shown.clone());
        ledger.load(before.as_ref().and_then(C::orphans));
        let result = match self.list_orphans_alone(cx, &key) {
            Some(outcome) => Ok(outcome),
            None => self.read_side(cx).await,
        };
        let shown = cx.report.shown.get_or_insert_with(|| before.unwrap_or_default());
        C::show_orphans(shown, ledger.publish());
        if let Some(breaker) = self.0.breaker(&key) {
            C::show_breaker(shown, kind::breaker_status(breaker));
        }
        result
    }

    async fn remove(&self, cx: &mut Reconcile<Self>) -> Result<Removed, Error> {
        self.release_acknowledged(&cx.object);
        let (dependents, complete) = self.0.dependents(&key_of(&*cx.object));
        if dependents.is_empty() {
            return Ok(if complete {
                Removed::Released(None)
            } else {
                Removed::InUse("objects that may use this connection are not all known: the operator has not listed every namespace that it watches, or lacks the right to (see /readyz?verbose)".into())
            });
        }
        let mut named: Vec<_> = dependents
            .iter()
            .take(NAMED)
            .map(|one| format!("{} {}/{}", one.kind, one.namespace, one.name))
            .collect();
        if dependents.len() > NAMED {
            named.push(format!("and {} more", dependents.len() - NAMED));
        }
        Ok(Removed::InUse(format!("in use by {}", named.join(", "))))
    }

    fn settled(&self, object: &C, reason: Reason, message: &str) {
        let readiness = if reason.is_ready() {
            Readiness::Ready
        } else {
            Readiness::NotReady(reason, message.to_owned())
        };
        self.0.settle(&key_of(object), &readiness);
    }

    fn gone(&self, object: &C) {
        self.0.settle(&key_of(object), &Readiness::Gone);
    }

    fn source_changed(&self, name: &ObjectName) {
        self.0.mark_stale(&ConnectionKey::new(&name.namespace, &name.name));
    }

    fn is_unread(&self, object: &C) -> bool {
        self.0.is_unread(&key_of(object))
    }

    fn interval(&self, object: &C) -> Option<Duration> {
        Some(drift_interval(object.terms().drift_interval))
    }
}

impl<C: ConnectionKind> Connecting<C> {
    /// Wakes what the mass-change brake held once the object acknowledges it. A sweep would do so, too, but there is none while the
    /// Secret is missing, and deletions need no sweep.
    fn release_acknowledged(&self, object: &C) {
        let key = key_of(object);
        let acknowledged = object.annotations().get(annotation::ACKNOWLEDGE);
        if self.0.guard(&key).acknowledge(acknowledged.map(String::as_str)) {
            self.0.unblock(&key);
        }
    }

    /// Reads the remote side for all objects.
    async fn read_side(&self, cx: &mut Reconcile<Self>) -> Result<Outcome, Error> {
        let object = cx.object.clone();
        let key = key_of(&*object);
        let env = &cx.shell.env;
        cx.report.extra = Some(object.conditions(None));
        let insecurity = kind::insecurity(&*object, env.policy.allow_insecure_tls)?;
        cx.report.extra = Some([insecurity.clone(), object.conditions(None)].concat());
        let due = self.check_spec(&key, &object, env.clock.now())?;
        let uses = kind::uses(&*object);
        let record = cx.report.record.clone();
        let lasting = env.release_after;
        let resolved = secrets::resolve_with_consents(
            &env.client,
            &env.fingerprints,
            &env.sources,
            &key.namespace,
            &cx.uid(),
            &uses,
            &record,
        )
        .await;
        let (secrets, consents) = resolved.inspect_err(|_| self.0.note_loss(&key, None, false, lasting))?;
        let destinations = kind::destinations(&*object, &env.addresses)?;
        let consented = if env.policy.require_host_consent {
            consent::check(&key.namespace, &destinations, &consents)
        } else {
            Ok(())
        };
        if consented.is_err() || secrets.unusable().is_some() || !secrets.all_missing().is_empty() {
            self.0.note_loss(&key, Some(&secrets), consented.is_ok(), lasting);
        }
        consented?;
        if let Some(missing) = secrets.all_missing().first() {
            return Err(Error::dependency(missing.clone()));
        }
        if let Some(unusable) = secrets.unusable() {
            return Err(Error::invalid(unusable));
        }
        let live = self.0.candidate(&key, &object, &secrets, || {
            let endpoint = kind::endpoint(&*object, &secrets)?;
            let transport = Transport::new(endpoint, env.addresses.clone(), self.0.meters(&key))?;
            let lists = transport.lists();
            self.0.holds(&key, &lists);
            Ok((object.api(transport), lists))
        })?;
        let (mut dependents, complete) = self.known_dependents(&key).await;
        if !complete {
            // Whatever is not known yet may need all details.
            for one in &mut dependents {
                one.needs_details = true;
            }
        }
        let began = Instant::now();
        let sweep = C::sweep(&object, &live, &dependents).await?;
        self.0.filled(&live)?;
        live.meters.swept(Swept {
            took: began.elapsed(),
            at: env.clock.now(),
            began,
        });
        let id = object.node_id(&sweep);
        check_identity(&*object, id.as_deref())?;
        self.0.identified(&key, id);
        let mut shown = object.summary(&sweep, &dependents);
        let acknowledged = object.annotations().get(annotation::ACKNOWLEDGE);
        C::show_brake(&mut shown, self.0.guard(&key).held(acknowledged.map(String::as_str)));
        live.meters.gauges.show(C::gauges(&shown));
        cx.report.shown = Some(shown);
        object.judge(&sweep)?;
        self.0.settle_orphans(&key);
        cx.report.extra = Some([insecurity, object.conditions(Some(&sweep))].concat());
        let mut outcome = Outcome::new(Reason::InSync, object.ready(&sweep));
        outcome.due = due;
        Ok(outcome)
    }

    /// Where nothing but the list of what was left behind changed since the last sweep, there is nothing to read.
    fn list_orphans_alone(&self, cx: &Reconcile<Self>, key: &ConnectionKey) -> Option<Outcome> {
        let object = &*cx.object;
        let ready = object.status()?.condition("Ready")?;
        let swept = self
            .0
            .live(key)
            .filter(|live| !live.is_stale() && live.is_filled())?
            .meters
            .last_sweep()?;
        let interval = drift_interval(object.terms().drift_interval);
        let left = interval.checked_sub(swept.began.elapsed())?;
        let due = self.check_spec(key, object, cx.shell.env.clock.now()).ok()?;
        let alone = self.0.orphans(key).is_unpublished()
            && self.0.is_ready(key)
            && is_ready(object)
            && !is_deleting(object)
            && !asks_for_reconcile(object);
        alone.then(|| Outcome {
            reason: Reason::InSync,
            message: ready.message.clone(),
            due: due.into_iter().chain([left]).min(),
        })
    }

    /// Checks what no schema rule can; returns when the next change window opens or closes.
    fn check_spec(&self, key: &ConnectionKey, object: &C, now: Timestamp) -> Result<Option<Duration>, Error> {
        let allowed = object.terms().allowed_namespaces;
        if let Some(selector) = allowed.and_then(AllowedNamespaces::selector) {
            selector_of(selector)
                .map_err(|why| Error::invalid(format!("the selector of allowedNamespaces cannot be read: {why}")))?;
        }
        let window = self.0.window(key, object, now);
        if let Window::Unreadable(why) = window {
            return Err(Error::invalid(why));
        }
        let left = window.ends().map(|end| end.duration_since(now));
        Ok(left.and_then(|left| Duration::try_from(left).ok()))
    }

    /// Objects that use the connection. Right after a start the first lists are still arriving: without them the status would
    /// count too few objects and be written twice. A kind whose list does not arrive holds up no connection for long.
    async fn known_dependents(&self, key: &ConnectionKey) -> (Vec<Dependent>, bool) {
        let began = Instant::now();
        loop {
            let (dependents, complete) = self.0.dependents(key);
            if complete || !self.0.is_listing() || began.elapsed() >= FIRST_LISTS {
                return (dependents, complete);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Fails if another node answers than the one that the status shows, until somebody acknowledges it: the objects of the old
/// one do not exist there, and their passwords must not go there (`api.md` 8.21).
fn check_identity<C: ConnectionKind>(object: &C, found: Option<&str>) -> Result<(), Error> {
    let pinned = object.status().and_then(|status| C::pinned_id(&status.shown));
    let (Some(pinned), Some(found)) = (pinned, found) else {
        return Ok(());
    };
    let token = format!("{:08x}", key_hash(found) >> 32);
    let acknowledged = object.annotations().get(annotation::ACKNOWLEDGE) == Some(&token);
    if pinned == found || acknowledged {
        return Ok(());
    }
    Err(Error::Blocked(
        Reason::AwaitingAcknowledgement,
        format!(
            "the node behind url is {found}, it was {pinned}: nothing is written until you acknowledge the change with the \
             annotation {}={token}",
            annotation::ACKNOWLEDGE
        ),
    ))
}

fn key_of<C: ConnectionKind>(object: &C) -> ConnectionKey {
    ConnectionKey::new(
        object.meta().namespace.as_deref().unwrap_or_default(),
        object.meta().name.as_deref().unwrap_or_default(),
    )
}
