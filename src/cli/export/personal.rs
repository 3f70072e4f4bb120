//! What a manifest says of what a user of a DSS node has for itself: preferences, secrets and credentials.

use serde_json::{Map, Value, json};

use super::{
    draw::{Drawn, Wanted, set},
    report::Needed,
};
use crate::{
    cli::names,
    dataiku::dip::{
        credentials::{Credential, CredentialRecord, preset_parts},
        users::{Preferences, UserRecord},
    },
    engine::shared::entries::holds_secret,
};

/// Longest name and longest text of a preference that an object can declare.
const LONGEST: usize = 256;

/// Adds it, as far as it is wanted, and the Secrets that a manifest would need. The node shows no value.
pub(super) fn draw(user: &UserRecord, wanted: &Wanted<'_>, drawn: &mut Drawn) {
    if wanted.preferences {
        preferences(user, drawn);
    }
    let secret = format!("{}-secrets", names::object_name(&user.login));
    let need = |field: &'static str, of: String, key: String| Needed {
        object: String::new(),
        field,
        of,
        secret: secret.clone(),
        key,
    };
    let mut secrets = Vec::new();
    for name in user.secrets.iter().flatten() {
        let needed = need("secrets", name.clone(), names::data_key(name));
        secrets.push(json!({ "name": name, "valueSecretRef": reference(&needed) }));
        drawn.needed.push(needed);
    }
    let (mut connections, mut plugins) = (Vec::new(), Vec::new());
    for (place, found) in user.credentials.iter().flatten() {
        let preset = preset_parts(place);
        let of = preset.as_ref().map_or_else(|| place.clone(), |parts| parts.join("/"));
        // A secret and a credential may have one name.
        let needed = need("credentials", of.clone(), names::data_key(&format!("credential.{of}")));
        match (declared(found, &needed), preset) {
            (Some(mut declared), None) => {
                declared.insert("connection".to_owned(), json!(place));
                connections.push(Value::Object(declared));
            }
            (Some(mut declared), Some([plugin, set, preset, parameter])) => {
                let parts = [
                    ("plugin", plugin),
                    ("parameterSet", set),
                    ("preset", preset),
                    ("parameter", parameter),
                ];
                declared.extend(parts.map(|(field, part)| (field.to_owned(), json!(part))));
                plugins.push(Value::Object(declared));
            }
            (None, _) if wanted.secret_references => {
                let why = format!("the credential for {of}, which is neither a user name with a password nor OAuth 2");
                drawn.omitted.push(why);
            }
            (None, _) => {}
        }
        drawn.needed.push(needed);
    }
    if wanted.secret_references {
        for (field, list) in [
            ("secrets", secrets),
            ("connectionCredentials", connections),
            ("pluginCredentials", plugins),
        ] {
            set(&mut drawn.spec, field, (!list.is_empty()).then_some(list));
        }
    }
}

/// The form of a credential, and where its value is to be.
fn declared(found: &CredentialRecord, needed: &Needed) -> Option<Map<String, Value>> {
    let reference = reference(needed);
    let (field, value) = match found.form()? {
        Credential::Basic { user } => ("basic", json!({ "username": user, "passwordSecretRef": reference })),
        Credential::OAuth2 => ("oauth2", json!({ "refreshTokenSecretRef": reference })),
    };
    Some(Map::from_iter([(field.to_owned(), value)]))
}

fn reference(needed: &Needed) -> Value {
    json!({ "name": needed.secret, "key": needed.key })
}

fn preferences(user: &UserRecord, drawn: &mut Drawn) {
    let found = user.preferences.as_ref().map(Preferences::read).unwrap_or_default();
    let mut declared = Map::new();
    for (name, value) in found.into_iter().filter(|(_, value)| !value.is_null()) {
        let fits = value.is_boolean() || value.as_str().is_some_and(|text| text.len() <= LONGEST);
        if holds_secret(&name, &value) {
            drawn
                .omitted
                .push(format!("preference {name}, which looks like a secret"));
        } else if !fits || name.is_empty() || name.len() > LONGEST {
            let why = if value.is_boolean() || value.is_string() {
                format!("preference {name}, whose name or value is too long")
            } else {
                format!("preference {name}, which is neither true, false nor a text")
            };
            drawn.omitted.push(why);
        } else {
            declared.insert(name, value);
        }
    }
    set(
        &mut drawn.spec,
        "preferences",
        (!declared.is_empty()).then_some(declared),
    );
}
