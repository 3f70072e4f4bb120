//! What one look at a DSS or Govern node shows: both speak the same API for users, groups and themselves.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use crate::{
    dataiku::{
        dip::{
            DipProduct, Node,
            groups::GroupRecord,
            instance::{AuthInfo, InstanceDetails},
            users::UserRecord,
        },
        listed::Listed,
    },
    engine::error::Error,
};

use super::remote_error::{optional, permitted};

/// Groups by name.
pub type Groups = BTreeMap<String, Arc<GroupRecord>>;

/// What one look at a node showed.
pub struct NodeSweep {
    /// When it began: what was read one by one after that knows better.
    pub began: Instant,
    /// Whom the node takes us for.
    pub identity: AuthInfo,
    /// Whether the key has the admin right.
    pub admin: bool,
    /// Whether the key has the right to roles and blueprints, where there are any.
    pub architect: Option<bool>,
    /// The node.
    pub node: Option<InstanceDetails>,
    /// Licensed profiles, where the node tells.
    pub profiles: Option<Arc<Vec<String>>>,
    /// All users; none where we may not see them.
    pub users: Listed<Arc<UserRecord>>,
    /// All groups; none where we may not see them.
    pub groups: Arc<Groups>,
    /// Number of groups whose name is unreadable.
    pub unreadable_groups: usize,
}

/// Looks at what every node has: a constant number of calls, whatever the number of objects. With `settings`, users come
/// with their properties. Each user is what `keep` makes of it.
///
/// # Errors
/// The node cannot be read. A key without the admin right is no error here: it is told in the result.
pub async fn look<P: DipProduct>(
    api: &Node<P>,
    settings: bool,
    keep: impl FnMut(UserRecord) -> Arc<UserRecord> + Send,
) -> Result<NodeSweep, Error> {
    let identity = api.auth_info().await?;
    let node = optional(api.instance_info().await)?;
    let mut sweep = NodeSweep {
        began: Instant::now(),
        identity,
        admin: false,
        architect: None,
        node,
        profiles: None,
        users: Listed::default(),
        groups: Arc::default(),
        unreadable_groups: 0,
    };
    let Some(users) = permitted(api.users(settings, keep).await)? else {
        return Ok(sweep);
    };
    let groups = api.groups().await?;
    sweep.admin = true;
    sweep.profiles = optional(api.licensed_profiles().await)?.flatten().map(Arc::new);
    sweep.users = users;
    sweep.unreadable_groups = groups.unreadable;
    let groups = groups.items.into_iter();
    sweep.groups = Arc::new(groups.map(|group| (group.name.clone(), Arc::new(group))).collect());
    Ok(sweep)
}
