//! Secret values in the user documents that are sent.

use secrecy::SecretString;
use serde_json::Value;

use crate::dataiku::document::Document;

/// Values in a user document that an error message must not quote: the password, and the values of secrets and
/// credentials, which are in clear text where we set them.
pub(super) fn secret_values(document: &Document) -> Vec<SecretString> {
    let members = ["password", "secrets", "credentials"].map(|key| document.get::<Value>(key).ok().flatten());
    let mut values = Vec::new();
    for member in members.into_iter().flatten() {
        collect(member, &mut values);
    }
    values
}

/// All texts except those under keys that hold no secret. Takes the value, so that no copy of a text stays behind.
fn collect(value: Value, values: &mut Vec<SecretString>) {
    match value {
        Value::String(text) => values.push(text.into()),
        Value::Array(items) => items.into_iter().for_each(|item| collect(item, values)),
        Value::Object(members) => {
            let secret = members
                .into_iter()
                .filter(|(key, _)| !matches!(key.as_str(), "name" | "type" | "user"));
            secret.for_each(|(_, value)| collect(value, values));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::secret_values;

    #[test]
    fn secret_values_of_a_user_are_found_and_names_are_not_taken_for_them() {
        let document = r#"{"login":"jdoe","password":"pw1",
            "secrets":[{"name":"s1","value":"v1","secret":true}],
            "credentials":{"conn1":{"type":"BASIC","user":"u","password":"pw2"},
                "conn2":{"type":"OAUTH_REFRESH_TOKEN","refreshToken":"t1"}}}"#;
        let document = serde_json::from_str(document).unwrap();
        let values = secret_values(&document);
        let values: Vec<_> = values.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(values, ["pw1", "v1", "pw2", "t1"]);
    }
}
