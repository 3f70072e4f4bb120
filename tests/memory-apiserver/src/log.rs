//! What was asked of the server.

use http::Method;
use serde_json::Value;
use tokio::time::Instant;

use crate::call::Call;

/// A request that reached the server. During an outage none does.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method, which compares with text: `request.method == "PATCH"`.
    pub method: Method,
    /// Path, without the query.
    pub path: String,
    /// Query, as it was sent; empty if there was none.
    pub query: String,
    /// Last part of a path such as `/…/widgets/one/status`.
    pub subresource: Option<String>,
    /// Status of the answer; `None` where the request has none yet, or a fault took it.
    pub status: Option<u16>,
    /// Whether it changed what is stored. A write that sends what is there already does not.
    pub changed: bool,
    /// When the request arrived.
    pub at: Instant,
    /// Body; `None` where there was none.
    pub body: Option<Value>,
    /// Tells it from every other request.
    pub(crate) number: u64,
}

impl Request {
    pub(crate) fn of(call: &Call, number: u64) -> Self {
        Self {
            method: call.method.clone(),
            path: call.path.clone(),
            query: call.query.clone(),
            subresource: call.resource.as_ref().and_then(|resource| resource.subresource.clone()),
            status: None,
            changed: false,
            at: Instant::now(),
            body: call.json(),
            number,
        }
    }

    /// Whether it can change an object.
    pub fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    /// Whether it opens a watch.
    pub fn is_watch(&self) -> bool {
        let mut parameters = self.query.split('&');
        !self.is_write() && parameters.any(|one| one == "watch=true" || one == "watch=1")
    }
}
