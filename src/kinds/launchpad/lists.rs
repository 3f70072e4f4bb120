//! What the last sweep of a space and later reads showed.

mod search;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::RwLock;

use super::bulk::Bulk;
use crate::{
    dataiku::{
        document::Document,
        email::folded,
        error::ApiError,
        fields::Unreadable,
        launchpad::{
            Launchpad,
            groups::{GroupRecord, USERS},
            people::{GroupReference, InviteRecord, Profile, UserRecord},
            space::{NodeRecord, ProfileRecord},
            tasks::TaskState,
        },
        listed::Listed,
    },
    engine::{connect::lists::Shared, shared::batch::Batch},
    kinds::node::{Known, Snapshot},
};

/// Lists younger than this are not read again for a single object.
const FRESH: Duration = Duration::from_secs(1);

/// Somebody with an email address. Addresses are compared without case; where a space has two that differ in case alone,
/// one of them is known by its exact spelling.
#[derive(Clone, Debug, PartialEq)]
pub struct Person<T> {
    key: String,
    /// The user or invite.
    pub record: T,
}

/// Somebody in a space.
#[derive(Clone, Debug, PartialEq)]
pub enum Someone {
    /// A user.
    User(Arc<Person<UserRecord>>),
    /// Somebody who is invited and has not accepted yet.
    Invite(Arc<Person<InviteRecord>>),
}

impl Someone {
    /// Id of the user or the invite.
    pub fn id(&self) -> &str {
        match self {
            Self::User(user) => &user.record.id,
            Self::Invite(invite) => &invite.record.id,
        }
    }

    /// Email address, in the Launchpad's spelling.
    pub fn email(&self) -> &str {
        match self {
            Self::User(user) => &user.record.email,
            Self::Invite(invite) => &invite.record.email,
        }
    }

    /// The seat.
    pub fn profile(&self) -> Option<&Profile> {
        match self {
            Self::User(user) => user.record.profile.as_ref(),
            Self::Invite(invite) => invite.record.profile.as_ref(),
        }
    }

    /// Groups; `None`: unreadable.
    pub fn groups(&self) -> Option<&Vec<GroupReference>> {
        match self {
            Self::User(user) => user.record.groups.as_ref(),
            Self::Invite(invite) => invite.record.groups.as_ref(),
        }
    }

    /// Members that could not be read.
    pub fn unreadable(&self) -> &Unreadable {
        match self {
            Self::User(user) => &user.record.unreadable,
            Self::Invite(invite) => &invite.record.unreadable,
        }
    }
}

/// What an object needs from newer lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Users and invites.
    pub people: bool,
    /// Nodes.
    pub nodes: bool,
}

impl Need {
    /// Whether anything is needed.
    pub fn any(self) -> bool {
        self.people || self.nodes
    }
}

/// What the objects of a space share.
pub struct SpaceLists {
    /// Groups by id.
    pub groups: Snapshot<GroupRecord>,
    users: Snapshot<Person<UserRecord>>,
    invites: Snapshot<Person<InviteRecord>>,
    /// Whether the last list of groups identified every group.
    all_groups: Shared<bool>,
    nodes: Shared<Listed<NodeRecord>>,
    /// Number of users and invites that could not be identified.
    unreadable_people: Shared<usize>,
    /// When the lists of people and of nodes were read; `None`: they are outdated.
    people_read: Shared<Option<Instant>>,
    nodes_read: Shared<Option<Instant>>,
    refreshes: Batch<Need, Result<(), ApiError>>,
    /// Profiles with their seats; `None` before the first list.
    profiles: Shared<Option<Listed<ProfileRecord>>>,
    searches: Batch<String, Result<(), ApiError>>,
    tasks: Batch<String, Result<Option<TaskState>, ApiError>>,
    /// Writes that many objects wait for.
    pub(super) bulk: Bulk,
    /// Memberships are in the documents of groups and in those of users: whoever writes the one must not do so from a read
    /// before a write of the other. Counts the writes of users.
    pub(super) memberships: RwLock<u64>,
}

impl Default for SpaceLists {
    fn default() -> Self {
        Self {
            groups: Snapshot::new(|group| &group.id),
            users: Snapshot::new(|user| &user.key),
            invites: Snapshot::new(|invite| &invite.key),
            all_groups: Shared::default(),
            nodes: Shared::default(),
            unreadable_people: Shared::default(),
            people_read: Shared::default(),
            nodes_read: Shared::default(),
            refreshes: Batch::default(),
            profiles: Shared::default(),
            searches: Batch::default(),
            tasks: Batch::default(),
            bulk: Bulk::default(),
            memberships: RwLock::default(),
        }
    }
}

impl SpaceLists {
    /// A group of this name.
    pub fn group_named(&self, name: &str) -> Known<GroupRecord> {
        match self.groups.filter(|group| group.name == name).pop() {
            Some(group) => Known::Found(group),
            None if *self.all_groups.get() => Known::Absent,
            None => Known::Unknown,
        }
    }

    /// Groups of this name without case; `None`: a group may be unknown.
    pub fn groups_like(&self, name: &str) -> Option<Vec<Arc<GroupRecord>>> {
        let name = name.to_lowercase();
        let found = self.groups.filter(|group| group.name.to_lowercase() == name);
        self.all_groups.get().then_some(found)
    }

    /// Names of the groups of the user of this address; `None`: a group, or its members, may be unknown.
    pub fn groups_of(&self, email: &str) -> Option<Vec<String>> {
        if !*self.all_groups.get() {
            return None;
        }
        let email = folded(email);
        let mut names = Vec::new();
        for group in self.groups.filter(|_| true) {
            if group.unreadable.contains(USERS) {
                return None;
            }
            if group
                .users
                .iter()
                .flatten()
                .any(|member| folded(&member.email) == email)
            {
                names.push(group.name.clone());
            }
        }
        let invite = self.invite(&email).map(|invite| invite.record.groups.clone());
        match invite {
            Some(None) => return None,
            Some(Some(groups)) => names.extend(groups.into_iter().map(|group| group.name)),
            None => {}
        }
        Some(names)
    }

    /// Replaces the list of groups by one that was read after `began`.
    pub fn replace_groups(&self, began: Instant, groups: &Listed<Arc<GroupRecord>>) {
        self.groups.replace(began, groups);
        self.all_groups.set(groups.is_complete());
    }

    /// All nodes.
    pub fn nodes(&self) -> Arc<Listed<NodeRecord>> {
        self.nodes.get()
    }

    /// Profiles with their seats; `None`: not known yet.
    pub fn profiles(&self) -> Arc<Option<Listed<ProfileRecord>>> {
        self.profiles.get()
    }

    /// Replaces the profiles.
    pub fn replace_profiles(&self, profiles: Listed<ProfileRecord>) {
        self.profiles.set(Some(profiles));
    }

    /// Number of users.
    pub fn users_len(&self) -> usize {
        self.users.len()
    }

    /// The users that `wanted` accepts. Searches all of them.
    pub fn users(&self, wanted: impl Fn(&UserRecord) -> bool) -> Vec<Arc<Person<UserRecord>>> {
        self.users.filter(|user| wanted(&user.record))
    }

    /// The user or invite of this address. Of both, the user.
    pub fn person(&self, email: &str) -> Known<Someone> {
        if let Some(user) = self.user(email) {
            return Known::Found(Arc::new(Someone::User(user)));
        }
        if let Some(invite) = self.invite(email) {
            return Known::Found(Arc::new(Someone::Invite(invite)));
        }
        let key = folded(email);
        let known = self.users.get(&key) == Known::Absent && self.invites.get(&key) == Known::Absent;
        if known && self.unreadable_people() == 0 {
            Known::Absent
        } else {
            Known::Unknown
        }
    }

    /// The user of this address.
    pub fn user(&self, email: &str) -> Option<Arc<Person<UserRecord>>> {
        find(&self.users, email)
    }

    /// The invite of this address.
    pub fn invite(&self, email: &str) -> Option<Arc<Person<InviteRecord>>> {
        find(&self.invites, email)
    }

    /// The invites that `wanted` accepts. Searches all of them.
    pub fn invites(&self, wanted: impl Fn(&InviteRecord) -> bool) -> Vec<Arc<Person<InviteRecord>>> {
        self.invites.filter(|invite| wanted(&invite.record))
    }

    /// Number of users and invites that could not be identified: somebody who is not in the lists may be one of them.
    pub fn unreadable_people(&self) -> usize {
        *self.unreadable_people.get()
    }

    /// Replaces the lists of people by lists that were read after `began`.
    pub fn replace_people(&self, began: Instant, users: Listed<UserRecord>, invites: Listed<InviteRecord>) {
        self.unreadable_people.set(users.unreadable + invites.unreadable);
        self.users
            .replace(began, &by_address(users, &self.users, |user| &user.email));
        let invites = by_address(invites, &self.invites, |invite| &invite.email);
        self.invites.replace(began, &invites);
        self.people_read.set(Some(began));
    }

    /// Replaces the list of nodes by one that was read after `began`.
    pub fn replace_nodes(&self, began: Instant, nodes: Listed<NodeRecord>) {
        if self.nodes_read.get().is_none_or(|read| read <= began) {
            self.nodes.set(nodes);
            self.nodes_read.set(Some(began));
        }
    }

    /// Reads what is needed, at most once a second: who asks earlier waits. Those who ask at once share one call. A list
    /// from before the ask would miss people who came since.
    ///
    /// # Errors
    /// A call fails.
    pub async fn refresh(self: &Arc<Self>, api: &Launchpad, need: Need) -> Result<(), ApiError> {
        let (lists, api) = (self.clone(), api.clone());
        let answer = self.refreshes.ask(need, move |needs: Vec<Need>| async move {
            let outcome = lists.read(&api, &needs).await;
            vec![outcome; needs.len()]
        });
        // The read ended by a panic: the object finds the lists as they are, and waits if they do not suffice.
        answer.await.unwrap_or(Ok(()))
    }

    async fn read(&self, api: &Launchpad, needs: &[Need]) -> Result<(), ApiError> {
        let due = async |read: Option<Instant>| {
            if let Some(read) = read {
                tokio::time::sleep(FRESH.saturating_sub(read.elapsed())).await;
            }
        };
        if needs.iter().any(|need| need.people) {
            due(*self.people_read.get()).await;
            let began = Instant::now();
            let (users, invites) = people(api).await?;
            self.replace_people(began, users, invites);
        }
        if needs.iter().any(|need| need.nodes) {
            due(*self.nodes_read.get()).await;
            let began = Instant::now();
            self.replace_nodes(began, api.nodes().await?);
        }
        Ok(())
    }

    /// The invites of these addresses, in the Launchpad's spelling, by address. An invite that is missing was accepted or
    /// withdrawn.
    ///
    /// # Errors
    /// The call fails.
    pub async fn read_invites(&self, api: &Launchpad, emails: &[&str]) -> Result<BTreeMap<String, Document>, ApiError> {
        let found = api.invites_of(emails).await?;
        let mut documents = BTreeMap::new();
        for document in found.items {
            let Ok(record) = InviteRecord::from_document(&document) else {
                continue;
            };
            if !emails.contains(&record.email.as_str()) {
                continue;
            }
            documents.insert(record.email.clone(), document);
            let key = key(&self.invites, &record.email);
            self.invites.saw(
                &key,
                Some(Arc::new(Person {
                    key: key.clone(),
                    record,
                })),
            );
        }
        for gone in emails.iter().filter(|email| !documents.contains_key(**email)) {
            self.invites.saw(&key(&self.invites, gone), None);
            self.people_read.set(None);
        }
        Ok(documents)
    }

    /// Notes that the lists of people are outdated.
    pub fn outdated_people(&self) {
        self.people_read.set(None);
    }
}

/// Users and invites. Invites first: somebody who accepts in between is in one of the lists at least.
///
/// # Errors
/// A call fails.
async fn people(api: &Launchpad) -> Result<(Listed<UserRecord>, Listed<InviteRecord>), ApiError> {
    let invites = api.invites().await?;
    Ok((api.users().await?, invites))
}

fn find<T: PartialEq>(people: &Snapshot<Person<T>>, email: &str) -> Option<Arc<Person<T>>> {
    let exact = people.get(email).found();
    exact.or_else(|| people.get(&folded(email)).found())
}

/// The key of somebody in the list.
fn key<T: PartialEq>(people: &Snapshot<Person<T>>, email: &str) -> String {
    match people.get(email) {
        Known::Found(person) => person.key.clone(),
        Known::Absent | Known::Unknown => folded(email),
    }
}

fn by_address<T: PartialEq>(
    listed: Listed<T>,
    known: &Snapshot<Person<T>>,
    email: fn(&T) -> &str,
) -> Listed<Arc<Person<T>>> {
    let mut listed = listed;
    listed
        .items
        .sort_by_cached_key(|record| folded(email(record)) != email(record));
    let mut taken = HashSet::new();
    listed.map(|record| {
        let folded = folded(email(&record));
        let key = if taken.insert(folded.clone()) {
            folded
        } else {
            email(&record).to_owned()
        };
        known.held(Person { key, record })
    })
}
