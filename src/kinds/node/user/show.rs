//! What the status shows of a user.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{NodeUser, SeenUser};
use crate::{
    crd::node_user::{TrialSeen, UserSeen},
    dataiku::dip::users::Trial,
    kinds::node::NodeLists,
};

const HOUR: i64 = 3_600_000;

/// What the status shows. The lists tell all of it, so that no user costs a call.
pub(super) fn show<K: NodeUser>(object: &K, seen: Option<&SeenUser>, lists: &NodeLists) -> UserSeen {
    // A user in another spelling shows in the message alone.
    let Some(seen) = seen.filter(|seen| seen.object.login == object.login()) else {
        return UserSeen::default();
    };
    let user = &seen.object;
    let mut groups = user.groups.clone().unwrap_or_default();
    groups.sort();
    let before = object.status().and_then(|status| status.remote.as_ref());
    let before = before.map(|remote| &remote.seen).filter(|seen| seen.enabled.is_some());
    // A document may have members that a list lacks. Shown, they would come and go with each read of the user.
    let (trial, code_allowed) = match before.filter(|_| seen.document.is_some()) {
        Some(before) => (before.trial.clone(), before.code_allowed),
        None => (user.trial.as_ref().and_then(trial), user.code_allowed),
    };
    // After a restart, what the status shows stands until the list was read once.
    let (last_login, last_failed_login, last_activity) = match lists.activity.of(&user.login) {
        Some(activity) => (
            time(activity.last_login),
            time(activity.last_failed_login),
            time(activity.last_activity.map(|at| at - at.rem_euclid(HOUR))),
        ),
        None => before.map_or((None, None, None), |seen| {
            (
                seen.last_login.clone(),
                seen.last_failed_login.clone(),
                seen.last_activity.clone(),
            )
        }),
    };
    UserSeen {
        resulting_user_profile: user.resulting_user_profile.clone(),
        enabled: user.enabled,
        groups,
        connected: user.active_sessions.map(|sessions| sessions.max(0)),
        last_login,
        last_failed_login,
        last_activity,
        trial,
        code_allowed,
        created_on: time(user.creation_date),
    }
}

fn trial(trial: &Trial) -> Option<TrialSeen> {
    (trial.exists == Some(true)).then(|| TrialSeen {
        valid: trial.valid,
        expired: trial.expired,
        expires_on: time(trial.expires_on),
    })
}

/// A time of the node, to the second, as the apiserver stores it. 0, less, and what no calendar has is none.
fn time(milliseconds: Option<i64>) -> Option<Time> {
    let seconds = milliseconds.filter(|time| *time > 0)? / 1000;
    Timestamp::from_second(seconds).ok().map(Time)
}
