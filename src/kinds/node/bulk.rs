//! Whether a node writes many users in one call, and what it showed right after such a call.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::dataiku::dip::users::UserRecord;

/// The first release with bulk calls (contract sheet 2.2).
const SINCE: (u32, u32) = (14, 2);
/// How long a read-back waits for the reconcile that it is for.
const WAITED_FOR: Duration = Duration::from_secs(10);

/// Whether the node has calls that write many users.
#[derive(Default)]
pub struct BulkCalls(Mutex<Release>);

#[derive(Default)]
struct Release {
    version: Option<String>,
    /// Which calls the node answered that it does not have, whatever its version says.
    lacks_creations: bool,
    lacks_edits: bool,
    lacks_deletions: bool,
}

impl BulkCalls {
    /// Takes in the version that the node shows; `None`: it shows none, and no such call is tried.
    pub fn note(&self, version: Option<&str>) {
        let mut release = self.release();
        if release.version.as_deref() != version {
            *release = Release {
                version: version.map(str::to_owned),
                ..Release::default()
            };
        }
    }

    /// Takes in that the node has no call that creates many users. Another version may have it.
    pub fn creations_are_lacking(&self) {
        self.release().lacks_creations = true;
    }

    /// Takes in that the node has no call that edits many users. Another version may have it.
    pub fn edits_are_lacking(&self) {
        self.release().lacks_edits = true;
    }

    /// Takes in that the node has no call that deletes many users. Another version may have it.
    pub fn deletions_are_lacking(&self) {
        self.release().lacks_deletions = true;
    }

    /// Whether a call that creates many users may be made.
    pub fn create(&self) -> bool {
        let release = self.release();
        release.is_recent() && !release.lacks_creations
    }

    /// Whether a call that edits many users may be made.
    pub fn edit(&self) -> bool {
        let release = self.release();
        release.is_recent() && !release.lacks_edits
    }

    /// Whether a call that deletes many users may be made.
    pub fn delete(&self) -> bool {
        let release = self.release();
        release.is_recent() && !release.lacks_deletions
    }

    fn release(&self) -> MutexGuard<'_, Release> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Release {
    fn is_recent(&self) -> bool {
        let version = self.version.as_deref().and_then(parts);
        version.is_some_and(|version| version >= SINCE)
    }
}

fn parts(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Users as a list showed them right after one call created them: the read-back of the reconciles that asked for it. Each is
/// handed out once, so a later observation reads anew.
#[derive(Default)]
pub struct ReadBack(Mutex<HashMap<String, (Instant, Arc<UserRecord>)>>);

impl ReadBack {
    /// Takes in a user.
    pub fn put(&self, user: Arc<UserRecord>) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.insert(user.login.clone(), (Instant::now(), user));
    }

    /// The user, if a call created it a moment ago and nobody has taken it since.
    pub fn take(&self, login: &str) -> Option<Arc<UserRecord>> {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, user) = users.remove(login)?;
        (at.elapsed() < WAITED_FOR).then_some(user)
    }

    /// Forgets what nobody took.
    pub fn forget(&self) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.retain(|_, (at, _)| at.elapsed() < WAITED_FOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_calls_are_made_only_where_the_version_says_so_and_no_answer_says_otherwise() {
        let calls = BulkCalls::default();
        assert!(!calls.create() && !calls.edit(), "a node that shows no version");
        for (version, offered) in [
            ("14.2.0", true),
            ("15.0", true),
            ("14.1.9", false),
            ("9.4", false),
            ("next", false),
        ] {
            calls.note(Some(version));
            assert_eq!((calls.create(), calls.edit()), (offered, offered), "{version}");
        }
        calls.note(Some("14.2.0"));
        calls.edits_are_lacking();
        calls.note(Some("14.2.0"));
        assert_eq!((calls.create(), calls.edit()), (true, false), "each call by itself");
        calls.creations_are_lacking();
        assert!(!calls.create() && calls.delete());
        calls.deletions_are_lacking();
        assert!(!calls.delete());
        calls.note(Some("14.2.1"));
        assert!(calls.create() && calls.edit(), "another release may have them");
    }
}
