//! Preferences, secrets and credentials of a user (contract sheet 2.4).

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    crd::personal::{BasicCredential, OAuth2Credential, PersonalSpec, SecretValueRef},
    dataiku::dip::{
        credentials::{
            CREDENTIALS, Credential, SECRETS, preset_key, remove_credential, remove_secret, same_key, set_credential,
            set_secret,
        },
        users::{Preferences, UserRecord},
    },
    engine::{
        Error, SecretUse, Secrets,
        keep::fields::{FieldEdit, Fields, Sealed},
    },
};

/// Lists of the record.
pub(super) const LISTS: [&str; 2] = [SECRETS, CREDENTIALS];
const PREFERENCES: &str = "preferences";
/// Longest text of a preference.
const LONGEST: usize = 256;

/// A declared credential.
struct Declared<'a> {
    /// Key in the user document.
    key: String,
    /// For people, and the slot.
    place: String,
    form: Credential,
    value: &'a SecretValueRef,
}

impl<'a> Declared<'a> {
    fn new(
        key: String,
        place: String,
        basic: Option<&'a BasicCredential>,
        oauth2: Option<&'a OAuth2Credential>,
    ) -> Option<Self> {
        let (form, value) = match (basic, oauth2) {
            (Some(basic), _) => {
                let user = basic.username.clone();
                (Credential::Basic { user }, &basic.password_secret_ref)
            }
            (None, Some(oauth2)) => (Credential::OAuth2, &oauth2.refresh_token_secret_ref),
            (None, None) => return None,
        };
        Some(Self {
            key,
            place,
            form,
            value,
        })
    }
}

fn credentials(spec: &PersonalSpec) -> impl Iterator<Item = Declared<'_>> {
    let connections = spec.connection_credentials.iter().flatten().filter_map(|one| {
        let place = format!("connection {}", one.connection);
        Declared::new(one.connection.clone(), place, one.basic.as_ref(), one.oauth2.as_ref())
    });
    let presets = spec.plugin_credentials.iter().flatten().filter_map(|one| {
        let parts = [&*one.plugin, &*one.parameter_set, &*one.preset, &*one.parameter];
        let place = format!("plugin {}", parts.join("/"));
        Declared::new(preset_key(parts), place, one.basic.as_ref(), one.oauth2.as_ref())
    });
    connections.chain(presets)
}

fn secret_slot(name: &str) -> String {
    format!("secret {name}")
}

/// The values, each in a slot of its own.
pub(super) fn uses(spec: &PersonalSpec) -> Vec<SecretUse> {
    let secrets = spec.secrets.iter().flatten().map(|secret| {
        let value = &secret.value_secret_ref;
        SecretUse {
            multiline: true,
            ..SecretUse::new(secret_slot(&secret.name), &value.name, &value.key)
        }
    });
    let credentials = credentials(spec).map(|one| SecretUse::new(one.place, &one.value.name, &one.value.key));
    secrets.chain(credentials).collect()
}

/// Bytes of the spec, about.
pub(super) fn size(spec: &PersonalSpec) -> usize {
    let uses = uses(spec).into_iter();
    let uses = uses.map(|one| 2 * one.slot.len() + one.name.len() + one.key.len() + 255);
    uses.sum()
}

/// Adds the fields. `secrets` are the values in the slots of [`uses`].
pub(super) fn fields<'a>(
    fields: Fields<'a>,
    spec: &PersonalSpec,
    secrets: &Secrets,
    user: &'a UserRecord,
) -> Result<Fields<'a>, Error> {
    let fields = preferences(fields, spec.preferences.as_ref(), user)?;
    let fields = user_secrets(fields, spec, secrets, user);
    Ok(user_credentials(fields, spec, secrets, user))
}

fn preferences<'a>(
    mut fields: Fields<'a>,
    declared: Option<&BTreeMap<String, Value>>,
    user: &'a UserRecord,
) -> Result<Fields<'a>, Error> {
    let Some(declared) = declared.filter(|declared| !declared.is_empty()) else {
        return Ok(fields);
    };
    for (name, value) in declared {
        let fits = value.is_boolean() || value.as_str().is_some_and(|text| text.len() <= LONGEST);
        if !fits || name.is_empty() || name.len() > LONGEST {
            return Err(Error::invalid(format!(
                "preference {name} is neither true, false nor a text of at most {LONGEST} bytes"
            )));
        }
    }
    if user.unreadable.contains(PREFERENCES) {
        fields.cannot_merge(PREFERENCES);
        return Ok(fields);
    }
    let found = user.preferences.as_ref().map(Preferences::read);
    for (name, value) in declared {
        let current = found.as_ref().map(|found| found.get(name));
        let differs = current.flatten() != Some(value);
        let edit = differs.then(|| {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let path = vec![PREFERENCES.to_owned(), name.clone()];
            FieldEdit::at(format!("set preference {name} to {shown}"), path, Some(value.clone()))
        });
        fields = fields.custom(current.map(|current| format!("{current:?}")), edit);
    }
    Ok(fields)
}

fn user_secrets<'a>(
    mut fields: Fields<'a>,
    spec: &PersonalSpec,
    secrets: &Secrets,
    user: &'a UserRecord,
) -> Fields<'a> {
    let declared = spec.secrets.as_deref().unwrap_or_default();
    if user.unreadable.contains(SECRETS) {
        if !declared.is_empty() || fields.records(SECRETS) {
            fields.cannot_merge(SECRETS);
        }
        return fields;
    }
    let there = |name: &str| {
        let found = user.secrets.as_ref()?;
        Some(found.iter().any(|found| found == name))
    };
    for secret in declared {
        let name = secret.name.clone();
        let entry = Sealed {
            list: SECRETS,
            name: name.clone(),
            step: format!("set secret {name}"),
            slot: secret_slot(&name),
            there: there(&name),
            put: Arc::new(move |document, value| set_secret(document, &name, value)),
        };
        fields = fields.sealed(entry, secrets);
    }
    let is_declared = |name: &str| declared.iter().any(|secret| secret.name == name);
    fields.unsealed(SECRETS, "secret", is_declared, there, remove_secret)
}

fn user_credentials<'a>(
    mut fields: Fields<'a>,
    spec: &PersonalSpec,
    secrets: &Secrets,
    user: &'a UserRecord,
) -> Fields<'a> {
    let declared: Vec<Declared<'_>> = credentials(spec).collect();
    if user.unreadable.contains(CREDENTIALS) {
        if !declared.is_empty() || fields.records(CREDENTIALS) {
            fields.cannot_merge(CREDENTIALS);
        }
        return fields;
    }
    let found = |key: &str| {
        let all = user.credentials.as_ref()?;
        Some(
            all.iter()
                .find(|(stored, _)| same_key(stored, key))
                .map(|(_, found)| found),
        )
    };
    for one in &declared {
        let (key, form) = (one.key.clone(), one.form.clone());
        let there = found(&key).map(|found| found.is_some_and(|found| found.is(&form)));
        let entry = Sealed {
            list: CREDENTIALS,
            name: key.clone(),
            step: format!("set {} credential for {}", form.type_name(), one.place),
            slot: one.place.clone(),
            there,
            put: Arc::new(move |document, value| set_credential(document, &key, &form, value)),
        };
        fields = fields.sealed(entry, secrets);
    }
    let is_declared = |key: &str| declared.iter().any(|one| one.key == key);
    let there = |key: &str| found(key).map(|found| found.is_some());
    fields.unsealed(CREDENTIALS, "credential", is_declared, there, remove_credential)
}
