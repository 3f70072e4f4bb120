//! One reconcile of an object with a remote object: observe, plan, write, read back.

use std::time::Duration;

use super::{
    announce::Announcement,
    claim,
    conclude::attempt,
    delegated,
    intent::Before,
    managed::{Given, Managed, Observed, Read},
    plan::{Change, Class, Plan},
    publish::Target,
    together::takes,
    work::Keeping,
};
use crate::{
    crd::status::Origin,
    engine::{
        connect::{ConnectionKind, Remote, admission::OnItsWay, connections::Admitted},
        error::{Error, Reason, Refused},
        index::Claims,
        mark::{Mark, Marked},
        object::{ObjectName, asks_for_reconcile, is_deleting, is_ready},
        permit::{Permits, Terms},
        secrets::Secrets,
        shell::Shell,
        work::{Outcome, Reconcile, Report, Sighting},
    },
};

/// Longest record of what one object grants: the apiserver stores at most 1.5 MiB, and the spec is one half of that.
const MOST_RECORD_BYTES: usize = 256 << 10;

/// One reconcile.
pub(super) struct Pass<'a, M: Managed> {
    pub(super) keeping: &'a Keeping<M>,
    pub(super) cx: &'a mut Reconcile<Keeping<M>>,
    pub(super) admitted: Admitted<M::Connection>,
    pub(super) remote: Remote<M::Connection>,
    pub(super) secrets: Secrets,
    pub(super) key: String,
    /// Whether an earlier reconcile had begun to create the remote object.
    pub(super) begun_earlier: bool,
    /// Snapshot to restore if a create fails without effect.
    pub(super) before: Option<Before>,
    /// Id of the remote object as last observed.
    pub(super) seen_id: Option<String>,
    /// Writes that were answered with success and not read back yet.
    pub(super) announced: Vec<Announcement>,
    /// Hash of the plan by the lists and of what they showed.
    pub(super) listed: Option<u64>,
    /// Whether the lists alone tell that there is no remote object: nothing was attempted before, and the remote side refuses to
    /// create one that exists.
    listed_absent: bool,
    /// Whether the lists show something to edit, and nothing that is taken from anybody.
    pub(super) only_gives: bool,
    /// Set where it takes part in calls with other reconciles.
    pub(super) on_its_way: Option<OnItsWay>,
    /// Which attempt a resubmission is that the plan holds.
    pub(super) resubmission: Option<i32>,
    /// The Secret to publish in as it was before the first write; its version is the condition of ours.
    pub(super) publishing: Option<Target>,
}

impl<'a, M: Managed> Pass<'a, M> {
    /// Checks that the object may use its connection. No call.
    pub(super) fn prepare(keeping: &'a Keeping<M>, cx: &'a mut Reconcile<Keeping<M>>) -> Result<Self, Error> {
        let common = M::common(&cx.object);
        let admitted = keeping.connections.admit(&common.connection, &cx.namespace())?;
        admitted.object.accepts(cx.shell.kind())?;
        if let Err(error) = delegated::check(keeping, &cx.object, cx.report.origin, &admitted) {
            // What an earlier reconcile planned or showed may be what nobody may see here any more.
            cx.report.plan.clear();
            if cx.report.origin.is_none() {
                cx.report.seen = Some(Sighting {
                    seen: M::show(&cx.object, None, &cx.report.record, &admitted.live.lists),
                    exists: false,
                    visible: false,
                    key: M::common(&cx.object).key,
                });
            }
            return Err(error);
        }
        claim::check(keeping, &cx.shell, &cx.object)?;
        let repair = is_ready(&*cx.object) && !is_deleting(&*cx.object);
        let remote = Remote::new(admitted.live.clone(), repair);
        let key = common.key;
        let secrets = Secrets::unread(&M::secrets(&cx.object));
        Ok(Self {
            begun_earlier: cx.report.origin.is_some(),
            keeping,
            cx,
            admitted,
            remote,
            secrets,
            key,
            before: None,
            seen_id: None,
            announced: Vec::new(),
            listed: None,
            listed_absent: false,
            only_gives: false,
            on_its_way: None,
            resubmission: None,
            publishing: None,
        })
    }

    /// The result, with the remote side's words withheld where they contain a part of a secret of this reconcile. The
    /// operator's own sentences never do.
    pub(super) fn reworded(&self, result: Result<Outcome, Error>) -> Result<Outcome, Error> {
        result.map_err(|error| match error {
            remote @ Error::Remote { .. } => remote.reworded(|message| self.secrets.quotable(message)),
            own => own,
        })
    }

    /// Makes the remote side match; returns what to show.
    pub(super) async fn run(&mut self) -> Result<Outcome, Error> {
        self.follow_task().await;
        self.reapply_credentials();
        let class = match self.by_lists().await? {
            Listed::Done(outcome) => return Ok(outcome),
            Listed::Differs(class) => class,
        };
        let Some(_ticket) = self.enter(class) else {
            return Err(Error::Queued);
        };
        let is_absent = self.listed_absent;
        let unread = self.reads_nothing_new();
        if !unread {
            self.resolve_secrets().await?;
        }
        let settled = self.cx.unsettled_for().is_none();
        let seen = if is_absent {
            None
        } else {
            self.observe(Read::Fresh).await?
        };
        let mut plan = self.plan(seen.as_ref(), true)?;
        if unread && !plan.is_empty() {
            self.resolve_secrets().await?;
            plan = self.plan(seen.as_ref(), true)?;
        }
        self.ownership(seen.as_ref(), &plan)?;
        if let Some(held) = self.held(&plan) {
            return Ok(held);
        }
        if self.generate(&plan).await? {
            plan = self.plan(seen.as_ref(), true)?;
            if let Some(held) = self.held(&plan) {
                return Ok(held);
            }
        }
        let repairs = self.repairs(class, seen.is_some(), &plan);
        let outcome = self.converge(seen, plan, settled).await;
        self.announce_all();
        if repairs && self.cx.report.changed && outcome.is_ok() {
            self.admitted.live.meters.repaired(self.cx.shell.kind());
        }
        match outcome {
            Err(Error::Refused(Refused::Frozen)) => Ok(Self::frozen(self.cx.report.plan.len())),
            outcome => outcome,
        }
    }

    /// Whether the plan repairs drift: the object was in sync, and neither somebody's edit nor the passage of time asks for
    /// the change.
    fn repairs(&self, class: Class, exists: bool, plan: &Plan<M::Change>) -> bool {
        let replaces = exists && plan.creates();
        let timely = replaces || !plan.expired.is_empty();
        class == Class::Repair && !timely && !asks_for_reconcile(&*self.cx.object)
    }

    /// What follows from the lists of the last sweep alone. A refusal never does: the lists may be older than our own write.
    async fn by_lists(&mut self) -> Result<Listed, Error> {
        let object = self.cx.object.clone();
        let ready = is_ready(&*object);
        let unknown = Listed::Differs(match (ready, self.cx.report.origin) {
            (true, _) => Class::Repair,
            (false, Some(_)) => Class::Edit,
            (false, None) => Class::Creation,
        });
        if asks_for_reconcile(&*object) || self.cx.report.record.unsettled_until.is_some() {
            return Ok(unknown);
        }
        let seen = match M::observe(&object, &self.remote, &self.cx.report.record, Read::Listed).await? {
            Observed::Unknown => return Ok(unknown),
            Observed::Absent => None,
            Observed::Found(seen) => Some(seen),
        };
        self.sighted(seen.as_ref());
        let strange = seen.as_ref().filter(|_| self.cx.report.origin.is_none());
        if strange.is_some_and(|seen| M::marked(seen) == Marked::Unread) {
            return Ok(unknown);
        }
        let plan = self.plan(seen.as_ref(), false)?;
        if self.ownership(seen.as_ref(), &plan).is_err() {
            return Ok(unknown);
        }
        if let Some(held) = self.held(&plan) {
            // Somebody may have created the object after the sweep.
            let certain = seen.is_some() || ready;
            return Ok(if certain { Listed::Done(held) } else { unknown });
        }
        if !plan.is_empty() {
            self.permitted(&plan)?;
            if let Some(error) = self.not_stored(&plan, seen.as_ref(), false) {
                return Err(error);
            }
            self.listed = Some(attempt::<M>(&plan, seen.as_ref()));
            let refused = self.cx.report.record.create_refused;
            self.listed_absent = M::CREATION_IS_EXCLUSIVE && plan.creates() && !self.begun_earlier && !refused;
            self.only_gives = seen.is_some() && !takes(&plan) && !plan.creates();
            return Ok(Listed::Differs(class(&plan, ready)));
        }
        if !self.reads_nothing_new() {
            self.resolve_secrets().await?;
        }
        // With the values, there may be something to write, such as a key for a Secret that is gone.
        let plan = self.plan(seen.as_ref(), false)?;
        if self.secrets.any_changed() || self.generates(&plan) || !plan.is_empty() {
            return Ok(Listed::Differs(if ready { Class::Edit } else { class(&plan, ready) }));
        }
        let owned = self.ownership(seen.as_ref(), &plan)?;
        Ok(Listed::Done(self.conclude(owned, &plan, true)))
    }

    pub(super) fn misses_record(&self, plan: &Plan<M::Change>) -> bool {
        !Keeping::<M>::is_recorded(&self.cx.object, &self.cx.report, plan)
    }

    /// Whether only this process knows the remote id, since it was in the answer to a write. It is recorded before the next
    /// write: after a crash, an object whose id is unknown may have to be made anew.
    pub(super) fn misses_id(&self) -> bool {
        let status = kube::core::object::HasStatus::status(&*self.cx.object);
        let recorded = status.and_then(|status| status.applied.as_ref()?.id.as_ref());
        recorded != self.cx.report.record.id.as_ref()
    }

    pub(super) async fn observe(&mut self, read: Read) -> Result<Option<M::Seen>, Error> {
        let waiting = self.waits();
        let observed = Box::pin(M::observe(&self.cx.object, &self.remote, &self.cx.report.record, read));
        let observed = if self.remote.together.is_some() {
            self.while_current(observed).await?
        } else {
            observed.await
        };
        drop(waiting);
        let seen = match observed? {
            Observed::Found(seen) => Some(seen),
            Observed::Absent => None,
            Observed::Unknown => return Err(Error::Internal("a fresh observation that shows nothing".into())),
        };
        self.sighted(seen.as_ref());
        Ok(seen)
    }

    /// What the status shows of an observation: of an object that is not ours, only what an observer asked for.
    fn sighted(&mut self, seen: Option<&M::Seen>) {
        self.seen_id = seen.and_then(M::id);
        self.cx.report.seen = Some(Sighting {
            seen: M::show(&self.cx.object, seen, &self.cx.report.record, self.remote.lists()),
            exists: seen.is_some() && !M::ENTRIES,
            visible: M::common(&self.cx.object).policies.observes(),
            key: self.key.clone(),
        });
    }

    pub(super) fn plan(&mut self, seen: Option<&M::Seen>, fresh: bool) -> Result<Plan<M::Change>, Error> {
        let cx = &*self.cx;
        let given = given(
            self.keeping,
            &cx.shell,
            &cx.object,
            &cx.report,
            &self.secrets,
            &self.admitted,
        );
        let plan = M::plan(&cx.object, &given, seen);
        drop(given);
        let plan = plan.and_then(|plan| self.with_task(plan, seen, fresh))?;
        let ours = self.cx.report.origin.is_some();
        let plan = self.keeping.within_windows(&self.cx.shell, &self.admitted, ours, plan);
        self.bound_record(&plan)?;
        self.cx.report.plan = plan.outstanding();
        Ok(plan)
    }

    /// A record that the apiserver refuses would leave the remote object without an owner.
    fn bound_record(&self, plan: &Plan<M::Change>) -> Result<(), Error> {
        if !self.misses_record(plan) {
            return Ok(());
        }
        let mut record = self.cx.report.record.clone();
        record.grants.add(plan.grants.clone());
        record.replaced.extend(plan.replaced.clone());
        let bytes = record.bytes();
        if bytes <= MOST_RECORD_BYTES {
            return Ok(());
        }
        let (bytes, most) = (bytes >> 10, MOST_RECORD_BYTES >> 10);
        Err(Error::Blocked(
            Reason::Invalid,
            format!(
                "the operator would have to record {bytes} KiB of what this object grants, and records at most {most} KiB: \
                 split the object"
            ),
        ))
    }

    /// Whose the remote object is, or will be by the plan; an error where it is not ours to touch.
    pub(super) fn ownership(&mut self, seen: Option<&M::Seen>, plan: &Plan<M::Change>) -> Result<Origin, Error> {
        let origin = self.cx.report.origin;
        let observes = M::common(&self.cx.object).policies.observes();
        let proven = !M::ENTRIES && origin.is_none() && !observes && seen.is_some() && self.is_proven(seen)?;
        let adopt = || delegated::check_adoption(self.keeping, &self.cx.object, &self.admitted);
        let owned = ownership::<M>(&self.cx.object, plan, origin, seen.is_some(), proven, adopt);
        if owned.is_err() {
            self.cx.report.plan.clear();
        }
        owned
    }

    /// Fails if the connection does not allow the effects of the plan. A refusal by the lists is one: it writes nothing, and
    /// the next sweep asks again.
    pub(super) fn permitted(&mut self, plan: &Plan<M::Change>) -> Result<(), Error> {
        let withdrawal = plan.changes.iter().all(Change::only_withdraws);
        let judged = self.permits().check(&plan.effects(), withdrawal);
        if matches!(judged, Err(Refused::NotAllowed(_) | Refused::Undecided(_))) {
            self.cx.report.plan.clear();
            return judged.map_err(Error::Refused);
        }
        // What else would stop a write is checked when it is made.
        Ok(())
    }

    pub(super) fn permits(&self) -> Permits<M::Object, M::Connection> {
        let terms = Terms {
            statement: Some(delegated::statement::<M>(&self.cx.object, self.cx.report.origin)),
            granted: self.cx.report.record.grants.clone(),
        };
        Permits::new(
            &self.cx.shell.env,
            self.keeping.connections.clone(),
            self.admitted.live.clone(),
            self.cx.shell.objects.clone(),
            &*self.cx.object,
            terms,
        )
    }

    pub(super) fn already_exists(&self) -> Error {
        already_exists(&self.remote_name())
    }

    pub(super) fn remote_name(&self) -> String {
        format!("{} {}", M::REMOTE, self.key)
    }

    pub(super) fn unsettled(&self) -> Option<Duration> {
        self.cx.unsettled_for()
    }
}

/// Whose the remote object is, or will be by the plan; an error where it is not ours to touch. `proven`: something in it names
/// this object. `adopt` fails if the connection does not allow the object to take it over.
pub(super) fn ownership<M: Managed>(
    object: &M::Object,
    plan: &Plan<M::Change>,
    origin: Option<Origin>,
    exists: bool,
    proven: bool,
    adopt: impl FnOnce() -> Result<(), Error>,
) -> Result<Origin, Error> {
    let common = M::common(object);
    if M::ENTRIES {
        // Some entries are ours, or will be. What was found stays found: the record tells the two apart.
        let ours = plan.creates() || !plan.grants.is_empty();
        return Ok(if ours {
            Origin::Created
        } else {
            origin.unwrap_or(Origin::Adopted)
        });
    }
    match (exists, origin) {
        (_, Some(origin)) => Ok(origin),
        (true, None) if proven => Ok(Origin::Created),
        (true, None) if common.policies.observes() => Ok(Origin::Adopted),
        (true, None) if common.policies.adopts() => adopt().map(|()| Origin::Adopted),
        (true, None) => Err(already_exists(&format!("{} {}", M::REMOTE, common.key))),
        (false, None) => Ok(Origin::Created),
    }
}

fn already_exists(remote: &str) -> Error {
    Error::Blocked(
        Reason::AlreadyExists,
        format!(
            "{remote} exists already and was not created by this object: set adoptionPolicy: Adopt to take it over"
        ),
    )
}

enum Listed {
    /// The lists tell everything.
    Done(Outcome),
    /// A fresh read has to tell; the class of what is to be written.
    Differs(Class),
}

fn class<C: Change>(plan: &Plan<C>, ready: bool) -> Class {
    if ready {
        Class::Repair
    } else if plan.changes.iter().any(Change::withdraws) {
        Class::Withdrawal
    } else if plan.creates() {
        Class::Creation
    } else {
        Class::Edit
    }
}

/// What an object says whose connection is frozen.
pub(super) fn frozen_message(count: usize) -> String {
    format!("the connection is frozen; {count} changes wait in status.plan")
}

/// What a plan may depend on.
pub(super) fn given<'a, M: Managed>(
    keeping: &'a Keeping<M>,
    shell: &'a Shell<Keeping<M>>,
    object: &M::Object,
    report: &'a Report<M::Object>,
    secrets: &'a Secrets,
    admitted: &'a Admitted<M::Connection>,
) -> Given<'a, M::Connection> {
    let name = ObjectName::of(object);
    let others = if M::ENTRIES {
        let connection = M::common(object).connection;
        let claims = keeping
            .connections
            .claims(&shell.index, shell.kind(), &connection, name.clone());
        claims.only(Box::new(|name| delegated::may_claim_by_name(keeping, shell, name)))
    } else {
        Claims::none(name.clone())
    };
    let connection = M::common(object).connection;
    let others = others.among(Box::new(move || {
        let (dependents, complete) = keeping.connections.dependents(&connection);
        complete.then_some(dependents)
    }));
    let created = report.origin == Some(Origin::Created);
    let cluster = shell.env.cluster.as_deref().filter(|_| created);
    let mark = cluster.map(|cluster| Mark::of(cluster, object));
    Given {
        name,
        now: shell.env.clock.now(),
        record: &report.record,
        secrets,
        mark,
        cluster: shell.env.cluster.as_deref(),
        connection: &admitted.object,
        lists: &admitted.live.lists,
        others,
    }
}
