//! Reads a whole node: both products have the same API for users, groups and the node itself.

use std::{sync::Arc, time::Instant};

use super::{Census, NodeLists};
use crate::{
    crd::inventory::DeclaredCounts,
    dataiku::{
        dip::{
            DipProduct, Node,
            groups::GroupRecord,
            instance::{AuthInfo, InstanceDetails},
            users::UserRecord,
        },
        listed::Listed,
    },
    engine::{
        error::Error,
        remote_error::{optional, permitted},
    },
};

/// What one sweep of a node showed.
pub struct Sweep {
    /// Its beginning: a later read of a single object is newer than the lists.
    pub began: Instant,
    /// Whom the node takes the operator for.
    pub identity: AuthInfo,
    /// The node; `None` where it does not show itself to these credentials.
    pub node: Option<InstanceDetails>,
    /// Whether the key has the admin right.
    pub admin: bool,
    /// Login of the user whose own key the connection uses; `None`: it uses another key.
    pub own_user: Option<String>,
    /// What the product has beside users and groups.
    pub own: Own,
    /// User profiles in the licence; `None` where the node does not show them.
    pub profiles: Option<Arc<Vec<String>>>,
    /// All users; none without the admin right.
    pub users: Listed<Arc<UserRecord>>,
    /// All groups; none without the admin right.
    pub groups: Listed<Arc<GroupRecord>>,
    /// What the status shows beside them; `None` without the admin right.
    pub census: Option<Arc<Census>>,
    /// Counts of what only Govern has.
    pub declared: DeclaredParts,
}

/// Counts of what only Govern has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredParts {
    /// Roles.
    pub roles: Option<DeclaredCounts>,
    /// Rules of role assignments.
    pub assignments: Option<DeclaredCounts>,
}

/// What a product has beside users and groups, as far as a connection judges it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Whether the key has the architect right; `None` where the product has no such right.
    pub architect: Option<bool>,
    /// Whether the node behaves like the product; `None` where nothing tells.
    pub fits: Option<bool>,
}

impl Sweep {
    /// Reads who the operator is and what the node is. Two calls.
    pub(super) async fn begin<P: DipProduct>(api: &Node<P>) -> Result<Self, Error> {
        let identity = api.auth_info().await?;
        let node = optional(api.instance_info().await)?;
        Ok(Self {
            began: Instant::now(),
            identity,
            node,
            admin: false,
            own_user: None,
            own: Own::default(),
            profiles: None,
            users: Listed::default(),
            groups: Listed::default(),
            census: None,
            declared: DeclaredParts::default(),
        })
    }

    /// Reads users, groups and the licence: at most three calls, whatever the number of objects. `details`: users with
    /// their properties. A key without the admin right is no error; see `admin`.
    pub(super) async fn read<P: DipProduct>(
        &mut self,
        api: &Node<P>,
        lists: &NodeLists,
        details: bool,
    ) -> Result<(), Error> {
        self.began = Instant::now();
        let Some(users) = permitted(api.users(details, |user| lists.users.held(user)).await)? else {
            return Ok(());
        };
        let groups = api.groups().await?;
        self.admin = true;
        self.profiles = optional(api.licensed_profiles().await)?.flatten().map(Arc::new);
        self.users = users;
        self.groups = groups.map(|group| lists.groups.held(group));
        lists.replace(self);
        Ok(())
    }

    /// Type of the node, such as `DESIGN` or `GOVERN`.
    pub fn node_type(&self) -> Option<&str> {
        self.node.as_ref()?.node_type.as_deref()
    }
}
