//! Maintaining remote objects: [`Managed`] strategies as [`Work`].

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::{
    claim,
    conclude::attempt,
    delegated,
    managed::{Given, Managed, Observed, Read},
    pass::{Pass, frozen_message, given},
    plan::Plan,
    removal,
};
use crate::{
    crd::{applied::Subject, connection::Orphan, status::Origin},
    engine::{
        connect::{ConnectionKey, ConnectionKind, Connections, Dependent, Left, Remote, connections::Admitted},
        error::{Error, Reason},
        index::{Facts, key_hash},
        object::{HasStatus, ObjectName, created, is_ready, kind},
        secrets::Secrets,
        shell::Shell,
        status::{StatusUpdate, next_status, to_second},
        work::{Outcome, Reconcile, Removed, Report, Work, subject},
    },
};

/// Longest time for one reconcile. Calls have their own, shorter limits.
const DEADLINE: Duration = Duration::from_mins(1);
/// The same where a reconcile waits for a document that many objects share: the writer may have to find the one edit among
/// many that the remote side refuses.
const SHARED_DEADLINE: Duration = Duration::from_mins(5);

/// The work of one strategy.
pub struct Keeping<M: Managed> {
    /// The connections that its objects use.
    pub connections: Arc<Connections<M::Connection>>,
}

impl<M: Managed> Work for Keeping<M> {
    type Object = M::Object;

    fn facts(&self, object: &M::Object) -> Facts {
        Facts {
            connection: Some(M::common(object).connection),
            sources: M::secrets(object),
            claims: M::claims(object),
            key: (!M::ENTRIES).then(|| key_hash(&M::claim_key(object))),
            created: created(object),
        }
    }

    fn connection(&self, object: &M::Object) -> Option<ConnectionKey> {
        Some(M::common(object).connection)
    }

    fn dependent(&self, object: &M::Object) -> Option<(ConnectionKey, Dependent)> {
        let common = M::common(object);
        let dependent = Dependent {
            kind: kind::<M::Object>(),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            key: common.key,
            id: self.recorded_id(object),
            needs_details: M::needs_details(object),
            created: created(object),
            shares: M::shares(object),
            entries: M::entries(object),
        };
        Some((common.connection, dependent))
    }

    fn judged_by(&self, object: &M::Object) -> Option<i64> {
        self.connections.generation(&M::common(object).connection)
    }

    fn remote_name(&self, object: &M::Object) -> String {
        format!("{} {}", M::REMOTE, M::common(object).key)
    }

    fn subject(&self, object: &M::Object) -> Option<Subject> {
        let common = M::common(object);
        Some(subject(object.uid(), &common.connection, &common.key))
    }

    fn deadline(&self) -> Duration {
        if M::MANY { SHARED_DEADLINE } else { DEADLINE }
    }

    async fn reconcile(&self, cx: &mut Reconcile<Self>) -> Result<Outcome, Error> {
        let mut pass = Pass::prepare(self, cx)?;
        let result = pass.run().await;
        pass.reworded(result)
    }

    async fn remove(&self, cx: &mut Reconcile<Self>) -> Result<Removed, Error> {
        removal::remove(self, cx).await
    }

    async fn differs(&self, shell: &Shell<Self>, object: &M::Object) -> bool {
        match self.compare(shell, object).await {
            Ok(differs) => differs,
            // Nothing is known of the remote side at the moment.
            Err(Error::NotYet(_) | Error::ConnectionNotReady(_) | Error::CredentialsMissing { .. }) => false,
            Err(error) => !says(object, &error),
        }
    }

    fn settled(&self, object: &M::Object, reason: Reason, _: &str) {
        if M::UNBLOCKS && reason.is_ready() && !is_ready(object) {
            self.connections.unblock(&M::common(object).connection);
        }
    }

    fn gone(&self, object: &M::Object) {
        let uid = object.uid().unwrap_or_default();
        let connection = M::common(object).connection;
        self.connections.forget_waiting(&connection, &uid);
    }

    fn orphan(&self, object: &M::Object, left: Left, now: Option<Timestamp>) -> Option<Orphan> {
        let report = Report::<M::Object>::new(object, self.subject(object));
        // What was there before the object stays somebody else's; what the object put into it does not.
        let created = report.origin? == Origin::Created;
        let granted = !matches!(left, Left::Retained | Left::Observed) && !report.record.grants.is_empty();
        if !(created || granted) {
            return None;
        }
        Some(Orphan {
            kind: kind::<M::Object>().to_owned(),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            key: M::common(object).key,
            id: report.record.id,
            reason: left.as_str().to_owned(),
            since: now.map(|now| Time(to_second(now))),
        })
    }

    fn left_behind(&self, connection: &ConnectionKey, orphan: Orphan) {
        self.connections.orphaned(connection, orphan);
    }

    fn exists(&self, connection: &ConnectionKey, key: &str, id: Option<&str>) -> Option<bool> {
        let live = self.connections.live(connection)?;
        M::exists(&live.lists, key, id)
    }
}

impl<M: Managed> Keeping<M> {
    /// Id of the remote object, by the record of this very object.
    fn recorded_id(&self, object: &M::Object) -> Option<String> {
        let record = object.status()?.applied.as_ref()?;
        record.id.clone().filter(|_| record.subject == self.subject(object))
    }

    /// Whether the lists of the last sweep show something else than the status says.
    async fn compare(&self, shell: &Shell<Self>, object: &M::Object) -> Result<bool, Error> {
        let common = M::common(object);
        let namespace = object.namespace().unwrap_or_default();
        let admitted = self.connections.admit(&common.connection, &namespace)?;
        admitted.object.accepts(kind::<M::Object>())?;
        let report = Report::<M::Object>::new(object, self.subject(object));
        delegated::check(self, object, report.origin, &admitted)?;
        claim::check(self, shell, object)?;
        if report.record.unsettled_until.is_some() {
            return Ok(true);
        }
        let remote = Remote::new(admitted.live.clone(), true);
        let seen = match M::observe(object, &remote, &report.record, Read::Listed).await? {
            Observed::Unknown => return Ok(true),
            Observed::Absent => None,
            Observed::Found(seen) => Some(seen),
        };
        let secrets = Secrets::unread(&M::secrets(object));
        let given = given(self, shell, object, &report, &secrets, &admitted);
        let plan = M::plan(object, &given, seen.as_ref())?;
        let plan = self.within_windows(shell, &admitted, report.origin.is_some(), plan);
        self.compare_rights(object, &report, &admitted, &plan, seen.is_some())?;
        let held = if given.connection.terms().freeze {
            Some(frozen_message(plan.outstanding().len()))
        } else {
            self.outside_windows(shell, &admitted, plan.outstanding().len())
        };
        Ok(Self::says_otherwise(
            shell,
            object,
            &report,
            &plan,
            seen.as_ref(),
            &given,
            held.as_deref(),
        ))
    }

    /// Fails if the connection does not allow what a reconcile would do.
    fn compare_rights(
        &self,
        object: &M::Object,
        report: &Report<M::Object>,
        admitted: &Admitted<M::Connection>,
        plan: &Plan<M::Change>,
        exists: bool,
    ) -> Result<(), Error> {
        let policies = M::common(object).policies;
        if policies.observes() {
            return Ok(());
        }
        if exists && report.origin.is_none() && policies.adopts() && !M::ENTRIES {
            delegated::check_adoption(self, object, admitted)?;
        }
        if plan.is_empty() || admitted.object.terms().freeze {
            return Ok(());
        }
        let namespace = object.namespace().unwrap_or_default();
        let side = (&*admitted.object, &admitted.live.key, &*admitted.live.lists);
        let judged = delegated::check_effects(
            &self.connections,
            side,
            &namespace,
            &plan.effects(),
            &report.record.grants,
        );
        judged.map_err(Error::Refused)
    }

    /// The plan, or outside of the change windows of the connection the part of it that only takes access away. `ours`: the
    /// remote object is managed by this object already.
    pub(super) fn within_windows(
        &self,
        shell: &Shell<Self>,
        admitted: &Admitted<M::Connection>,
        ours: bool,
        plan: Plan<M::Change>,
    ) -> Plan<M::Change> {
        plan.within_windows(ours, || self.closed(shell, admitted)).0
    }

    /// Why changes have to wait for a window; `None`: one is open.
    fn closed(&self, shell: &Shell<Self>, admitted: &Admitted<M::Connection>) -> Option<String> {
        let now = shell.env.clock.now();
        let window = self.connections.window(&admitted.live.key, &admitted.object, now);
        window.closed()
    }

    /// What an object says whose changes wait for a window; `None`: one is open.
    pub(super) fn outside_windows(
        &self,
        shell: &Shell<Self>,
        admitted: &Admitted<M::Connection>,
        count: usize,
    ) -> Option<String> {
        let why = self.closed(shell, admitted)?;
        Some(format!("{why}; {count} changes wait in status.plan"))
    }

    fn says_otherwise(
        shell: &Shell<Self>,
        object: &M::Object,
        report: &Report<M::Object>,
        plan: &Plan<M::Change>,
        seen: Option<&M::Seen>,
        given: &Given<'_, M::Connection>,
        held: Option<&str>,
    ) -> bool {
        let Some(status) = object.status() else { return true };
        let generation = kube::Resource::meta(object).generation;
        if status.observed_generation != generation || !Self::is_recorded(object, report, plan) {
            return true;
        }
        let ready = status.condition("Ready");
        let reason = ready.and_then(|ready| Reason::named(&ready.reason));
        let known = shell
            .memory
            .with(&object.uid().unwrap_or_default(), |entry| entry.not_stored);
        let repeats =
            known.is_some_and(|known| known.generation == generation && known.listed == Some(attempt::<M>(plan, seen)));
        if reason == Some(Reason::AcceptedButNotStored) && repeats {
            return false;
        }
        let remote = status.remote.as_ref();
        let shown = seen.is_none()
            || remote.is_some_and(|remote| remote.seen == M::show(object, seen, &report.record, given.lists));
        let outstanding = Self::shown_plan(plan);
        let waits = match reason {
            Some(Reason::Frozen) => {
                let holds_all = plan.is_empty() || given.connection.terms().freeze;
                holds_all && held.is_some() && held == ready.map(|ready| ready.message.as_str())
            }
            Some(Reason::Observed) => true,
            _ => plan.is_empty() && plan.held.is_empty(),
        };
        let settled = match reason {
            Some(Reason::InSync) => outstanding.is_empty() && plan.expired.is_empty(),
            Some(Reason::Expired) => outstanding.is_empty() && !plan.expired.is_empty(),
            Some(Reason::DependencyNotReady | Reason::Observed | Reason::Frozen | Reason::Progressing) => {
                waits && !outstanding.is_empty() && outstanding == status.plan
            }
            // Secrets are missing or unusable: their watch wakes the object.
            _ => false,
        };
        let secret = matches!(reason, Some(Reason::DependencyNotReady | Reason::Invalid))
            && plan.is_empty()
            && outstanding.is_empty()
            && !M::secrets(object).is_empty();
        !shown || !(settled || secret)
    }

    /// The plan as a status shows it.
    fn shown_plan(plan: &Plan<M::Change>) -> Vec<String> {
        let update = StatusUpdate::<crate::crd::status::Nothing, crate::crd::status::Nothing> {
            reason: Reason::Progressing,
            message: String::new(),
            extra: None,
            plan: plan.outstanding(),
            remote: None,
            shown: None,
            applied: crate::crd::applied::Applied::default(),
            changed: false,
            handled: None,
        };
        next_status(None, None, update, Timestamp::UNIX_EPOCH).plan
    }

    /// Whether the record has everything that the object may have to withdraw.
    pub(super) fn is_recorded(object: &M::Object, report: &Report<M::Object>, plan: &Plan<M::Change>) -> bool {
        M::common(object).policies.observes() || report.record.grants.contains_all(&plan.grants)
    }

    /// The queue of the objects of a connection.
    pub(super) fn name(object: &M::Object) -> ObjectName {
        ObjectName::of(object)
    }
}

/// Whether the status of the object says just this.
fn says<K: crate::engine::Object>(object: &K, error: &Error) -> bool {
    let (Some(status), Some(reason)) = (object.status(), error.reason()) else {
        return false;
    };
    let same = status.observed_generation == object.meta().generation;
    same && status
        .condition("Ready")
        .is_some_and(|ready| ready.reason == reason.as_str() && ready.message == error.to_string())
}

/// Values that a write returned and that a Secret publishes, by key.
pub(super) type Published = BTreeMap<String, secrecy::SecretString>;
