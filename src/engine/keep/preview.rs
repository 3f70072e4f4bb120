//! What reconciles would do, asked by a command that has manifests and no cluster. Every judgement is the one that a reconcile
//! makes, in the same order; nothing is written.

use std::collections::HashMap;

use jiff::Timestamp;
use kube::ResourceExt;
use secrecy::SecretString;

use super::{
    claim, delegated,
    managed::{Given, Managed, Observed, Read},
    pass::{frozen_message, ownership},
    plan::{Change, Plan},
    proof::{Proof, proof},
    work::Keeping,
};
use crate::{
    crd::status::Origin,
    engine::{
        connect::{ConnectionKind, Dependent, Remote, single::Bench},
        error::{Error, Reason, Refused},
        index::{Claims, Index},
        object::{ObjectName, created, is_deleting, is_paused},
        permit::guarded,
        secrets::{Secret, SecretUse, Secrets},
        work::{Report, Work},
    },
};

/// What a write does to the remote object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It creates it.
    Creates,
    /// It changes it.
    Changes,
    /// It does nothing but take access away.
    Withdraws,
}

/// One sentence of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The sentence.
    pub text: String,
    /// What it replaces; `None`: unknown, or not to be shown.
    pub replaces: Option<String>,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writing {
    /// What it does.
    pub effect: Effect,
    /// What it changes, and what follows once it is written.
    pub steps: Vec<Step>,
    /// The Secrets and `ConfigMap`s whose values it carries, such as `Secret team/jane`.
    pub sources: Vec<String>,
}

/// What a reconcile of one object would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The object.
    pub name: ObjectName,
    /// Its remote object, such as `user jane`.
    pub remote: String,
    /// Whether the object only observes: its writes are differences, and not made.
    pub observes: bool,
    /// What would be written.
    pub writes: Vec<Writing>,
    /// What would wait, and for what.
    pub waits: Vec<String>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// Why nothing would be written.
    pub refusal: Option<(Reason, String)>,
}

impl Preview {
    /// Whether the remote object is as the object declares it, and nothing stands in the way.
    pub fn is_in_sync(&self) -> bool {
        self.writes.is_empty() && self.waits.is_empty() && self.refusal.is_none()
    }
}

/// The objects of one kind on one connection, as far as the manifests show them.
pub struct Scene<'a, M: Managed> {
    /// The connection, after its survey.
    pub bench: &'a Bench<M::Connection>,
    /// The objects of the kind.
    pub objects: &'a [M::Object],
    /// All objects of the connection.
    pub dependents: &'a [Dependent],
    /// Whether remote objects that exist count as created by the object that declares them, where its status does not say.
    pub owned: bool,
    /// The present time.
    pub now: Timestamp,
}

/// An object as a user of its connection.
pub fn dependent<M: Managed>(bench: &Bench<M::Connection>, object: &M::Object) -> Option<Dependent> {
    let connections = bench.connections.clone();
    Keeping::<M> { connections }
        .dependent(object)
        .map(|(_, dependent)| dependent)
}

impl<M: Managed> Scene<'_, M> {
    /// What a reconcile of each object would do, in their order.
    pub async fn preview(&self) -> Vec<Preview> {
        let keeping = Keeping::<M> {
            connections: self.bench.connections.clone(),
        };
        let index = Index::default();
        let mut owners: HashMap<String, (Timestamp, ObjectName)> = HashMap::new();
        for object in self.objects {
            let name = ObjectName::of(object);
            index.update(&name, None, Some(&keeping.facts(object)));
            let known = Report::<M::Object>::new(object, keeping.subject(object)).origin;
            let observes = M::common(object).policies.observes();
            let claims = !M::ENTRIES && !observes && self.may_use(object, known).is_ok();
            if claims {
                let own = (created(object), name);
                let owner = owners.entry(M::claim_key(object)).or_insert_with(|| own.clone());
                *owner = own.min(owner.clone());
            }
        }
        let mut previews = Vec::new();
        for object in self.objects {
            let mut preview = Preview {
                name: ObjectName::of(object),
                remote: keeping.remote_name(object),
                observes: M::common(object).policies.observes(),
                writes: Vec::new(),
                waits: Vec::new(),
                notes: Vec::new(),
                refusal: None,
            };
            let owner = owners.get(&M::claim_key(object)).map(|(_, name)| name);
            let judged = self.judge(&keeping, &index, owner, object, &mut preview).await;
            if let Err(error) = judged {
                preview.refusal = Some(refusal(&error));
            }
            previews.push(preview);
        }
        previews
    }

    /// Whether the terms of the connection let this object use it; where they are not known, they are not judged.
    fn may_use(&self, object: &M::Object, known: Option<Origin>) -> Result<(), Error> {
        let bench = self.bench;
        if !bench.knows_terms {
            return Ok(());
        }
        let namespace = object.namespace().unwrap_or_default();
        let (connections, live) = (&bench.connections, &bench.live);
        connections.allowed(&bench.object, &live.key, &namespace)?;
        delegated::check_by::<M>(connections, (&bench.object, &live.key, &*live.lists), object, known)
    }

    async fn judge(
        &self,
        keeping: &Keeping<M>,
        index: &Index,
        owner: Option<&ObjectName>,
        object: &M::Object,
        preview: &mut Preview,
    ) -> Result<(), Error> {
        let bench = self.bench;
        let (live, connection) = (&bench.live, &bench.object);
        if is_deleting(object) {
            return Err(Error::Blocked(Reason::Deleting, "the object is being deleted".into()));
        }
        if is_paused(object) {
            return Err(Error::Blocked(Reason::Paused, "paused by annotation".into()));
        }
        connection.accepts(crate::engine::object::kind::<M::Object>())?;
        let report = Report::<M::Object>::new(object, keeping.subject(object));
        let side = (connection, &live.key, &*live.lists);
        let known = report.origin;
        self.may_use(object, known)?;
        if let Some(owner) = owner.filter(|owner| **owner != preview.name && !preview.observes) {
            return Err(claim::conflict::<M>(owner, &preview.remote));
        }
        let remote = Remote::new(live.clone(), false);
        let seen = match M::observe(object, &remote, &report.record, Read::Listed).await? {
            Observed::Unknown => M::observe(object, &remote, &report.record, Read::Fresh).await?,
            observed => observed,
        };
        let seen = match seen {
            Observed::Found(seen) => Some(seen),
            Observed::Absent | Observed::Unknown => None,
        };
        let origin = known.or_else(|| (self.owned && seen.is_some() && !M::ENTRIES).then_some(Origin::Created));
        let uses = M::secrets(object);
        let secrets = secrets(&uses, preview.observes || origin.is_some());
        let given = Given {
            name: preview.name.clone(),
            now: self.now,
            record: &report.record,
            secrets: &secrets,
            connection,
            lists: &live.lists,
            mark: None,
            cluster: None,
            others: self.claims(index, &preview.name),
        };
        let plan = M::plan(object, &given, seen.as_ref())?;
        if let Some(generation) = M::generation(object, &given).filter(|_| !preview.observes) {
            let namespace = &preview.name.namespace;
            let note = format!("a value for Secret {namespace}/{} is generated", generation.name);
            preview.notes.push(note);
        }
        drop(given);
        let closed = || bench.connections.window(&live.key, connection, self.now).closed();
        let (plan, closed) = plan.within_windows(origin.is_some(), closed);
        preview.notes.extend(closed);
        preview.take(&plan, &uses);
        let strange = seen
            .as_ref()
            .filter(|_| origin.is_none() && !preview.observes && !M::ENTRIES);
        let proven = match strange.map(|seen| Self::proof(object, seen)) {
            Some(Proof::Own) => true,
            Some(Proof::Other(mark)) => {
                preview.notes.push(format!(
                    "{} was created by {}, as its mark says: a conflict where that object still exists",
                    preview.remote, mark.object
                ));
                false
            }
            Some(Proof::Nothing) | None => false,
        };
        let adopt = || {
            if bench.knows_terms {
                delegated::check_adoption_by::<M>(&bench.connections, side, object)
            } else {
                Ok(())
            }
        };
        ownership::<M>(object, &plan, origin, seen.is_some(), proven, adopt)?;
        if preview.observes || plan.is_empty() {
            return Ok(());
        }
        if connection.terms().freeze {
            return Err(Error::Blocked(Reason::Frozen, frozen_message(plan.outstanding().len())));
        }
        self.permitted(object, &plan, &report).map_err(Error::Refused)
    }

    fn claims<'a>(&'a self, index: &'a Index, own: &ObjectName) -> Claims<'a> {
        let (bench, key) = (self.bench, self.bench.live.key.clone());
        let claims = if M::ENTRIES {
            let admits = |namespace: &str| {
                let allowed = bench.connections.allowed(&bench.object, &bench.live.key, namespace);
                allowed.is_ok()
            };
            index.claims(key, own.clone(), Box::new(admits))
        } else {
            Claims::none(own.clone())
        };
        let dependents = self.dependents;
        claims.among(Box::new(move || Some(dependents.to_vec())))
    }

    /// Without a cluster, a mark that names an object of this name names this object.
    fn proof(object: &M::Object, seen: &M::Seen) -> Proof {
        let name = ObjectName::of(object);
        proof::<M>(object, seen, |mark| mark.object == name)
    }

    /// Fails if the connection does not allow the effects of the plan, or a guard or the brake stops them.
    fn permitted(&self, object: &M::Object, plan: &Plan<M::Change>, report: &Report<M::Object>) -> Result<(), Refused> {
        let Bench {
            object: connection,
            live,
            connections,
            knows_terms,
        } = self.bench;
        let namespace = object.namespace().unwrap_or_default();
        let effects = plan.effects();
        if *knows_terms {
            let side = (connection, &live.key, &*live.lists);
            delegated::check_effects(connections, side, &namespace, &effects, &report.record.grants)?;
        }
        let guard = connections.guard(&live.key);
        guarded(connection, &live.lists, &guard, &effects, &effects, self.now)
    }
}

impl Preview {
    fn take<C: Change>(&mut self, plan: &Plan<C>, uses: &[SecretUse]) {
        let place = |slot: &String| {
            let one = uses.iter().find(|one| one.slot == *slot)?;
            Some(format!("{} {}/{}", one.kind.as_str(), self.name.namespace, one.name))
        };
        let writing = |change: &C| {
            let mut replaces = change.replaces().into_iter();
            let steps = change.steps().into_iter().map(|text| Step {
                text,
                replaces: replaces.next().flatten(),
            });
            let follows = change.follows().into_iter().map(|text| Step { text, replaces: None });
            let mut sources: Vec<String> = change.slots().iter().filter_map(place).collect();
            sources.sort_unstable();
            sources.dedup();
            Writing {
                effect: match (change.creates(), change.only_withdraws()) {
                    (true, _) => Effect::Creates,
                    (false, true) => Effect::Withdraws,
                    (false, false) => Effect::Changes,
                },
                steps: steps.chain(follows).collect(),
                sources,
            }
        };
        self.writes = plan.changes.iter().map(writing).collect();
        let waits = plan.held.iter().chain(&plan.waiting).chain(&plan.in_progress);
        self.waits = waits.cloned().collect();
        self.notes.extend(plan.expired.iter().cloned());
    }
}

/// Values that nobody read. Where nothing says that they were applied, each counts as new; one that the object publishes itself
/// does not exist before that.
fn secrets(uses: &[SecretUse], applied: bool) -> Secrets {
    let one = |one: &SecretUse| {
        let secret = match (applied, one.published) {
            (true, _) => Secret::Unread,
            (false, true) => Secret::Missing(format!("{} {} was not read", one.kind.as_str(), one.name)),
            (false, false) => Secret::Changed(SecretString::default(), String::new()),
        };
        (one.slot.clone(), secret)
    };
    uses.iter().map(one).collect()
}

fn refusal(error: &Error) -> (Reason, String) {
    if let Error::Refused(Refused::AwaitingAcknowledgement { limit, .. }) = error {
        // The token is another one in the operator.
        let message = format!(
            "more than {limit} users would be disabled or deleted within ten minutes: the operator holds the rest until \
             somebody acknowledges it"
        );
        return (Reason::AwaitingAcknowledgement, message);
    }
    let reason = error.reason().unwrap_or(Reason::DependencyNotReady);
    (reason, error.to_string())
}
