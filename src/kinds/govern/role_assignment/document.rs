//! The assignments of one blueprint as a document that many objects share.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use indexmap::IndexMap;
use serde_json::value::RawValue;

use crate::{
    dataiku::{
        document::Document,
        error::{ApiError, ErrorKind},
        govern::{
            Govern,
            assignments::{AssignmentsRecord, edit_rules, is_vacant, new_assignments, rules_of},
            rule::Rule,
        },
        permit::WritePermit,
    },
    engine::{Error, shared::writer::SharedDocument},
    kinds::govern::rules::{BlueprintRules, RuleSet},
};

/// Largest document in bytes that an addition may result in. A node's answer is read up to 4 MiB: beyond that, nobody could
/// withdraw anything any more.
const LONGEST_DOCUMENT: usize = 2 << 20;

/// The document of one blueprint.
pub struct BlueprintAssignments {
    /// Id of the blueprint.
    pub blueprint_id: String,
}

/// What one object changes in the rules of one role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    /// Id of the role.
    pub role_id: String,
    /// Rules to add, by hash. Of several edits in one write, one that adds a rule prevails over those that remove it.
    pub add: IndexMap<String, Rule>,
    /// Rules to remove, by hash: how many copies stay. The first ones do, since others wrote them before us.
    pub remove: BTreeMap<String, usize>,
    /// Whether to delete the document once nothing is left in it.
    pub delete_vacant: bool,
    /// JSON texts of members of the document to set, by name; an empty text removes the member.
    pub members: BTreeMap<&'static str, String>,
}

/// A document as it was read, and the edits to make in it.
pub struct Assignments {
    /// The rules in it.
    pub rules: Arc<BlueprintRules>,
    /// Whether nothing is left in it.
    pub vacant: bool,
    /// `None`: the blueprint has none.
    document: Option<Document>,
    bytes: usize,
    edits: BTreeMap<String, Edit>,
}

impl Assignments {
    pub(super) fn new(blueprint_id: &str, document: Option<Document>) -> Self {
        let record = match &document {
            Some(document) => AssignmentsRecord::from_document(document),
            None => AssignmentsRecord::from_document(&new_assignments(blueprint_id)),
        };
        let rules = match record {
            Ok(record) => BlueprintRules::new(&record),
            Err(_) => BlueprintRules::unreadable(blueprint_id),
        };
        let vacant = |document: &Document| is_vacant(document).unwrap_or(false);
        Self {
            rules: Arc::new(rules),
            vacant: document.as_ref().is_some_and(vacant),
            bytes: serde_json::to_string(&document).map_or(0, |text| text.len()),
            document,
            edits: BTreeMap::new(),
        }
    }

    /// Whether the blueprint has a document.
    pub fn exists(&self) -> bool {
        self.document.is_some()
    }

    /// The rules that grant the role.
    pub fn of_role(&self, role_id: &str) -> Result<Arc<RuleSet>, Error> {
        self.rules.of_role(role_id).ok_or_else(|| {
            let error = self
                .document
                .as_ref()
                .and_then(|document| rules_of(document, role_id).err());
            let error = error.map_or_else(|| "unexpected shape".to_owned(), |error| error.to_string());
            Error::unreadable("the assignments of the blueprint", &error)
        })
    }

    /// Takes in an edit; whether it changes anything.
    pub(super) fn accept(&mut self, edit: &Edit) -> Result<bool, Error> {
        let found = self.of_role(&edit.role_id)?;
        let missing = edit.add.iter().filter(|(hash, _)| !found.contains(hash));
        let added: Vec<usize> = missing
            .map(|(_, rule)| serde_json::to_string(rule).map_or(0, |text| text.len()))
            .collect();
        let bytes = self.bytes + added.iter().sum::<usize>();
        if !added.is_empty() && bytes > LONGEST_DOCUMENT {
            let message = format!(
                "the assignments of blueprint {} would exceed {LONGEST_DOCUMENT} bytes",
                self.rules.blueprint_id
            );
            return Err(Error::invalid(message));
        }
        self.bytes = bytes;
        let all = self.edits.entry(edit.role_id.clone()).or_default();
        all.add.extend(edit.add.clone());
        for (hash, stay) in &edit.remove {
            let known = all.remove.entry(hash.clone()).or_insert(*stay);
            *known = (*known).min(*stay);
        }
        all.delete_vacant |= edit.delete_vacant;
        all.members.extend(edit.members.clone());
        let inheritance = &self.rules.inheritance;
        let text = |key| inheritance.get(key).map(String::as_str).unwrap_or_default();
        let members = edit.members.iter().any(|(key, new)| text(*key) != new);
        let removes = edit.remove.iter().any(|(hash, stay)| found.copies(hash) > *stay);
        Ok(!added.is_empty() || removes || members || (edit.delete_vacant && self.vacant))
    }

    /// The document after all edits; `None`: it has to go.
    pub(super) fn edited(&self) -> Option<Document> {
        let mut document = match &self.document {
            Some(document) => document.clone(),
            None => new_assignments(&self.rules.blueprint_id),
        };
        for (role_id, edit) in &self.edits {
            for (key, text) in &edit.members {
                match serde_json::from_str::<Box<RawValue>>(text) {
                    Ok(value) => document.set(key, &value),
                    Err(_) => _ = document.remove(key),
                }
            }
            let mut copies: HashMap<String, usize> = HashMap::new();
            let mut keep = |rule: &Rule| {
                let hash = rule.hash();
                let Some(stay) = edit.remove.get(&hash).filter(|_| !edit.add.contains_key(&hash)) else {
                    return true;
                };
                let seen = copies.entry(hash).or_default();
                *seen += 1;
                *seen <= *stay
            };
            let found = self.rules.of_role(role_id).unwrap_or_default();
            let added = edit.add.iter().filter(|(hash, _)| !found.contains(hash));
            let added: Vec<Rule> = added.map(|(_, rule)| rule.clone()).collect();
            if let Err(error) = edit_rules(&mut document, role_id, &mut keep, &added) {
                // `accept` has read the rules of this role.
                tracing::error!(role_id, %error, "rules that were readable are unreadable");
            }
        }
        let deletes = self.edits.values().any(|edit| edit.delete_vacant);
        Some(document).filter(|document| !(deletes && is_vacant(document).unwrap_or(false)))
    }
}

impl SharedDocument for BlueprintAssignments {
    type Api = Govern;
    type Edit = Edit;
    type Content = Assignments;
    type Written = ();

    async fn read(&self, api: &Govern, _: &[&Edit]) -> Result<Assignments, ApiError> {
        let document = api.assignments_of(&self.blueprint_id).await?;
        Ok(Assignments::new(&self.blueprint_id, document))
    }

    fn edit(&self, content: &mut Assignments, edit: &Edit) -> Result<bool, Error> {
        content.accept(edit)
    }

    async fn write(&self, api: &Govern, permit: WritePermit, content: &Assignments) -> Result<(), ApiError> {
        let id = &self.blueprint_id;
        match (content.edited(), content.exists()) {
            (Some(document), true) => api.put_assignments(permit, id, &document).await.map(drop),
            (None, true) => api.delete_assignments(permit, id).await.map(drop),
            (None, false) => Ok(()),
            (Some(document), false) => match api.create_assignments(permit, &document).await {
                // How a node says that there is a document already is not known for certain.
                Err(mut error) if is_doubtful(&error) && matches!(api.assignments_of(id).await, Ok(Some(_))) => {
                    error.kind = ErrorKind::AlreadyExists;
                    Err(error)
                }
                created => created.map(drop),
            },
        }
    }

    fn moved(content: &Assignments, error: &ApiError) -> bool {
        match error.kind {
            ErrorKind::AlreadyExists => !content.exists(),
            ErrorKind::NotFound => content.exists(),
            _ => false,
        }
    }
}

fn is_doubtful(error: &ApiError) -> bool {
    matches!(error.kind, ErrorKind::Rejected | ErrorKind::Unavailable)
}
