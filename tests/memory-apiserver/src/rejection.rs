//! Why a request is refused, in the words of an apiserver.

use serde_json::{Value, json};

use crate::{
    kind::Registered,
    ownership::{Dispute, Owner},
};

/// A refused request.
#[derive(Clone, Debug)]
pub(crate) struct Rejection {
    pub(crate) code: u16,
    reason: String,
    pub(crate) message: String,
    /// Boxed, since a rejection is the error of every request.
    details: Box<Value>,
}

impl Rejection {
    pub(crate) fn new(code: u16, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            message: message.into(),
            details: Box::default(),
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn not_found(kind: &Registered, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.resource());
        Self::new(404, "NotFound", message).about(kind, name)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message)
    }

    pub(crate) fn already_exists(kind: &Registered, name: &str, is_deleting: bool) -> Self {
        let prefix = if is_deleting { "object is being deleted: " } else { "" };
        let message = format!("{prefix}{} {name:?} already exists", kind.resource());
        Self::new(409, "AlreadyExists", message).about(kind, name)
    }

    pub(crate) fn conflict(kind: &Registered, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.resource());
        Self::new(409, "Conflict", message).about(kind, name)
    }

    pub(crate) fn modified(kind: &Registered, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// The object is not the one that a deletion was meant for.
    pub(crate) fn other_object(kind: &Registered, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            kind_and_group(kind)
        );
        let mut conflict = Self::new(409, "Conflict", message).about(kind, name);
        conflict.details["kind"] = json!(kind.kind);
        conflict
    }

    /// An apply without force of fields that other managers own.
    pub(crate) fn owned_by_others(kind: &Registered, disputes: &[Dispute]) -> Self {
        let holder = |owner: &Owner| {
            let subresource = match owner.subresource.as_str() {
                "" => String::new(),
                subresource => format!(" with subresource {subresource:?}"),
            };
            let version = if owner.applies {
                String::new()
            } else {
                format!(" using {}", kind.api_version())
            };
            format!("conflict with {:?}{subresource}{version}", owner.manager)
        };
        let shown: Vec<_> = disputes
            .iter()
            .map(|dispute| format!("{}: {}", holder(&dispute.owner), dispute.field))
            .collect();
        let plural = if disputes.len() == 1 { "" } else { "s" };
        let message = format!(
            "Apply failed with {} conflict{plural}: {}",
            disputes.len(),
            shown.join(", ")
        );
        let causes: Vec<_> = disputes
            .iter()
            .map(|dispute| {
                json!({
                    "reason": "FieldManagerConflict",
                    "message": holder(&dispute.owner),
                    "field": dispute.field,
                })
            })
            .collect();
        let mut conflict = Self::new(409, "Conflict", message);
        *conflict.details = json!({ "causes": causes });
        conflict
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    pub(crate) fn unsupported_media_type() -> Self {
        let message = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
        Self::new(415, "UnsupportedMediaType", message)
    }

    pub(crate) fn invalid(kind: &Registered, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is invalid: {why}", kind_and_group(kind));
        let mut invalid = Self::new(422, "Invalid", message);
        *invalid.details = json!({ "name": name, "group": kind.group, "kind": kind.kind });
        invalid
    }

    /// A replacement that does not say what it replaces.
    pub(crate) fn unversioned(kind: &Registered, name: &str) -> Self {
        let why = "metadata.resourceVersion: Invalid value: 0: must be specified for an update";
        let message = format!("{} {name:?} is invalid: {why}", kind.resource());
        Self::new(422, "Invalid", message).about(kind, name)
    }

    /// A JSON patch that does not fit the object.
    pub(crate) fn unprocessable() -> Self {
        Self::new(
            422,
            "Invalid",
            "the server rejected our request due to an error in our request",
        )
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            body["reason"] = json!(self.reason);
        }
        if !self.details.is_null() {
            body["details"] = Value::clone(&self.details);
        }
        body
    }

    fn about(mut self, kind: &Registered, name: &str) -> Self {
        *self.details = json!({ "name": name, "group": kind.group, "kind": kind.plural });
        self
    }
}

fn kind_and_group(kind: &Registered) -> String {
    match kind.group.as_str() {
        "" => kind.kind.clone(),
        group => format!("{}.{group}", kind.kind),
    }
}
