//! Secrets as an admin reads them: a text that means nothing to a client and that the server understands when it
//! comes back. It looks like the product's encrypted form and hides nothing from a reader of this file.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::world::World;

const PREFIX: &str = "e:AES:";

/// The members of a credential that are secret.
const SECRET_MEMBERS: [&str; 4] = ["password", "refreshToken", "accessToken", "clientSecret"];

/// The member `secrets` or `credentials` of a user with opaque texts for values.
pub(super) fn veiled<'a>(world: &World, name: &str, value: &'a Value) -> Cow<'a, Value> {
    if !world.switches.is("A14", "opaque") {
        return Cow::Borrowed(value);
    }
    let mut value = value.clone();
    each_secret(name, &mut value, &|text| Some(veil(text)));
    Cow::Owned(value)
}

/// Replaces opaque texts that came back by what they stand for.
pub(super) fn unveil_all(document: &mut Map<String, Value>) {
    for name in ["secrets", "credentials"] {
        if let Some(value) = document.get_mut(name) {
            each_secret(name, value, &unveil);
        }
    }
}

fn each_secret(name: &str, value: &mut Value, change: &dyn Fn(&str) -> Option<String>) {
    let apply = |secret: &mut Value| {
        if let Some(changed) = secret.as_str().and_then(change) {
            *secret = Value::String(changed);
        }
    };
    match value {
        Value::Array(secrets) if name == "secrets" => {
            secrets
                .iter_mut()
                .filter_map(|secret| secret.get_mut("value"))
                .for_each(apply);
        }
        Value::Object(credentials) => {
            for credential in credentials.values_mut().filter_map(Value::as_object_mut) {
                let secret = credential
                    .iter_mut()
                    .filter(|(member, _)| SECRET_MEMBERS.contains(&member.as_str()));
                secret.map(|(_, value)| value).for_each(apply);
            }
        }
        _ => {}
    }
}

pub(super) fn veil(clear: &str) -> String {
    let sum = sum(clear.as_bytes());
    let mixed: Vec<u8> = sum
        .to_be_bytes()
        .into_iter()
        .chain(mixed(clear.as_bytes(), sum))
        .collect();
    format!("{PREFIX}{}", STANDARD.encode(mixed))
}

pub(super) fn unveil(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
    let (head, body) = bytes.split_first_chunk::<4>()?;
    let expected = u32::from_be_bytes(*head);
    let clear = mixed(body, expected);
    (sum(&clear) == expected).then(|| String::from_utf8(clear).ok())?
}

fn mixed(bytes: &[u8], key: u32) -> Vec<u8> {
    let mut state = key | 1;
    let next = |byte: &u8| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        byte ^ state.to_be_bytes()[0]
    };
    bytes.iter().map(next).collect()
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(2_166_136_261, |sum, byte| {
        (sum ^ u32::from(*byte)).wrapping_mul(16_777_619)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opaque_text_comes_back_as_what_it_stands_for() {
        for clear in ["", "s3cret", "pässwörd", "e:AES:nested"] {
            let text = veil(clear);
            assert!(text.starts_with(PREFIX));
            assert!(clear.is_empty() || !text.contains(clear));
            assert_eq!(unveil(&text).as_deref(), Some(clear));
        }
    }

    #[test]
    fn a_text_that_is_not_ours_stays_as_it_is() {
        assert_eq!(unveil("plain"), None);
        assert_eq!(unveil("e:AES:AAAAAAAAAAAA"), None);
    }
}
