//! How the objects of a connection reach its remote side, and what wakes them.

use std::sync::Arc;

use futures::{StreamExt, stream::BoxStream};

use crate::{
    dataiku::{dss::Dss, gate, govern::Govern, launchpad::Launchpad},
    engine::{Error, Fate, Lane, Reason, Slot, managed::Trigger},
    registry::{
        ConnectionKey, Connections, News,
        dss::DssLists,
        govern::GovernLists,
        launchpad::LaunchpadLists,
        live::{Api, Live},
    },
};

/// A remote side, for one object.
pub struct Remote<A, L> {
    /// The connection, with what its last look showed.
    pub connection: Arc<Live<A, L>>,
    /// The API, with the urgency of this pass.
    pub api: A,
    lane: Lane,
}

/// A DSS node, for one object.
pub type DssRemote = Remote<Dss, DssLists>;
/// A Govern node, for one object.
pub type GovernRemote = Remote<Govern, GovernLists>;
/// A space, for one object.
pub type LaunchpadRemote = Remote<Launchpad, LaunchpadLists>;

impl<A: Api, L> Remote<A, L> {
    /// The remote side that `key` names, for an object in `namespace`.
    ///
    /// # Errors
    /// The connection is not known yet, gone, not allowed, or not ready.
    pub fn of(
        connections: &Connections<Live<A, L>>,
        key: &ConnectionKey,
        namespace: Option<&str>,
        lane: Lane,
    ) -> Result<Self, Error> {
        let connection = connections.admit(key, namespace)?;
        let api = connection.api.in_lane(match lane {
            Lane::Interactive => gate::Lane::Interactive,
            Lane::Repair => gate::Lane::Repair,
        });
        Ok(Self { connection, api, lane })
    }

    /// The right to call the remote side now.
    pub(super) async fn slot(&self) -> Result<Slot, Error> {
        let permits = self.connection.slots.enter(self.lane == Lane::Repair).await?;
        Ok(Slot { permits })
    }
}

/// What wakes the objects of these connections.
pub(super) fn triggers<C>(connections: &Connections<C>) -> BoxStream<'static, Trigger<ConnectionKey>> {
    let news = connections.news().map(|news| match news {
        News::Changed(key) => Trigger::Changed(key),
        News::Swept(key) => Trigger::Swept(key),
        News::Unblocked(key) => Trigger::Unblocked(key),
        News::Missed => Trigger::Missed,
    });
    news.boxed()
}

/// An answer of the remote side that could not be read.
pub(super) fn unreadable(what: &str, error: &impl std::fmt::Display) -> Error {
    Error::Remote {
        reason: Reason::Unavailable,
        message: format!("{what} could not be read: {error}"),
        retry_after: None,
        fate: Fate::NotDone,
    }
}
