//! The assignments of one blueprint: one document that many objects, people and other tools write as a whole.
//!
//! Govern has no conditional write. What others do between a read and the write that follows it is lost, so there are
//! few writes, each right after its read, and all edits that wait go into one.

use std::sync::Arc;

use crate::{
    dataiku::{
        document::{Document, DocumentError},
        error::{ApiError, ErrorKind},
        govern::{
            Govern,
            assignments::{add_rule, is_vacant, new_assignments, retain_rules},
            rule::Rule,
        },
    },
    engine::error::{Error, Fate, Reason},
};

use super::batch::Batch;

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

/// The document of one blueprint.
pub struct Assignments {
    blueprint_id: String,
    reads: Batch<(), Read>,
    writes: Batch<Edit, Outcome>,
}

impl Assignments {
    /// That of this blueprint.
    pub fn new(blueprint_id: &str) -> Self {
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

    async fn write_all(&self, api: &Govern, edits: &[Edit]) -> Vec<Outcome> {
        let outcomes = self.write_together(api, edits).await;
        let refused = |outcome: &Outcome| {
            matches!(
                outcome,
                Err(Error::Remote {
                    fate: Fate::NotDone,
                    ..
                })
            )
        };
        if edits.len() == 1 || !outcomes.iter().any(refused) {
            return outcomes;
        }
        // One of them is not to the liking of the node; the others must not suffer for it.
        let mut alone = Vec::with_capacity(edits.len());
        for edit in edits {
            alone.extend(self.write_together(api, std::slice::from_ref(edit)).await);
        }
        alone
    }

    async fn write_together(&self, api: &Govern, edits: &[Edit]) -> Vec<Outcome> {
        let (outcomes, failure) = self.attempt(api, edits, None).await;
        let (outcomes, failure) = match failure {
            Some(failure) if failure.is_moved() => self.attempt(api, edits, Some(failure)).await,
            failure => (outcomes, failure),
        };
        let Some(Failure { error, .. }) = failure else {
            return outcomes;
        };
        outcomes
            .into_iter()
            .map(|outcome| outcome.and(Err(error.clone().into())))
            .collect()
    }

    /// One read and the write that follows it. `earlier`: the failure of the write before, which the document may have
    /// come or gone under; where it did not, that failure stands.
    async fn attempt(&self, api: &Govern, edits: &[Edit], earlier: Option<Failure>) -> (Vec<Outcome>, Option<Failure>) {
        let nothing_wrong = || edits.iter().map(|_| Ok(())).collect();
        let found = match api.assignments_of(&self.blueprint_id).await {
            Ok(found) => found,
            Err(error) => return (nothing_wrong(), Some(Failure { error, creates: false })),
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
        (outcomes, written.err().map(|error| Failure { error, creates }))
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
            (false, true) => api.delete_assignments(&self.blueprint_id).await.map(|_| ()),
            _ if !changed => Ok(()),
            (true, false) => api.create_assignments(document).await.map(|_| ()),
            (false, false) => api.put_assignments(&self.blueprint_id, document).await.map(|_| ()),
        }
    }
}

struct Failure {
    error: ApiError,
    /// Whether it was the creation of the document that failed.
    creates: bool,
}

impl Failure {
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
