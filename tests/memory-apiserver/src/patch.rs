//! The three ways to patch an object.

use json_patch::PatchOperation;
use serde_json::Value;

use crate::rejection::Rejection;

/// What the body of a patch means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchType {
    Merge,
    Json,
    Apply,
}

impl PatchType {
    pub(crate) fn of(content_type: &str) -> Result<Self, Rejection> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/json-patch+json" => Ok(Self::Json),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            _ => Err(Rejection::unsupported_media_type()),
        }
    }
}

/// The object after a merge patch.
pub(crate) fn merged(current: &Value, patch: &Value) -> Value {
    let mut patched = current.clone();
    json_patch::merge(&mut patched, patch);
    patched
}

/// The object after a JSON patch, of which nothing is applied where one operation fails.
pub(crate) fn patched(current: &Value, patch: Value) -> Result<Value, Rejection> {
    let operations: Vec<PatchOperation> = serde_json::from_value(patch)
        .map_err(|error| Rejection::bad_request(format!("error decoding patch: {error}")))?;
    let mut patched = current.clone();
    for operation in operations {
        if is_test_for_absence(&operation, &patched) {
            continue;
        }
        json_patch::patch(&mut patched, &[operation]).map_err(|_| Rejection::unprocessable())?;
    }
    Ok(patched)
}

/// An apiserver takes a test for `null` to mean "or absent"; the crate does not.
fn is_test_for_absence(operation: &PatchOperation, object: &Value) -> bool {
    match operation {
        PatchOperation::Test(test) => test.value.is_null() && object.pointer(test.path.as_str()).is_none(),
        _ => false,
    }
}
