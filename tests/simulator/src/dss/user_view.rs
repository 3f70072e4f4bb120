//! The user document as somebody sees it: what is stored, plus defaults and computed members.
//!
//! It is written member by member from references, because a list of tens of thousands of users must not be built as
//! a tree first.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::{flavour, opaque, user};
use crate::world::World;

/// Members of the short form, in its order.
const LISTED: [&str; 12] = [
    "login",
    "sourceType",
    "displayName",
    "email",
    "groups",
    "userProfile",
    "resultingUserProfile",
    "enabled",
    "creationDate",
    "codeAllowed",
    "objectImgHash",
    "activeWebSocketSesssions",
];

/// Members that only the whole document has, in its order.
const ONLY_WHOLE: [&str; 6] = [
    "userProperties",
    "adminProperties",
    "secrets",
    "credentials",
    "preferences",
    "trialStatus",
];

/// What a member is when nothing is stored.
static DEFAULTS: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "enabled": true,
        "codeAllowed": true,
        "groups": [],
        "secrets": [],
        "userProperties": {},
        "adminProperties": {},
        "credentials": {},
        "objectImgHash": 0,
        "activeWebSocketSesssions": 0,
        "preferences": {"uiLanguage": "en", "mentionEmails": true},
        "trialStatus": {"exists": false, "expired": false, "valid": false, "expiresOn": 0, "grantedOn": 0},
    })
});

/// How much of a document is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// An element of the list.
    Listed,
    /// The document of an admin.
    Whole,
    /// The control port: secrets and the password in the clear.
    Clear,
}

/// A stored document in the eyes of somebody.
pub(super) struct Shown<'a> {
    /// Where the licence and the switches are.
    pub world: &'a World,
    /// The stored document.
    pub stored: &'a Map<String, Value>,
    /// How much is shown.
    pub view: View,
}

/// The same as a tree, to be changed or asked.
pub(super) fn tree(world: &World, stored: &Map<String, Value>, view: View) -> Map<String, Value> {
    match serde_json::to_value(Shown { world, stored, view }) {
        Ok(Value::Object(shown)) => shown,
        _ => Map::new(),
    }
}

impl Shown<'_> {
    fn member(&self, name: &str) -> Cow<'_, Value> {
        match (self.stored.get(name), name) {
            (Some(value), "secrets" | "credentials") if self.view == View::Whole => {
                opaque::veiled(self.world, name, value)
            }
            (Some(value), _) => Cow::Borrowed(value),
            (None, "resultingUserProfile") => Cow::Owned(user::resulting_profile(self.world, self.stored)),
            (None, _) => Cow::Borrowed(&DEFAULTS[name]),
        }
    }

    /// Whether a known member is shown.
    fn has(&self, name: &str) -> bool {
        match self.view {
            View::Listed => flavour::lists_member(self.world, name),
            View::Whole | View::Clear => flavour::has_member(self.world, name),
        }
    }

    /// Whether a stored member is shown behind the known ones.
    fn is_further(&self, name: &str) -> bool {
        let known = LISTED.contains(&name) || ONLY_WHOLE.contains(&name);
        !known && (name != "password" || self.view == View::Clear)
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for name in LISTED.into_iter().filter(|name| self.has(name)) {
            map.serialize_entry(name, &*self.member(name))?;
        }
        if self.view != View::Listed {
            for name in ONLY_WHOLE.into_iter().filter(|name| self.has(name)) {
                map.serialize_entry(name, &*self.member(name))?;
            }
            for (name, value) in self.stored.iter().filter(|(name, _)| self.is_further(name)) {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}
