//! `LaunchpadUser`: somebody in a space of Dataiku Cloud, from the invite on.

mod change;
mod plan;
mod seats;
mod write;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

pub use self::change::UserChange;
use super::{
    counts,
    lists::{Someone, SpaceLists},
};
use crate::{
    crd::{
        LaunchpadSpace, LaunchpadUser,
        applied::Applied,
        common::DeletionPolicy,
        launchpad_user::{DEFAULT_PROFILE, LaunchpadUserSeen, Phase},
    },
    dataiku::{email::folded, launchpad::people::Profile},
    engine::{
        Common, Error, Given, Managed, Observed, Plan, Read, Receipt, TaskState,
        connect::{ConnectionKey, Declared, Delegable, Remote, Shares},
        index::key_hash,
        object::HasStatus,
        permit::WritePermit,
    },
    kinds::node::Known,
};

/// List of the record.
const GROUPS: &str = "groups";
/// An invite that is gone is renewed no sooner than this after it was sent.
const RENEWAL: SignedDuration = SignedDuration::from_hours(24);

/// The strategy of people in a space.
pub struct User;

impl Managed for User {
    type Object = LaunchpadUser;
    type Connection = LaunchpadSpace;
    type Seen = Someone;
    type Change = UserChange;

    const REMOTE: &'static str = "user";
    const TASKS: bool = true;
    const MANY: bool = true;

    fn common(object: &LaunchpadUser) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(&object.spec.space_ref, object.namespace().as_deref()),
            key: object.spec.email.clone(),
            policies: &object.spec.policies,
        }
    }

    fn claim_key(object: &LaunchpadUser) -> String {
        folded(&object.spec.email)
    }

    fn shares(object: &LaunchpadUser) -> Shares {
        if !counts(object) || object.spec.policies.observes() {
            return Shares::default();
        }
        let groups = object.spec.groups.iter().flatten().filter(|group| group.is_present());
        Shares {
            memberships: groups
                .map(|group| (object.spec.email.clone(), group.name.clone()))
                .collect(),
            seat: Some(wanted(object)),
        }
    }

    fn declares(object: &LaunchpadUser) -> Declared {
        let groups = object.spec.groups.iter().flatten();
        Declared {
            delegable: Delegable::Freely,
            user: Some(object.spec.email.clone()),
            joins: groups.map(|group| group.name.clone()).collect(),
            profile: object.spec.profile.as_ref().map(|profile| profile.name.clone()),
            ..Declared::default()
        }
    }

    async fn observe(
        object: &LaunchpadUser,
        remote: &Remote<LaunchpadSpace>,
        record: &Applied,
        read: Read,
    ) -> Result<Observed<Someone>, Error> {
        let (lists, email) = (remote.lists(), &object.spec.email);
        if read == Read::Fresh {
            remote.live.lists.search(&remote.api, email).await?;
        }
        match lists.person(email) {
            Known::Found(found) => Ok(Observed::Found(Someone::clone(&found))),
            Known::Absent => Ok(Observed::Absent),
            Known::Unknown if read == Read::Listed => Ok(Observed::Unknown),
            // Elements that cannot be read hold nobody up: where one of them is this person, the Launchpad refuses the invite.
            Known::Unknown if record.id.is_none() => Ok(Observed::Absent),
            Known::Unknown => Err(Error::unreadable(
                "the list of users and invites",
                &"it has elements without id or email, and this may be one of them",
            )),
        }
    }

    fn id(seen: &Someone) -> Option<String> {
        Some(seen.id().to_owned())
    }

    fn plan(
        object: &LaunchpadUser,
        given: &Given<'_, LaunchpadSpace>,
        seen: Option<&Someone>,
    ) -> Result<Plan<UserChange>, Error> {
        plan::plan(object, given, seen)
    }

    fn removal(
        _: &LaunchpadUser,
        _: DeletionPolicy,
        _: &Given<'_, LaunchpadSpace>,
        seen: &Someone,
    ) -> Plan<UserChange> {
        let email = seen.email().to_owned();
        Plan::new(Some(match seen {
            Someone::User(_) => UserChange::DeleteUser(email),
            Someone::Invite(_) => UserChange::DeleteInvite(email),
        }))
    }

    async fn apply(
        remote: &Remote<LaunchpadSpace>,
        permit: WritePermit,
        seen: Option<&Someone>,
        change: &UserChange,
    ) -> Result<Receipt, Error> {
        write::apply(remote, permit, seen, change).await
    }

    fn evidence(seen: &Someone) -> u64 {
        key_hash(&format!("{seen:?}"))
    }

    fn show(object: &LaunchpadUser, seen: Option<&Someone>, record: &Applied, _: &SpaceLists) -> LaunchpadUserSeen {
        let before = shown(object);
        let invited_at = before.and_then(|before| before.invited_at.clone());
        let Some(someone) = seen else {
            return LaunchpadUserSeen {
                id: record.id.clone(),
                invited_at,
                ..LaunchpadUserSeen::default()
            };
        };
        let (phase, invited_at, created_on, owner, trial) = match someone {
            Someone::Invite(invite) => (
                Phase::Invited,
                time(invite.record.created_on.as_deref()).or(invited_at),
                None,
                None,
                invite.record.profile.as_ref().and_then(|profile| profile.is_trial),
            ),
            Someone::User(user) => (
                Phase::Active,
                invited_at,
                time(user.record.created_on.as_deref()),
                user.record.is_owner,
                user.record.profile.as_ref().map(Profile::is_trial),
            ),
        };
        LaunchpadUserSeen {
            email: Some(someone.email().to_owned()),
            phase: Some(phase),
            id: Some(someone.id().to_owned()),
            invited_at,
            created_on,
            owner,
            trial,
        }
    }

    async fn task(remote: &Remote<LaunchpadSpace>, id: &str) -> Result<Option<TaskState>, Error> {
        let state = remote.lists().task(&remote.api, id).await?;
        Ok(state.map(|state| TaskState {
            ready: state.ready,
            successful: state.successful,
        }))
    }

    fn resubmit(seen: &Someone, task: &str) -> Option<UserChange> {
        match seen {
            Someone::User(user) => Some(UserChange::Resubmit {
                email: user.record.email.clone(),
                task: task.to_owned(),
            }),
            Someone::Invite(_) => None,
        }
    }
}

/// The seat that an object wants: a profile, and whether it is a trial.
fn wanted(object: &LaunchpadUser) -> (String, bool) {
    let profile = object.spec.profile.as_ref();
    profile.map_or_else(
        || (DEFAULT_PROFILE.to_owned(), false),
        |profile| (profile.name.clone(), profile.trial.unwrap_or_default()),
    )
}

/// What the status shows of the remote side.
fn shown(object: &LaunchpadUser) -> Option<&LaunchpadUserSeen> {
    let remote = object.status().and_then(|status| status.remote.as_ref());
    remote.map(|remote| &remote.seen)
}

/// A time as the Launchpad writes it, to the second.
fn time(text: Option<&str>) -> Option<Time> {
    let time: Timestamp = text?.parse().ok()?;
    Some(Time(crate::engine::status::to_second(time)))
}
