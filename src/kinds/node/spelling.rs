//! Nodes that store a login or a name in another spelling than the declared one, such as in lower case.

use crate::{
    dataiku::{error::ApiError, listed::Listed},
    engine::{Error, Reason},
};

/// The key under which a node stored an object that was just created, where that is another spelling of `key`. `before`:
/// keys that it had before. A failure of these reads is no failure of the create, so it shows as `None`.
pub(super) async fn stored_as<T>(
    key: &str,
    before: &[String],
    declared: impl Future<Output = Result<Option<T>, ApiError>>,
    listed: impl Future<Output = Result<Listed<String>, ApiError>>,
) -> Option<String> {
    if !may_change(key) || !matches!(declared.await, Ok(None)) {
        return None;
    }
    let listed = listed.await.ok()?.items.into_iter();
    sole(listed.filter(|found| is_variant(found, key) && !before.contains(found)))
}

/// Whether a node may store this key in another spelling. A lower-case key is stored as it is.
pub(super) fn may_change(key: &str) -> bool {
    key.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether `found` is another spelling of `key`.
pub(super) fn is_variant(found: &str, key: &str) -> bool {
    found != key && found.eq_ignore_ascii_case(key)
}

/// The only element, if there is exactly one.
pub(super) fn sole<T>(mut found: impl Iterator<Item = T>) -> Option<T> {
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

/// Whether the node stored the key as declared. `field` is the field of the spec.
///
/// # Errors
/// It stored another spelling. Another create would be refused, or create the object twice.
pub(super) fn check(field: &str, declared: &str, stored: &str) -> Result<(), Error> {
    if declared == stored {
        return Ok(());
    }
    let message = format!(
        "the node stored the {field} {declared} as {stored}: delete this object and declare {field} {stored} instead"
    );
    Err(Error::Blocked(Reason::AcceptedButNotStored, message))
}
