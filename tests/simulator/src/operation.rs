//! What an operation is: a row that ties an id of the contract sheet to a route, a right and a handler.

use hyper::Method;

use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::world::World;

/// Serves one operation on the state of one instance. It runs under the lock of the instance, so it is atomic.
pub(crate) type Handler = fn(&mut World, &Call) -> Result<Answer, Failure>;

/// What a caller must be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// Any accepted credential.
    Authenticated,
    /// An administrator, by key or by group.
    Admin,
    /// A caller with a right of this name: the architect of Govern, a scope of the Launchpad.
    Named(&'static str),
}

/// One operation of the contract sheet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// The id in the sheet: `D1`.
    pub id: &'static str,
    /// The id in the sheet of the same call without a body, where that is another operation.
    pub id_without_body: Option<&'static str>,
    /// The verb.
    pub method: Verb,
    /// The path below the base, with `{name}` for a variable segment.
    pub path: &'static str,
    /// What the caller must be allowed.
    pub right: Right,
    /// Whether a success changes what the product holds.
    pub writes: bool,
    /// The code behind it.
    pub handler: Handler,
}

impl Operation {
    /// The same row for two operations that only their body tells apart.
    pub const fn without_body(self, id: &'static str) -> Self {
        Self {
            id_without_body: Some(id),
            ..self
        }
    }

    /// The operation that a request asks for.
    pub fn with_body(self, body: &[u8]) -> Self {
        match self.id_without_body {
            Some(id) if body.is_empty() => Self { id, ..self },
            _ => self,
        }
    }
}

/// The four verbs of the products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Verb {
    /// Whether a request came with this verb.
    pub fn is(self, method: &Method) -> bool {
        self.name() == method.as_str()
    }

    /// The verb as it stands on the request line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// A row of a table for an operation that only reads.
pub(crate) const fn reads(
    id: &'static str,
    method: Verb,
    path: &'static str,
    right: Right,
    handler: Handler,
) -> Operation {
    Operation {
        id,
        id_without_body: None,
        method,
        path,
        right,
        writes: false,
        handler,
    }
}

/// A row of a table for an operation that changes the state.
pub(crate) const fn writes(
    id: &'static str,
    method: Verb,
    path: &'static str,
    right: Right,
    handler: Handler,
) -> Operation {
    Operation {
        id,
        id_without_body: None,
        method,
        path,
        right,
        writes: true,
        handler,
    }
}
