//! What a `DssUser` has beside the fields of every user: preferences, secrets and credentials.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One key of a Secret in the namespace of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretValueRef {
    /// Name of the Secret, in the namespace of this object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in the Secret's data, such as `password`. Required: it has no default.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// A secret of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserSecret {
    /// Name by which recipes and notebooks read it.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// Where the value is.
    pub value_secret_ref: SecretValueRef,
}

/// A user name and a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BasicCredential {
    /// User name on the other system.
    #[schemars(length(min = 1, max = 255))]
    pub username: String,
    /// Where the password is.
    pub password_secret_ref: SecretValueRef,
}

/// A refresh token of OAuth 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuth2Credential {
    /// Where the refresh token is.
    pub refresh_token_secret_ref: SecretValueRef,
}

/// The user's credential for a connection that asks each user for one.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.basic) != has(self.oauth2)").message("set exactly one of basic and oauth2"))]
#[serde(rename_all = "camelCase")]
pub struct ConnectionCredential {
    /// Name of the connection. The node does not check that it exists.
    #[schemars(length(min = 1, max = 100))]
    pub connection: String,
    /// User name and password. Exactly one of `basic` and `oauth2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<BasicCredential>,
    /// Refresh token of OAuth 2. Exactly one of `basic` and `oauth2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuth2Credential>,
}

/// The user's credential for a preset of a plugin that asks each user for one.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.basic) != has(self.oauth2)").message("set exactly one of basic and oauth2"))]
#[serde(rename_all = "camelCase")]
pub struct PluginCredential {
    /// Id of the plugin. The node does not check that the preset exists.
    #[schemars(length(min = 1, max = 100))]
    pub plugin: String,
    /// Id of the parameter set.
    #[schemars(length(min = 1, max = 100))]
    pub parameter_set: String,
    /// Id of the preset.
    #[schemars(length(min = 1, max = 100))]
    pub preset: String,
    /// Name of the parameter.
    #[schemars(length(min = 1, max = 100))]
    pub parameter: String,
    /// User name and password. Exactly one of `basic` and `oauth2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<BasicCredential>,
    /// Refresh token of OAuth 2. Exactly one of `basic` and `oauth2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuth2Credential>,
}

/// No schema can say "a boolean or a text", so what else is given is refused by the operator.
fn preferences(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 50,
        "additionalProperties": { "x-kubernetes-preserve-unknown-fields": true },
    })
}

/// Preferences, secrets and credentials of a user.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonalSpec {
    /// Preferences by Dataiku's own names: `true`, `false`, or a text such as `uiLanguage: en`. Only the declared ones
    /// are managed. One that is later removed from the map keeps its value. Unset: none is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "preferences")]
    pub preferences: Option<BTreeMap<String, Value>>,
    /// Secrets of the user, each with a value from a Secret in the namespace of this object. The operator sets a value
    /// once, and again when the Secret changes or somebody removes it from the user. While a Secret is missing, only its
    /// value waits. A secret that is later removed from the list is removed from the user; others are left alone. Unset:
    /// none is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub secrets: Option<Vec<UserSecret>>,
    /// Credentials of the user for connections that ask each user for one. Set, repaired and removed like `secrets`.
    /// Unset: none is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["connection"]))]
    pub connection_credentials: Option<Vec<ConnectionCredential>>,
    /// Credentials of the user for presets of plugins that ask each user for one. Set, repaired and removed like
    /// `secrets`. Unset: none is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["plugin", "parameterSet", "preset", "parameter"]
    ))]
    pub plugin_credentials: Option<Vec<PluginCredential>>,
}

impl PersonalSpec {
    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
