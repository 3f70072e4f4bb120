//! Where Govern, which is built of the same server, differs from DSS in what both serve.

use super::groups::PERMISSIONS;
use crate::config::Product;
use crate::world::World;

/// Members of a user that only DSS knows.
const ONLY_DSS: [&str; 7] = [
    "codeAllowed",
    "objectImgHash",
    "activeWebSocketSesssions",
    "secrets",
    "credentials",
    "preferences",
    "trialStatus",
];

/// Members of a user in Govern's list, as far as the guide shows them.
const SHOWN_BY_THE_GUIDE: [&str; 4] = ["login", "sourceType", "displayName", "groups"];

const ARCHITECT: &str = "isGovernArchitect";
const ARCHITECT_BEFORE_15: &str = "mayManageGovern";

/// Whether a user of this product has a member.
pub(super) fn has_member(world: &World, name: &str) -> bool {
    world.product != Product::Govern || !ONLY_DSS.contains(&name)
}

/// Whether a member is in an element of the list of users.
pub(super) fn lists_member(world: &World, name: &str) -> bool {
    let short = world.product == Product::Govern && world.switches.is("userList", "guide");
    has_member(world, name) && (!short || SHOWN_BY_THE_GUIDE.contains(&name))
}

/// The global permissions, which groups, keys and the authorization matrix share.
pub(crate) fn permissions(world: &World) -> &'static [&'static str] {
    match world.product {
        Product::Govern if world.switches.since(15, 0) => &[ARCHITECT],
        Product::Govern => &[ARCHITECT_BEFORE_15],
        _ => &PERMISSIONS,
    }
}

/// Whether a permission is of the other product or of another release, so that the server drops it.
pub(super) fn is_foreign_permission(world: &World, name: &str) -> bool {
    let of_govern = [ARCHITECT, ARCHITECT_BEFORE_15].contains(&name);
    (of_govern || PERMISSIONS.contains(&name)) && !permissions(world).contains(&name)
}
