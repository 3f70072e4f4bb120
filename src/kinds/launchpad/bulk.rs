//! Writes of people in bulk: the objects that wait for a call of one kind share it, and each gets its own outcome.
//!
//! A release may refuse a whole call for one item. Then the items that it names, or else halves, go apart: one bad address
//! must not delay the others.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use super::lists::SpaceLists;
use crate::{
    dataiku::{
        document::Document,
        error::{ApiError, ErrorKind},
        launchpad::{
            Launchpad,
            bulk::{BulkAnswer, BulkError, BulkItem},
        },
        permit::WritePermit,
    },
    engine::{Error, Fate, Reason, Receipt, Refused, keep::fields::Edit, shared::batch::Batch},
    kinds::node::Known,
};

/// Most items of one call.
const MOST: usize = 200;
/// Time between two calls of one kind: what comes meanwhile goes into the next one.
const SPACING: Duration = Duration::from_secs(1);
/// The same after a call that carried many items, as more of them follow. It doubles with each further such call: however slowly
/// the objects of an onboarding are reconciled, the number of calls hardly grows.
const WIDE_SPACING: Duration = Duration::from_secs(3);
/// Longest time between two calls of one kind.
const WIDEST_SPACING: Duration = Duration::from_secs(12);
/// How many items are many.
const MANY: usize = 10;
/// How often a call is sent again that lost a permit in between.
const ATTEMPTS: usize = 3;

/// What is to be written for somebody.
pub enum Write {
    /// An invite.
    Invite(Document),
    /// An edit of the user; without one, the document as it is.
    Edit(Option<Arc<Edit>>),
    /// The deletion of the invite.
    DeleteInvite,
    /// The deletion of the user.
    DeleteUser,
}

/// A write that an object waits for.
pub struct Ask {
    /// Email address; of somebody who exists, in the Launchpad's spelling.
    pub email: String,
    /// Id of somebody who exists.
    pub id: String,
    /// What to write.
    pub write: Write,
    /// The permit.
    pub permit: WritePermit,
}

/// Writes that wait for one kind of call.
#[derive(Default)]
struct Answers {
    batch: Batch<Ask, Result<Receipt, Error>>,
    pace: Arc<Mutex<Option<Pace>>>,
}

/// The last call and what follows from it.
struct Pace {
    /// When the next call is due.
    next: Instant,
    spacing: Duration,
}

impl Pace {
    /// After a call with so many items.
    fn after(last: Option<&Self>, items: usize) -> Self {
        let spacing = match last {
            _ if items < MANY => SPACING,
            Some(last) if last.spacing >= WIDE_SPACING => (2 * last.spacing).min(WIDEST_SPACING),
            _ => WIDE_SPACING,
        };
        Self {
            next: Instant::now() + spacing,
            spacing,
        }
    }
}

/// Waits until a call with so many items is due.
async fn due(pace: &Mutex<Option<Pace>>, items: usize) {
    let mut pace = pace.lock().await;
    if let Some(pace) = &*pace {
        tokio::time::sleep_until(pace.next).await;
    }
    *pace = Some(Pace::after(pace.as_ref(), items));
}

/// Writes that wait, by the call that carries them.
#[derive(Default)]
pub struct Bulk {
    invites: Answers,
    edits: Answers,
    /// Edits that take something from somebody, which wait for no others.
    withdrawals: Answers,
    deleted_invites: Answers,
    deleted_users: Answers,
}

/// The call that carries an item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Invite,
    Edit,
    DeleteInvite,
    DeleteUser,
}

/// An item of a call.
struct Item {
    email: String,
    id: String,
    /// Nothing for a deletion.
    document: Option<Document>,
    permit: WritePermit,
}

/// What became of an item.
enum Verdict {
    Done(Receipt),
    /// In the words of the Launchpad.
    Refused(String),
    Failed(Error),
}

impl SpaceLists {
    /// Performs a write, together with all others of its kind that wait by then.
    ///
    /// # Errors
    /// The Launchpad refused this very item, the permit was withdrawn, or the call failed.
    pub async fn write(self: &Arc<Self>, api: &Launchpad, ask: Ask) -> Result<Receipt, Error> {
        let (act, answers) = match ask.write {
            Write::Invite(_) => (Act::Invite, &self.bulk.invites),
            Write::Edit(Some(ref edit)) if edit.withdraws() => (Act::Edit, &self.bulk.withdrawals),
            Write::Edit(_) => (Act::Edit, &self.bulk.edits),
            Write::DeleteInvite => (Act::DeleteInvite, &self.bulk.deleted_invites),
            Write::DeleteUser => (Act::DeleteUser, &self.bulk.deleted_users),
        };
        let (lists, api, pace) = (self.clone(), api.clone(), answers.pace.clone());
        let answer = answers.batch.ask(ask, move |asks: Vec<Ask>| async move {
            due(&pace, asks.len()).await;
            lists.write_all(&api, act, asks).await
        });
        answer.await.unwrap_or_else(|| {
            Err(Error::Remote {
                reason: Reason::Unavailable,
                message: "the write that this object waited for was abandoned".to_owned(),
                retry_after: None,
                fate: Fate::Unknown,
            })
        })
    }

    async fn write_all(&self, api: &Launchpad, act: Act, asks: Vec<Ask>) -> Vec<Result<Receipt, Error>> {
        // No group is written between the read of the users and their write.
        let mut writes = match act {
            Act::Edit | Act::DeleteUser => Some(self.memberships.write().await),
            Act::Invite | Act::DeleteInvite => None,
        };
        let emails: Vec<String> = asks.iter().map(|ask| ask.email.clone()).collect();
        let items = match self.items(api, act, asks, &emails).await {
            Ok(items) => items,
            Err(error) => return emails.iter().map(|_| Err(error.clone().into())).collect(),
        };
        let mut verdicts: Vec<Option<Verdict>> = Vec::new();
        let mut sent = Vec::new();
        for (place, item) in items.into_iter().enumerate() {
            match item {
                Ok(item) => {
                    verdicts.push(None);
                    sent.push((place, item));
                }
                Err(error) => verdicts.push(Some(Verdict::Failed(error))),
            }
        }
        send(api, act, sent, &mut verdicts).await;
        if let Some(writes) = writes.as_mut() {
            **writes += 1;
        }
        drop(writes);
        self.outcomes(api, act, &emails, verdicts).await
    }

    /// What to send for each, in the same order. The documents of users are read now.
    async fn items(
        &self,
        api: &Launchpad,
        act: Act,
        asks: Vec<Ask>,
        emails: &[String],
    ) -> Result<Vec<Result<Item, Error>>, ApiError> {
        let mut documents = if act == Act::Edit {
            self.search_all(api, emails).await?
        } else {
            std::collections::BTreeMap::new()
        };
        let items = asks.into_iter().map(|ask| {
            let document = match ask.write {
                Write::Invite(document) => Some(document),
                Write::Edit(edit) => {
                    let gone = || gone(&ask.email);
                    let mut document = documents.remove(&ask.id).ok_or_else(gone)?;
                    if let Some(edit) = edit {
                        let unreadable = |error| Error::unreadable("the user document", &error);
                        edit.write(&mut document).map_err(unreadable)?;
                    }
                    Some(document)
                }
                Write::DeleteInvite | Write::DeleteUser => None,
            };
            Ok(Item {
                email: ask.email,
                id: ask.id,
                document,
                permit: ask.permit,
            })
        });
        Ok(items.collect())
    }

    /// The outcome for each object. What was refused is looked for once more, all of it in one search: it tells an invite of
    /// somebody else from a bad one, and a deletion that had nothing left to delete from one that is not allowed.
    async fn outcomes(
        &self,
        api: &Launchpad,
        act: Act,
        emails: &[String],
        verdicts: Vec<Option<Verdict>>,
    ) -> Vec<Result<Receipt, Error>> {
        let refused = emails.iter().zip(&verdicts);
        let refused: Vec<String> = refused
            .filter(|(_, verdict)| matches!(verdict, Some(Verdict::Refused(_))))
            .map(|(email, _)| email.clone())
            .collect();
        let searched = act == Act::Edit || self.search_all(api, &refused).await.is_ok();
        let outcomes = emails.iter().zip(verdicts).map(|(email, verdict)| match verdict {
            Some(Verdict::Done(receipt)) => Ok(receipt),
            Some(Verdict::Failed(error)) => Err(error),
            Some(Verdict::Refused(message)) => self.refused(act, email, &message, searched),
            None => Err(Error::Refused(Refused::Superseded)),
        });
        outcomes.collect()
    }

    fn refused(&self, act: Act, email: &str, message: &str, searched: bool) -> Result<Receipt, Error> {
        let there = match act {
            Act::Invite => self.person(email),
            Act::DeleteInvite => self.invite(email).map_or(Known::Absent, |_| Known::Unknown),
            Act::DeleteUser => self.user(email).map_or(Known::Absent, |_| Known::Unknown),
            Act::Edit => Known::Unknown,
        };
        let fate = match (act, there) {
            _ if !searched => Fate::Answered,
            (Act::DeleteInvite | Act::DeleteUser, Known::Absent) => return Ok(Receipt::default()),
            (Act::Invite, Known::Found(_)) => Fate::Exists,
            (Act::Invite, Known::Unknown) => Fate::Answered,
            _ => Fate::NotDone,
        };
        Err(Error::Remote {
            reason: Reason::Rejected,
            message: format!("the Launchpad refused {email}: {message}"),
            retry_after: None,
            fate,
        })
    }
}

/// Sends all items, and puts the verdict of each in its place.
async fn send(api: &Launchpad, act: Act, items: Vec<(usize, Item)>, verdicts: &mut [Option<Verdict>]) {
    let mut parts: Vec<Vec<(usize, Item)>> = Vec::new();
    for item in items {
        match parts.last_mut() {
            Some(part) if part.len() < MOST => part.push(item),
            _ => parts.push(vec![item]),
        }
    }
    parts.reverse();
    let mut attempts = 0;
    while let Some(mut part) = parts.pop() {
        // Nobody may write for an object whose permit was withdrawn; its place stays empty.
        part.retain(|(_, item)| item.permit.is_valid());
        if part.is_empty() {
            continue;
        }
        match call(api, act, &part).await {
            Ok(answer) => {
                for (place, item) in &part {
                    verdicts[*place] = Some(verdict(&answer, item));
                }
            }
            Err(error) if error.kind == ErrorKind::Withdrawn && attempts < ATTEMPTS => {
                attempts += 1;
                parts.push(part);
            }
            Err(error) if error.kind == ErrorKind::Rejected => {
                let named = named(&error.message);
                let is_named = |index: usize| named.iter().any(|(place, _)| *place == index);
                if part.len() == 1 {
                    let message = named.into_iter().next().map_or(error.message, |(_, message)| message);
                    verdicts[part[0].0] = Some(Verdict::Refused(message));
                } else if (0..part.len()).any(is_named) && !(0..part.len()).all(is_named) {
                    let mut rest = Vec::new();
                    for (index, (place, item)) in part.into_iter().enumerate() {
                        match named.iter().find(|(place, _)| *place == index) {
                            Some((_, message)) => verdicts[place] = Some(Verdict::Refused(message.clone())),
                            None => rest.push((place, item)),
                        }
                    }
                    parts.push(rest);
                } else {
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                }
            }
            Err(error) => {
                for (place, _) in &part {
                    verdicts[*place] = Some(Verdict::Failed(error.clone().into()));
                }
            }
        }
    }
}

async fn call(api: &Launchpad, act: Act, part: &[(usize, Item)]) -> Result<BulkAnswer, ApiError> {
    let permit = WritePermit::joint(part.iter().map(|(_, item)| &item.permit));
    let documents = || {
        let documents = part.iter().filter_map(|(_, item)| item.document.as_ref());
        documents.collect::<Vec<_>>()
    };
    let emails = || part.iter().map(|(_, item)| item.email.as_str()).collect::<Vec<_>>();
    match act {
        Act::Invite => api.create_invites(permit, &documents()).await,
        Act::Edit => api.put_users(permit, &documents()).await,
        Act::DeleteInvite => api.delete_invites(permit, &emails()).await,
        Act::DeleteUser => api.delete_users(permit, &emails()).await,
    }
}

/// What a bulk answer says of an item. Some releases say in the text alone whom an error is about.
fn verdict(answer: &BulkAnswer, item: &Item) -> Verdict {
    let about = |one: &BulkItem| one.is_about(&item.id, &item.email) || is_email(one, &item.email);
    let done = answer.successes.iter().find(|one| about(one));
    if let Some(done) = done {
        return Verdict::Done(Receipt {
            id: done.id.clone(),
            task: answer.task_id.clone(),
            ..Receipt::default()
        });
    }
    let in_text = |error: &&BulkError| {
        let named = [&item.email, &item.id]
            .into_iter()
            .any(|name| !name.is_empty() && error.message.contains(name));
        error.item == BulkItem::default() && named
    };
    let own = answer.errors.iter().find(|error| about(&error.item));
    match own.or_else(|| answer.errors.iter().find(in_text)) {
        Some(error) => Verdict::Refused(error.message.clone()),
        // The read that follows tells.
        None => Verdict::Done(Receipt {
            task: answer.task_id.clone(),
            ..Receipt::default()
        }),
    }
}

/// An item of an answer about an invite has the id that the invite has got.
fn is_email(one: &BulkItem, email: &str) -> bool {
    let named = one.email.as_deref();
    named.is_some_and(|named| crate::dataiku::email::same_email(named, email))
}

/// The items that a refusal of the whole call names, by their places in it, and what it says of each.
fn named(message: &str) -> Vec<(usize, String)> {
    let Some(start) = message.find('{') else {
        return Vec::new();
    };
    // The text may be cut off, and may go on after the places.
    let mut values = serde_json::Deserializer::from_str(&message[start..]).into_iter::<Value>();
    let Some(Ok(Value::Object(mut places))) = values.next() else {
        return Vec::new();
    };
    if let Some(Value::Object(inner)) = places.get_mut("json") {
        places = std::mem::take(inner);
    }
    let named = places
        .iter()
        .filter_map(|(place, says)| Some((place.parse().ok()?, says.to_string())));
    let mut seen = BTreeSet::new();
    named.filter(|(place, _)| seen.insert(*place)).collect()
}

/// For somebody who is no user any more.
fn gone(email: &str) -> Error {
    Error::Remote {
        reason: Reason::Unavailable,
        message: format!("{email} is no user any more"),
        retry_after: None,
        fate: Fate::NotDone,
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, named};

    #[test]
    fn a_refusal_names_items_by_their_places() {
        let one = r#"{"3":{"email":["Not a valid email address."]}}"#;
        let says = r#"{"email":["Not a valid email address."]}"#.to_owned();
        for message in [
            one.to_owned(),
            format!("The request is wrong. {one} More."),
            format!(r#"{{"json":{one}}}"#),
        ] {
            assert_eq!(named(&message), [(3, says.clone())], "{message}");
        }
        for nothing in ["", "no", r#"{"email":["bad"]}"#, r#"{"3":{"em"#, "[1]"] {
            assert_eq!(named(nothing), [], "{nothing}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_with_many_items_are_further_and_further_apart_and_one_with_few_is_soon_followed() {
        let mut pace = None;
        let spacings = [1, 200, 200, 50, 10, 200, 9, 10].map(|items| {
            let next = Pace::after(pace.as_ref(), items);
            let spacing = next.spacing.as_secs();
            pace = Some(next);
            spacing
        });
        assert_eq!(spacings, [1, 3, 6, 12, 12, 12, 1, 3]);
    }
}
