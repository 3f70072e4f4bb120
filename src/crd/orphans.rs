//! What a connection shows of remote objects that no object manages any more.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Remote objects and entries that the operator set and that no object manages any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orphans {
    /// How many there are.
    pub total: i64,
    /// Of those that an object left behind, how many `sample` does not list. Absent: none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlisted: i64,
    /// At most 200 of them. An entry disappears once a read at the drift interval shows that the remote object is gone, or
    /// once an object declares it again. To remove one, declare it again and delete that object with
    /// `deletionPolicy: Delete`, or remove it in Dataiku.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample: Vec<Orphan>,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// Kind of the object that set it.
    pub kind: String,
    /// Namespace of that object.
    pub namespace: String,
    /// Name of that object.
    pub name: String,
    /// Key on the remote side: login, name, email.
    pub key: String,
    /// Id that the remote side gave to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why it was left. The object was deleted and `Retained` it (`deletionPolicy: Retain`), only `Observed` it
    /// (`managementPolicy: Observe`), was `ForceReleased` by annotation, was released since `CredentialsMissing` or because the
    /// removal was `Guarded` or `NotAllowed`, or was `Undecodable`. `Undelegated`: the object exists, but the connection does
    /// not allow it any more.
    pub reason: String,
    /// When it was left. Absent for `Undelegated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}
