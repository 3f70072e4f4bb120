//! Reads of single people and tasks, shared by those who ask at once.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use super::{Person, SpaceLists};
use crate::{
    dataiku::{
        document::{Document, DocumentError},
        email::folded,
        error::{ApiError, ErrorKind},
        launchpad::{
            Launchpad,
            people::{InviteRecord, UserRecord},
            tasks::TaskState,
        },
    },
    kinds::node::Snapshot,
};

impl SpaceLists {
    /// Reads the users and invites of these addresses now. Those who ask at once share the two calls.
    ///
    /// # Errors
    /// A call fails.
    pub async fn search(self: &Arc<Self>, api: &Launchpad, email: &str) -> Result<(), ApiError> {
        let (lists, api) = (self.clone(), api.clone());
        let answer = self
            .searches
            .ask(email.to_owned(), move |emails: Vec<String>| async move {
                let outcome = lists.search_all(&api, &emails).await.map(|_| ());
                vec![outcome; emails.len()]
            });
        // The search ended by a panic: nothing is known.
        answer.await.unwrap_or_else(|| Err(abandoned()))
    }

    /// Reads the users and invites of these addresses now; the whole documents of the users, by their ids. Invites first:
    /// somebody who accepts in between is in one of the lists at least.
    ///
    /// # Errors
    /// A call fails.
    pub(in crate::kinds::launchpad) async fn search_all(
        &self,
        api: &Launchpad,
        emails: &[String],
    ) -> Result<BTreeMap<String, Document>, ApiError> {
        let spellings: BTreeSet<String> = emails.iter().flat_map(|email| self.spellings(email)).collect();
        let wanted: Vec<&str> = spellings.iter().map(String::as_str).collect();
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        let asked: HashSet<String> = emails.iter().map(|email| folded(email)).collect();
        let invites = api.invites_of(&wanted).await?;
        let users = api.users_of(&wanted).await?;
        let mut found = Found::new(&asked, invites.unreadable);
        for document in invites.items {
            found.take(InviteRecord::from_document(&document), |invite| &invite.email);
        }
        found.note(&self.invites, |invite| &invite.email);
        let mut documents = BTreeMap::new();
        let mut found = Found::new(&asked, users.unreadable);
        for document in users.items {
            if let Some(user) = found.take(UserRecord::from_document(&document), |user| &user.email) {
                documents.insert(user.id.clone(), document);
            }
        }
        found.note(&self.users, |user| &user.email);
        Ok(documents)
    }

    /// The spellings in which the space may know an address.
    fn spellings(&self, email: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::from([email.to_owned(), folded(email)]);
        all.extend(self.user(email).map(|user| user.record.email.clone()));
        all.extend(self.invite(email).map(|invite| invite.record.email.clone()));
        all
    }

    /// The state of a task. Those who ask for one task at once share the call.
    ///
    /// # Errors
    /// The call fails.
    pub async fn task(&self, api: &Launchpad, id: &str) -> Result<Option<TaskState>, ApiError> {
        let api = api.clone();
        let answer = self.tasks.ask(id.to_owned(), move |ids: Vec<String>| async move {
            let mut states = BTreeMap::new();
            for id in &ids {
                if !states.contains_key(id) {
                    states.insert(id.clone(), api.task(id).await);
                }
            }
            let unasked = || Err(abandoned());
            ids.iter()
                .map(|id| states.get(id).cloned().unwrap_or_else(unasked))
                .collect()
        });
        answer.await.unwrap_or_else(|| Err(abandoned()))
    }
}

/// What a search of addresses found.
struct Found<'a, T> {
    asked: &'a HashSet<String>,
    records: Vec<T>,
    /// Whether everything that it found could be read: only then is somebody absent whom it does not show.
    complete: bool,
}

impl<'a, T: PartialEq> Found<'a, T> {
    fn new(asked: &'a HashSet<String>, unreadable: usize) -> Self {
        Self {
            asked,
            records: Vec::new(),
            complete: unreadable == 0,
        }
    }

    /// Takes in a record, if it is of an address that was asked for.
    fn take(&mut self, record: Result<T, DocumentError>, email: fn(&T) -> &str) -> Option<&T> {
        let Ok(record) = record else {
            self.complete = false;
            return None;
        };
        if !self.asked.contains(&folded(email(&record))) {
            return None;
        }
        self.records.push(record);
        self.records.last()
    }

    /// Takes in everybody who was found, and that the others are not there.
    fn note(self, people: &Snapshot<Person<T>>, email: fn(&T) -> &str) {
        let mut missing = self.asked.clone();
        for record in self.records {
            let folded = folded(email(&record));
            // Of two that differ in case alone, one is known by its exact spelling.
            let key = if missing.remove(&folded) {
                folded
            } else {
                email(&record).to_owned()
            };
            let person = people.held(Person {
                key: key.clone(),
                record,
            });
            people.saw(&key, Some(person));
        }
        for gone in missing.iter().filter(|_| self.complete) {
            people.saw(gone, None);
        }
    }
}

fn abandoned() -> ApiError {
    let message = "the call that this object waited for was abandoned";
    ApiError::new("POST /spaces/{space}/users/search", ErrorKind::Unavailable, message)
}
