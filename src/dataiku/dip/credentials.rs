//! Secrets and credentials in the document of a user (contract sheet 2.4).

use std::fmt::Write as _;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::dataiku::document::{Document, DocumentError};

/// Member with the user's secrets.
pub const SECRETS: &str = "secrets";
/// Member with the user's credentials for connections and presets of plugins.
pub const CREDENTIALS: &str = "credentials";

const BASIC: &str = "BASIC";
const OAUTH2: &str = "OAUTH_REFRESH_TOKEN";

/// The form of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A user name; the secret value is the password.
    Basic {
        /// The user name.
        user: String,
    },
    /// The secret value is a refresh token.
    OAuth2,
}

impl Credential {
    /// Dataiku's name of the form.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Basic { .. } => BASIC,
            Self::OAuth2 => OAUTH2,
        }
    }

    fn member(&self) -> &'static str {
        match self {
            Self::Basic { .. } => "password",
            Self::OAuth2 => "refreshToken",
        }
    }
}

/// A credential as a list holds it: everything but its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialRecord {
    type_: Option<String>,
    user: Option<String>,
}

impl CredentialRecord {
    /// Whether it has this form and user name, as far as the node shows them.
    #[must_use]
    pub fn is(&self, credential: &Credential) -> bool {
        let shows = |shown: &Option<String>, wanted: &str| shown.as_deref().is_none_or(|shown| shown == wanted);
        let user = match credential {
            Credential::Basic { user } => shows(&self.user, user),
            Credential::OAuth2 => true,
        };
        user && shows(&self.type_, credential.type_name())
    }

    /// Its form; `None`: the node does not show it, or it is one that nothing here can set.
    #[must_use]
    pub fn form(&self) -> Option<Credential> {
        match self.type_.as_deref()? {
            BASIC => Some(Credential::Basic {
                user: self.user.clone()?,
            }),
            OAUTH2 => Some(Credential::OAuth2),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for CredentialRecord {
    /// A credential of an unexpected shape is one of which nothing is known.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Known {
                #[serde(rename = "type")]
                type_: Option<String>,
                user: Option<String>,
            },
            Odd(IgnoredAny),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Known { type_, user } => Self { type_, user },
            Form::Odd(IgnoredAny) => Self::default(),
        })
    }
}

/// The name of a secret in a list of secrets.
#[derive(Deserialize, Serialize)]
pub(super) struct SecretName {
    pub(super) name: String,
}

/// Key of the credential for a preset of a plugin: plugin, parameter set, preset, parameter. The node compares it byte for
/// byte; it is the text that Python's JSON writes for the list, without the brackets.
#[must_use]
pub fn preset_key(parts: [&str; 4]) -> String {
    let mut key = "\"PLUGIN\"".to_owned();
    for part in parts {
        key.push_str(", \"");
        for letter in part.chars() {
            match letter {
                '"' => key.push_str("\\\""),
                '\\' => key.push_str("\\\\"),
                '\n' => key.push_str("\\n"),
                '\r' => key.push_str("\\r"),
                '\t' => key.push_str("\\t"),
                '\u{8}' => key.push_str("\\b"),
                '\u{c}' => key.push_str("\\f"),
                ' '..='~' => key.push(letter),
                _ => {
                    for unit in letter.encode_utf16(&mut [0; 2]) {
                        // Writing into a text does not fail.
                        _ = write!(key, "\\u{unit:04x}");
                    }
                }
            }
        }
        key.push('"');
    }
    key
}

/// Plugin, parameter set, preset and parameter of a key that [`preset_key`] made, however it is spaced and escaped; `None`: it
/// is the name of a connection.
#[must_use]
pub fn preset_parts(key: &str) -> Option<[String; 4]> {
    let parts: Vec<String> = serde_json::from_str(&format!("[{key}]")).ok()?;
    let [kind, plugin, set, preset, parameter] = <[String; 5]>::try_from(parts).ok()?;
    (kind == "PLUGIN").then_some([plugin, set, preset, parameter])
}

/// Whether two keys name the same credential, however a preset is spaced and escaped.
#[must_use]
pub fn same_key(one: &str, other: &str) -> bool {
    let parts = |key: &str| serde_json::from_str::<Vec<String>>(&format!("[{key}]")).ok();
    one == other || (one.starts_with('"') && parts(one).is_some_and(|parts_of_one| parts(other) == Some(parts_of_one)))
}

/// Sets the value of a secret and leaves all others byte for byte. A new one goes to the end.
///
/// # Errors
/// The secrets have an unexpected shape. Nothing is changed then.
pub fn set_secret(document: &mut Document, name: &str, value: &SecretString) -> Result<(), DocumentError> {
    document.edit_element(
        SECRETS,
        |secret| secret.str("name").as_deref() == Some(name),
        |secret| {
            secret.set("name", name);
            secret.set("value", value.expose_secret());
            if !secret.contains("secret") {
                secret.set("secret", &true);
            }
        },
    )
}

/// Removes a secret.
///
/// # Errors
/// The secrets have an unexpected shape. Nothing is changed then.
pub fn remove_secret(document: &mut Document, name: &str) -> Result<(), DocumentError> {
    let none: &[SecretName] = &[];
    document
        .edit_list(SECRETS, |secret: &SecretName| secret.name != name, none)
        .map(|_| ())
}

/// Sets a credential and leaves all others byte for byte.
///
/// # Errors
/// The credentials have an unexpected shape. Nothing is changed then.
pub fn set_credential(
    document: &mut Document,
    key: &str,
    credential: &Credential,
    value: &SecretString,
) -> Result<(), DocumentError> {
    let mut all = document.nested(CREDENTIALS)?.unwrap_or_default();
    let stored = stored_key(&all, key);
    let found = all.nested(&stored).ok().flatten();
    let same = |found: &Document| found.str("type").as_deref() == Some(credential.type_name());
    let mut entry = found.filter(same).unwrap_or_default();
    entry.set("type", credential.type_name());
    if let Credential::Basic { user } = credential {
        entry.set("user", user);
    }
    entry.set(credential.member(), value.expose_secret());
    all.set(&stored, &entry);
    document.set(CREDENTIALS, &all);
    Ok(())
}

/// Removes a credential.
///
/// # Errors
/// The credentials have an unexpected shape. Nothing is changed then.
pub fn remove_credential(document: &mut Document, key: &str) -> Result<(), DocumentError> {
    let mut all = document.nested(CREDENTIALS)?.unwrap_or_default();
    all.remove(&stored_key(&all, key));
    document.set(CREDENTIALS, &all);
    Ok(())
}

/// The key in the node's own spelling.
fn stored_key(all: &Document, key: &str) -> String {
    let stored = all.keys().find(|stored| same_key(stored, key));
    stored.unwrap_or(key).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn edited(before: &Value, edit: impl FnOnce(&mut Document) -> Result<(), DocumentError>) -> Value {
        let mut document: Document = serde_json::from_str(&before.to_string()).unwrap();
        edit(&mut document).unwrap();
        serde_json::from_str(&serde_json::to_string(&document).unwrap()).unwrap()
    }

    #[test]
    fn the_key_of_a_preset_is_what_python_writes() {
        let key = preset_key(["my\"plugin", "säts\u{7f}", "😀", "a\\b\n"]);
        let expected = r#""PLUGIN", "my\"plugin", "s\u00e4ts\u007f", "\ud83d\ude00", "a\\b\n""#;
        assert_eq!(key, expected);
        assert!(same_key(&key, &key.replace(", ", ",")));
        let parts = preset_parts(&key.replace(", ", ",")).unwrap();
        assert_eq!(parts, ["my\"plugin", "säts\u{7f}", "😀", "a\\b\n"]);
        for connection in ["warehouse", "\"PLUGIN\"", "7", "\"OTHER\", \"a\", \"b\", \"c\", \"d\""] {
            assert_eq!(preset_parts(connection), None, "{connection}");
        }
        assert!(!same_key(&key, &preset_key(["other", "", "", ""])));
        assert!(!same_key("snowflake", "bigquery") && !same_key("\"odd", "\"odd2"));
    }

    #[test]
    fn a_secret_keeps_its_place_and_its_other_members() {
        let before = json!({"secrets": [{"name": "a", "value": "e:1", "secret": true, "note": 7}, {"name": "b", "value": "e:2"}]});
        let set = |name: &'static str| {
            edited(&before, move |document| {
                set_secret(document, name, &"new".to_owned().into())
            })
        };
        assert_eq!(
            set("a")["secrets"],
            json!([{"name": "a", "value": "new", "secret": true, "note": 7}, {"name": "b", "value": "e:2"}])
        );
        assert_eq!(
            set("c")["secrets"][2],
            json!({"name": "c", "value": "new", "secret": true})
        );
        let left = edited(&before, |document| remove_secret(document, "a"));
        assert_eq!(left["secrets"], json!([{"name": "b", "value": "e:2"}]));
        let first = edited(&json!({}), |document| set_secret(document, "a", &"v".to_owned().into()));
        assert_eq!(first["secrets"], json!([{"name": "a", "value": "v", "secret": true}]));
    }

    #[test]
    fn a_credential_of_another_form_is_replaced_and_one_of_the_same_form_is_edited() {
        let before =
            json!({"credentials": {"c": {"type": "BASIC", "user": "old", "password": "e:1", "more": 1}, "d": {}}});
        let set = |credential: Credential| {
            edited(&before, move |document| {
                set_credential(document, "c", &credential, &"new".to_owned().into())
            })
        };
        assert_eq!(
            set(Credential::Basic { user: "u".into() })["credentials"],
            json!({"c": {"type": "BASIC", "user": "u", "password": "new", "more": 1}, "d": {}})
        );
        assert_eq!(
            set(Credential::OAuth2)["credentials"]["c"],
            json!({"type": "OAUTH_REFRESH_TOKEN", "refreshToken": "new"})
        );
        let left = edited(&before, |document| remove_credential(document, "c"));
        assert_eq!(left["credentials"], json!({"d": {}}));
    }

    #[test]
    fn a_preset_in_another_spacing_is_edited_where_it_is() {
        let spaced = preset_key(["p", "s", "m", "x"]).replace(", ", ",");
        let before = json!({"credentials": {(spaced.clone()): {"type": "BASIC", "user": "u", "password": "e:1"}}});
        let key = preset_key(["p", "s", "m", "x"]);
        let after = edited(&before, |document| {
            set_credential(
                document,
                &key,
                &Credential::Basic { user: "u".into() },
                &"n".to_owned().into(),
            )
        });
        assert_eq!(
            after["credentials"],
            json!({(spaced): {"type": "BASIC", "user": "u", "password": "n"}})
        );
    }

    #[test]
    fn what_a_node_does_not_show_of_a_credential_is_no_difference() {
        let record = |value: Value| serde_json::from_value::<CredentialRecord>(value).unwrap();
        let basic = Credential::Basic { user: "u".into() };
        for same in [
            json!({"type": "BASIC", "user": "u"}),
            json!({}),
            json!(7),
            json!({"type": 7}),
        ] {
            assert!(record(same).is(&basic));
        }
        assert!(!record(json!({"type": "BASIC", "user": "v"})).is(&basic));
        assert_eq!(
            record(json!({"type": "BASIC", "user": "u"})).form(),
            Some(basic.clone())
        );
        assert_eq!(record(json!({"type": "BASIC"})).form(), None);
        assert_eq!(record(json!({"type": "OF_TOMORROW", "user": "u"})).form(), None);
        assert!(!record(json!({"type": "BASIC", "user": "u"})).is(&Credential::OAuth2));
    }
}
