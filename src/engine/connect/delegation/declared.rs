//! What an object declares, as far as a delegation says something about it.

use std::collections::BTreeSet;

use crate::crd::status::Origin;

/// How a kind may be delegated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delegable {
    /// Its objects are remote objects of their own that give no privilege by themselves: any allowed namespace may declare
    /// them.
    Freely,
    /// Its objects give a right to something that others made: a delegation is needed, and one without `kinds` suffices.
    ByDefault,
    /// It is privileged as a whole: a delegation has to name it in `kinds`.
    #[default]
    ByName,
}

/// What an object declares. The default is a kind that is privileged as a whole and about which nothing else is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// How the kind may be delegated.
    pub delegable: Delegable,
    /// Login or email of the remote user that the object stands for.
    pub user: Option<String>,
    /// Name of the remote group that the object stands for.
    pub group: Option<String>,
    /// Logins or emails of other users whom the object changes: members of its group.
    pub users: Vec<String>,
    /// Groups that the object joins: memberships of its user, groups of its key.
    pub joins: Vec<String>,
    /// Users and groups that the object only names: those who get a role.
    pub named: Named,
    /// Users whose rights a holder of the object gets: whoever has their key may act as them.
    pub acts_as: Vec<String>,
    /// Whether the object puts people into its own group, by a directory mapping or a list of members.
    pub fills_group: bool,
    /// Ids of roles that it gives.
    pub roles: Vec<String>,
    /// Ids of blueprints that it concerns.
    pub blueprints: Vec<String>,
    /// Nodes that it gives access to; `*` stands for nodes that are not named.
    pub nodes: Vec<String>,
    /// User profile.
    pub profile: Option<String>,
    /// Source type.
    pub source_type: Option<String>,
    /// Permission flags that it sets to true; one below another is `parent/child`.
    pub flags: BTreeSet<String>,
    /// What it gives that is privileged on every remote side, by the name that a delegation uses.
    pub privileges: BTreeSet<String>,
    /// What it does to users or groups that it does not name.
    pub unnamed: Unnamed,
    /// Whether it shows what it did not create, such as who may do what.
    pub views: bool,
    /// Whether it removes entries of others from a document that many share.
    pub overrides: bool,
}

/// Names that an object refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Logins.
    pub users: Vec<String>,
    /// Groups.
    pub groups: Vec<String>,
}

/// What an object does to users or groups that it does not name, as it goes on after "let namespace x"; `None`: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unnamed {
    /// To users, such as `resync all users`.
    pub users: Option<&'static str>,
    /// To groups.
    pub groups: Option<&'static str>,
}

/// All that is judged of one object.
#[allow(clippy::struct_excessive_bools, reason = "independent facts about one object")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Its kind.
    pub kind: &'static str,
    /// What it declares.
    pub declared: Declared,
    /// Whether it only observes.
    pub observes: bool,
    /// Whether it takes over a remote object that it finds.
    pub adopts: bool,
    /// Whether the remote object is deleted with it.
    pub deletes: bool,
    /// Whether it owns entries of a document, and no remote object.
    pub entries: bool,
    /// How its remote object came to be managed, by its record.
    pub origin: Option<Origin>,
}

impl Statement {
    /// Whether the remote object is, or may become, one that somebody else created.
    pub(super) fn takes_over(&self) -> bool {
        let adopted = self.origin == Some(Origin::Adopted) || (self.adopts && self.origin.is_none());
        !self.entries && adopted
    }
}
