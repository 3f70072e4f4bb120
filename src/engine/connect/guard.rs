//! What a single write, or many writes together, must not do to the remote side of a connection (`api.md` 8.4, 8.5).
//!
//! Writes that take something from somebody hold the lock of their connection until they are read back, so two of them never
//! both remove the last but one administrator. Those that wait for the lock get it together, and are judged as one write that
//! does all that they do. Their number is limited: a mistake in Git reaches ten people, and not all.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard, oneshot},
    time::Instant,
};

use crate::{
    crd::{applied::Grants, delegation::Protected},
    engine::error::Refused,
};

/// What a write does to somebody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The user can no longer log in.
    Disables(String),
    /// The user is deleted.
    Deletes(String),
    /// The user leaves a group.
    Leaves {
        /// The user.
        user: String,
        /// The group.
        group: String,
    },
    /// The group is deleted.
    DeletesGroup(String),
    /// The group's members are no administrators any more.
    RevokesAdmin(String),
    /// Something about the user's account changes.
    Edits(String),
    /// The user gets another password.
    SetsPassword(String),
    /// A permission flag becomes true.
    Grants {
        /// The flag; one below another is `parent/child`.
        flag: String,
        /// Whether it is privileged, whatever its name.
        privileged: bool,
    },
    /// An API key may do less.
    NarrowsKey(String),
    /// An API key is deleted.
    DeletesKey {
        /// Its id.
        id: String,
        /// Login of its user, where nothing tells whether the operator uses this key of that user.
        user: Option<String>,
    },
    /// Users of this source type, such as `LDAP`, can no longer log in.
    ClosesLogin(String),
}

impl Effect {
    /// Whether it takes something from somebody: the guards judge it under the lock of the connection.
    pub fn takes(&self) -> bool {
        match self {
            Self::Disables(_)
            | Self::Deletes(_)
            | Self::Leaves { .. }
            | Self::DeletesGroup(_)
            | Self::RevokesAdmin(_)
            | Self::NarrowsKey(_)
            | Self::DeletesKey { .. }
            | Self::ClosesLogin(_) => true,
            Self::Edits(_) | Self::SetsPassword(_) | Self::Grants { .. } => false,
        }
    }

    /// The user whose account it changes.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Disables(user)
            | Self::Deletes(user)
            | Self::Edits(user)
            | Self::SetsPassword(user)
            | Self::Leaves { user, .. } => Some(user),
            Self::DeletesGroup(_)
            | Self::RevokesAdmin(_)
            | Self::Grants { .. }
            | Self::NarrowsKey(_)
            | Self::DeletesKey { .. }
            | Self::ClosesLogin(_) => None,
        }
    }

    /// The user who loses the account, for the mass-change brake.
    fn loses_account(&self) -> Option<&str> {
        match self {
            Self::Disables(user) | Self::Deletes(user) => Some(user),
            Self::Leaves { .. }
            | Self::DeletesGroup(_)
            | Self::RevokesAdmin(_)
            | Self::Edits(_)
            | Self::SetsPassword(_)
            | Self::Grants { .. }
            | Self::NarrowsKey(_)
            | Self::DeletesKey { .. }
            | Self::ClosesLogin(_) => None,
        }
    }
}

/// The first of these names that is protected. A server may not tell cases apart, so neither does this.
pub(super) fn first_of<'a>(protected: &[String], mut names: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    let is_protected = |name: &&String| protected.iter().any(|one| one.to_lowercase() == name.to_lowercase());
    names.find(is_protected).map(String::as_str)
}

/// The protected user or group that these effects would change. `granted`: names that the object gave before the write; it
/// may always withdraw them.
pub(super) fn protects<'a>(
    protected: &Protected,
    effects: &'a [Effect],
    granted: &Grants,
) -> Option<(&'static str, &'a str)> {
    let is = |list: &[String], name: &str| first_of(list, std::iter::once(&name.to_owned())).is_some();
    effects.iter().find_map(|effect| match effect {
        Effect::Leaves { group, .. } if granted.names().any(|name| name == group) => None,
        Effect::Leaves { group, .. } | Effect::DeletesGroup(group) | Effect::RevokesAdmin(group)
            if is(&protected.groups, group) =>
        {
            Some(("group", group.as_str()))
        }
        _ => effect
            .user()
            .filter(|user| is(&protected.users, user))
            .map(|user| ("user", user)),
    })
}

/// How long a disable or deletion counts.
const WINDOW: Duration = Duration::from_mins(10);
/// How many pass within the window, however few users there are.
const LEAST: usize = 10;

/// Changes that the brake holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Acknowledging it releases exactly the changes held so far.
    pub token: String,
    /// How many changes it holds.
    pub pending: usize,
    /// Since when.
    pub since: Timestamp,
}

#[derive(Default)]
struct Brake {
    /// Who lost an account within the window. A write that is attempted again counts once.
    passed: VecDeque<(Instant, String)>,
    pending: BTreeSet<String>,
    released: BTreeSet<String>,
    token: Option<(String, Timestamp)>,
}

/// The guard of one connection.
#[derive(Default)]
pub struct Guard {
    lock: Arc<AsyncMutex<()>>,
    waiting: Mutex<Vec<Waiting>>,
    brake: Mutex<Brake>,
}

/// A write that waits for the lock.
struct Waiting {
    effects: Vec<Effect>,
    answer: oneshot::Sender<Result<Hold, Refused>>,
}

/// The lock of a connection, held from the permit of a write until it is read back. Several writes may hold it together.
#[derive(Clone)]
pub struct Hold(Arc<Joint>);

struct Joint {
    #[allow(dead_code, reason = "held for its drop")]
    lock: OwnedMutexGuard<()>,
    /// All that the writes do that hold it.
    effects: Mutex<Vec<Effect>>,
}

impl Hold {
    /// Judges a further write under the same lock, as a part of one write with all others that hold it. `judge` gets the effects
    /// of all of them, and those of this one.
    ///
    /// # Errors
    /// The write must not be made.
    pub fn extend(
        &self,
        effects: &[Effect],
        judge: impl Fn(&[Effect], &[Effect]) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let mut all = self.0.effects.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.len();
        all.extend_from_slice(effects);
        let judged = judge(&all, effects);
        if judged.is_err() {
            all.truncate(before);
        }
        judged
    }
}

impl Guard {
    /// Waits for the lock of the connection, and judges the write under it, together with all others that wait by then; see
    /// [`Hold::extend`].
    ///
    /// # Errors
    /// The write must not be made.
    pub async fn admit(
        &self,
        effects: &[Effect],
        judge: impl Fn(&[Effect], &[Effect]) -> Result<(), Refused>,
    ) -> Result<Hold, Refused> {
        let (answer, mut answered) = oneshot::channel();
        self.waiting().push(Waiting {
            effects: effects.to_vec(),
            answer,
        });
        // Either somebody else who gets the lock judges this write, or this one judges the others.
        let lock = tokio::select! {
            biased;
            judged = &mut answered => return judged.unwrap_or(Err(Refused::Superseded)),
            lock = self.lock.clone().lock_owned() => lock,
        };
        let hold = Hold(Arc::new(Joint {
            lock,
            effects: Mutex::default(),
        }));
        let waiting = std::mem::take(&mut *self.waiting());
        for Waiting { effects, answer } in waiting {
            if !answer.is_closed() {
                let judged = hold.extend(&effects, &judge).map(|()| hold.clone());
                // What is refused on its own account must not hold the lock.
                let _ = answer.send(judged);
            }
        }
        drop(hold);
        answered.await.unwrap_or(Err(Refused::Superseded))
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the effects of a write against the limit. `users`: how many the remote side has; `acknowledged`: the token in
    /// the annotation of the connection.
    ///
    /// # Errors
    /// Too many users would lose their accounts: the change waits for an acknowledgement.
    pub fn count(
        &self,
        effects: &[Effect],
        users: usize,
        acknowledged: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let losing: Vec<&str> = effects.iter().filter_map(Effect::loses_account).collect();
        if losing.is_empty() {
            return Ok(());
        }
        let mut brake = self.brake.lock().unwrap_or_else(PoisonError::into_inner);
        brake.acknowledge(acknowledged);
        let at = Instant::now();
        while brake
            .passed
            .front()
            .is_some_and(|(passed, _)| at.duration_since(*passed) >= WINDOW)
        {
            brake.passed.pop_front();
        }
        let limit = LEAST.max(users / 20);
        for user in losing {
            if brake.released.remove(user) || brake.passed.iter().any(|(_, passed)| passed == user) {
                continue;
            }
            if brake.passed.len() < limit {
                brake.pending.remove(user);
                brake.passed.push_back((at, user.to_owned()));
                continue;
            }
            brake.pending.insert(user.to_owned());
            let token = brake
                .token
                .get_or_insert_with(|| (format!("{:08x}", rand::random::<u32>()), now));
            return Err(Refused::AwaitingAcknowledgement {
                token: token.0.clone(),
                limit,
            });
        }
        if brake.pending.is_empty() {
            brake.token = None;
        }
        Ok(())
    }

    /// Releases what the brake holds if this is its token; whether it did.
    pub fn acknowledge(&self, acknowledged: Option<&str>) -> bool {
        let mut brake = self.brake.lock().unwrap_or_else(PoisonError::into_inner);
        brake.acknowledge(acknowledged)
    }

    /// How many changes the brake holds at the moment.
    pub fn pending(&self) -> usize {
        let brake = self.brake.lock().unwrap_or_else(PoisonError::into_inner);
        brake.pending.len()
    }

    /// What the brake holds at the moment.
    pub fn held(&self, acknowledged: Option<&str>) -> Option<Held> {
        let mut brake = self.brake.lock().unwrap_or_else(PoisonError::into_inner);
        brake.acknowledge(acknowledged);
        let (token, since) = brake.token.clone()?;
        Some(Held {
            token,
            pending: brake.pending.len(),
            since,
        })
    }
}

impl Brake {
    /// Releases what is held if somebody acknowledged it; whether somebody did.
    fn acknowledge(&mut self, acknowledged: Option<&str>) -> bool {
        let current = self.token.as_ref().map(|(token, _)| token.as_str());
        let released = current.is_some() && current == acknowledged;
        if released {
            self.token = None;
            let pending = std::mem::take(&mut self.pending);
            self.released.extend(pending);
        }
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disables(guard: &Guard, user: usize, users: usize, acknowledged: Option<&str>) -> Result<(), Refused> {
        let effect = Effect::Disables(format!("u{user:04}"));
        guard.count(&[effect], users, acknowledged, Timestamp::UNIX_EPOCH)
    }

    #[tokio::test(start_paused = true)]
    async fn ten_pass_and_the_rest_waits_for_its_token() {
        let guard = Guard::default();
        let passed = (0..40).filter(|n| disables(&guard, *n, 100, None).is_ok()).count();
        assert_eq!(passed, LEAST);
        let held = guard.held(None).unwrap();
        assert_eq!(held.pending, 30);
        assert!(disables(&guard, 20, 100, Some("another")).is_err());
        let released = (0..40).filter(|n| disables(&guard, *n + 10, 100, Some(&held.token)).is_ok());
        assert_eq!(released.count(), 30, "exactly what was held is released");
        assert!(
            disables(&guard, 60, 100, Some(&held.token)).is_err(),
            "what comes later has a token of its own"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_node_lets_one_in_twenty_pass_in_ten_minutes() {
        let guard = Guard::default();
        let passed = (0..1000).filter(|n| disables(&guard, *n, 2000, None).is_ok()).count();
        assert_eq!(passed, 100);
        tokio::time::advance(WINDOW).await;
        assert!(disables(&guard, 500, 2000, None).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_no_account_is_not_counted() {
        let guard = Guard::default();
        for n in 0..100 {
            let effect = Effect::Leaves {
                user: format!("u{n}"),
                group: "g".into(),
            };
            assert!(guard.count(&[effect], 10, None, Timestamp::UNIX_EPOCH).is_ok());
        }
        assert_eq!(guard.held(None), None);
    }

    fn leaves(user: usize) -> Vec<Effect> {
        vec![Effect::Disables(format!("u{user:04}"))]
    }

    /// At least one of three has to stay.
    fn one_stays(all: &[Effect], _: &[Effect]) -> Result<(), Refused> {
        match all.len() {
            3.. => Err(Refused::Guarded("nobody would be left".into())),
            _ => Ok(()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn writes_that_wait_for_the_lock_get_it_together_and_are_judged_as_one() {
        let guard = Arc::new(Guard::default());
        let first = guard.admit(&leaves(9), one_stays).await.unwrap();
        let waiting: Vec<_> = (0..3)
            .map(|user| {
                let guard = guard.clone();
                tokio::spawn(async move { guard.admit(&leaves(user), one_stays).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(
            waiting.iter().all(|one| !one.is_finished()),
            "the first one is not read back"
        );
        drop(first);
        let mut holds = Vec::new();
        for one in waiting {
            holds.push(one.await.unwrap());
        }
        let refused: Vec<bool> = holds.iter().map(Result::is_err).collect();
        assert_eq!(refused, [false, false, true]);
        let held = holds[0].as_ref().unwrap();
        assert!(
            held.extend(&leaves(7), one_stays).is_err(),
            "a further write is judged with those before"
        );
        let eighth = leaves(8);
        let next = guard.admit(&eighth, one_stays);
        tokio::pin!(next);
        holds.remove(0).unwrap();
        assert!(
            tokio::time::timeout(Duration::from_secs(1), &mut next).await.is_err(),
            "one of them is not read back"
        );
        drop(holds);
        assert!(next.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_brake_does_not_count_a_reconcile_that_is_cancelled_while_it_waits_for_the_lock() {
        let guard = Arc::new(Guard::default());
        let first = guard.admit(&leaves(9), one_stays).await.unwrap();
        let ask = |user| {
            let guard = guard.clone();
            tokio::spawn(async move { guard.admit(&leaves(user), one_stays).await })
        };
        let given_up = [ask(1), ask(2)];
        tokio::time::sleep(Duration::from_millis(1)).await;
        given_up.iter().for_each(tokio::task::JoinHandle::abort);
        let (third, fourth) = (ask(3), ask(4));
        tokio::time::sleep(Duration::from_millis(1)).await;
        drop(first);
        assert!(third.await.unwrap().is_ok() && fourth.await.unwrap().is_ok());
    }
}
