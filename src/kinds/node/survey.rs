//! Reads a node once, for a command.

use super::{NodeKind, Sweep, is_govern};
use crate::{
    dataiku::dip::Node,
    engine::{Error, connect::ConnectionKind},
};

/// Reads users with their properties, groups and the licence of a node into `lists`: at most six calls. Starts no reading of
/// the slower lists.
///
/// # Errors
/// A call fails, the node is of another product, or the credentials are not those of an administrator.
pub async fn survey<K: NodeKind>(
    connection: &K,
    api: &Node<K::Product>,
    lists: &<K as NodeKind>::Lists,
) -> Result<Sweep, Error> {
    let mut sweep = Sweep::begin(api).await?;
    let found = sweep.node_type();
    let known = found.is_some();
    if found.is_none_or(|found| is_govern(found) == K::GOVERN) {
        sweep.read(api, lists.as_ref(), true).await?;
        sweep.own = K::sweep_own(api, lists, known).await?;
    }
    connection.judge(&sweep)?;
    Ok(sweep)
}
