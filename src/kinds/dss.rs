//! What the kinds of a DSS node share: how they reach it, and what wakes them.

use std::sync::Arc;

use futures::{StreamExt, stream::BoxStream};

use crate::{
    dataiku::{dss::Dss, gate},
    engine::{Error, Lane, managed::Trigger},
    registry::{ConnectionKey, DssConnection, News, Registry},
};

/// A DSS node, for one object.
pub struct DssClient {
    /// The connection, with what its last look at the node showed.
    pub connection: Arc<DssConnection>,
    /// The node's API, with the urgency of this pass.
    pub dss: Dss,
}

/// The node that `key` names, for an object in `namespace`.
pub(super) fn connect(
    world: &Registry,
    key: &ConnectionKey,
    namespace: Option<&str>,
    lane: Lane,
) -> Result<DssClient, Error> {
    let connection = world.dss.admit(key, namespace)?;
    let dss = connection.dss.with_lane(match lane {
        Lane::Interactive => gate::Lane::Interactive,
        Lane::Repair => gate::Lane::Repair,
    });
    Ok(DssClient { connection, dss })
}

/// What wakes objects of a DSS node.
pub(super) fn triggers(world: &Registry) -> BoxStream<'static, Trigger<ConnectionKey>> {
    let news = world.dss.news().map(|news| match news {
        News::Changed(key) => Trigger::Changed(key),
        News::Swept(key) => Trigger::Swept(key),
        News::Unblocked(key) => Trigger::Unblocked(key),
    });
    news.boxed()
}

/// An answer of the node that could not be read.
pub(super) fn unreadable(what: &str, error: &impl std::fmt::Display) -> Error {
    Error::Remote {
        reason: crate::engine::Reason::Unavailable,
        message: format!("{what} could not be read: {error}"),
        retry_after: None,
        certain: true,
        exists: false,
    }
}
