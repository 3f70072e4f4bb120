//! The assignments of one blueprint: one document that many objects, people and other tools write as a whole.
//!
//! Govern has no conditional write. What others do between a read and the write that follows it is lost, so there are
//! few writes, each right after its read, and all edits that wait go into one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    dataiku::{
        document::{Document, DocumentError},
        error::{ApiError, ErrorKind},
        govern::{
            Govern,
            assignments::{add_rule, is_vacant, new_assignments, retain_rules},
            rule::Rule,
        },
        permit::WritePermit,
    },
    engine::error::{Error, Fate, Reason},
};

use super::{ConnectionKey, batch::Batch};

/// What one object changes in the rules of one role.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// Id of the role.
    pub role_id: String,
    /// Rules to be there.
    pub add: Vec<Rule>,
    /// Rules to be gone.
    pub remove: Vec<Rule>,
    /// Whether the document goes with its last entry.
    pub delete_vacant: bool,
}

impl Edit {
    /// Edits the document; false when that changes nothing. It is left as it was where its rules cannot be read.
    fn apply(&self, document: &mut Document) -> Result<bool, DocumentError> {
        let mut edited = document.clone();
        let gone = |rule: &Rule| self.remove.iter().any(|unwanted| unwanted.same_as(rule));
        let mut changed = retain_rules(&mut edited, &self.role_id, |rule| !gone(rule))?;
        for rule in &self.add {
            changed |= add_rule(&mut edited, &self.role_id, rule)?;
        }
        *document = edited;
        Ok(changed)
    }
}

/// What became of an edit; of several that were written together, each has its own.
type Outcome = Result<(), Error>;
/// What a read showed.
type Read = Result<Option<Arc<Document>>, ApiError>;

/// The documents of all blueprints of all connections. Not part of a connection: while one takes the place of another
/// passes are at work on both, and they have to wait for each other, too.
#[derive(Default)]
pub struct Documents(Mutex<HashMap<(ConnectionKey, String), Arc<Assignments>>>);

impl Documents {
    /// That of this blueprint.
    pub fn of(&self, connection: &ConnectionKey, blueprint_id: &str) -> Arc<Assignments> {
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = documents.entry((connection.clone(), blueprint_id.to_owned()));
        entry
            .or_insert_with(|| Arc::new(Assignments::new(blueprint_id)))
            .clone()
    }
}

/// The document of one blueprint.
pub struct Assignments {
    blueprint_id: String,
    reads: Batch<(), Read>,
    writes: Batch<Edit, Outcome>,
}

impl Assignments {
    /// That of this blueprint.
    fn new(blueprint_id: &str) -> Self {
        Self {
            blueprint_id: blueprint_id.to_owned(),
            reads: Batch::default(),
            writes: Batch::default(),
        }
    }

    /// The document as it is now; `None` when there is none. Those who ask at once are answered by one call.
    ///
    /// # Errors
    /// The call fails.
    pub async fn read(&self, api: &Govern) -> Result<Option<Arc<Document>>, Error> {
        let read = self.reads.ask((), async |askers| {
            let document = api.assignments_of(&self.blueprint_id).await;
            let document = document.map(|document| document.map(Arc::new));
            vec![document; askers.len()]
        });
        Ok(read.await.ok_or_else(given_up)??)
    }

    /// Makes an edit, together with all others that wait by then.
    ///
    /// # Errors
    /// The call fails, or the rules in the document cannot be read. Nothing is changed then.
    pub async fn write(&self, api: &Govern, edit: Edit) -> Result<(), Error> {
        let written = self.writes.ask(edit, async |edits| self.write_all(api, &edits).await);
        written.await.ok_or_else(given_up)?
    }

    /// Where the node refuses what several edits make of the document, they are halved until it is known whose rule it
    /// is: the others must not suffer for it.
    async fn write_all(&self, api: &Govern, edits: &[Edit]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(edits.len());
        let mut parts = vec![edits];
        while let Some(part) = parts.pop() {
            let (written, refused) = self.write_together(api, part).await;
            if refused && part.len() > 1 {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            } else {
                outcomes.extend(written);
            }
        }
        outcomes
    }

    /// One write for all; and whether the node refused it for what is in it.
    async fn write_together(&self, api: &Govern, edits: &[Edit]) -> (Vec<Outcome>, bool) {
        let (outcomes, failure) = self.attempt(api, edits, None).await;
        let (outcomes, failure) = match failure {
            Some(failure) if failure.is_moved() => self.attempt(api, edits, Some(failure)).await,
            failure => (outcomes, failure),
        };
        let Some(failure) = failure else {
            return (outcomes, false);
        };
        let refused = failure.is_refusal();
        let outcomes = outcomes
            .into_iter()
            .map(|outcome| outcome.and(Err(failure.error.clone().into())));
        (outcomes.collect(), refused)
    }

    /// One read and the write that follows it. `earlier`: the failure of the write before, which the document may have
    /// come or gone under; where it did not, that failure stands.
    async fn attempt(&self, api: &Govern, edits: &[Edit], earlier: Option<Failure>) -> (Vec<Outcome>, Option<Failure>) {
        let nothing_wrong = || edits.iter().map(|_| Ok(())).collect();
        let found = match api.assignments_of(&self.blueprint_id).await {
            Ok(found) => found,
            Err(error) => return (nothing_wrong(), Some(Failure::reading(error))),
        };
        let creates = found.is_none();
        if let Some(earlier) = earlier.filter(|earlier| earlier.creates == creates) {
            return (nothing_wrong(), Some(earlier));
        }
        let mut document = found.unwrap_or_else(|| new_assignments(&self.blueprint_id));
        let mut changed = false;
        let outcomes = edits.iter().map(|edit| {
            changed |= edit.apply(&mut document).map_err(|error| unreadable(&error))?;
            Ok(())
        });
        let outcomes: Vec<Outcome> = outcomes.collect();
        let vacates = edits.iter().any(|edit| edit.delete_vacant) && is_vacant(&document).unwrap_or(false);
        let written = self.store(api, &document, creates, changed, vacates).await;
        let failure = written.err().map(|error| Failure {
            error,
            creates,
            writes: true,
        });
        (outcomes, failure)
    }

    async fn store(
        &self,
        api: &Govern,
        document: &Document,
        creates: bool,
        changed: bool,
        vacates: bool,
    ) -> Result<(), ApiError> {
        match (creates, vacates) {
            (true, true) => Ok(()),
            (false, true) => api
                .delete_assignments(WritePermit::unchecked(), &self.blueprint_id)
                .await
                .map(|_| ()),
            _ if !changed => Ok(()),
            (true, false) => api
                .create_assignments(WritePermit::unchecked(), document)
                .await
                .map(|_| ()),
            (false, false) => api
                .put_assignments(WritePermit::unchecked(), &self.blueprint_id, document)
                .await
                .map(|_| ()),
        }
    }
}

struct Failure {
    error: ApiError,
    /// Whether it was the creation of the document that failed.
    creates: bool,
    /// Whether it was a write that failed.
    writes: bool,
}

impl Failure {
    fn reading(error: ApiError) -> Self {
        Self {
            error,
            creates: false,
            writes: false,
        }
    }

    /// Whether the node does not like what is in the document. Some word that as an error of their own (contract
    /// sheet 1.4).
    fn is_refusal(&self) -> bool {
        let own_error = self.error.status == Some(500) && self.error.own_words;
        self.writes && (self.error.kind == ErrorKind::Rejected || own_error)
    }

    /// Whether the document may have come or gone since it was read. How a node words that there is one already is not
    /// known for certain, so any refusal of a create counts.
    fn is_moved(&self) -> bool {
        match self.error.kind {
            ErrorKind::NotFound => !self.creates,
            ErrorKind::AlreadyExists | ErrorKind::Rejected | ErrorKind::Unavailable => self.creates,
            _ => false,
        }
    }
}

fn unreadable(error: &DocumentError) -> Error {
    Error::Remote {
        reason: Reason::Unavailable,
        message: format!("the assignments of the blueprint could not be read: {error}"),
        retry_after: None,
        fate: Fate::NotDone,
    }
}

fn given_up() -> Error {
    Error::Remote {
        reason: Reason::Unavailable,
        message: "a call that this one waited for was given up".to_owned(),
        retry_after: None,
        fate: Fate::Unknown,
    }
}
