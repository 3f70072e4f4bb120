//! Secrets as an admin reads them: a text that means nothing to a client and that the server understands when it
//! comes back. It looks like the product's encrypted form and hides nothing from a reader of this file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::world::World;

const PREFIX: &str = "e:AES:";

/// The members of a credential that are secret.
const SECRET_MEMBERS: [&str; 4] = ["password", "refreshToken", "accessToken", "clientSecret"];

/// Replaces the secret values of a user document by opaque texts.
pub(super) fn veil(world: &World, document: &mut Map<String, Value>) {
    if world.switches.is("A14", "opaque") {
        each_secret(document, |text| Some(veiled(text)));
    }
}

/// Replaces opaque texts that came back by what they stand for.
pub(super) fn unveil(document: &mut Map<String, Value>) {
    each_secret(document, unveiled);
}

fn each_secret(document: &mut Map<String, Value>, change: impl Fn(&str) -> Option<String>) {
    let apply = |value: &mut Value| {
        if let Some(changed) = value.as_str().and_then(&change) {
            *value = Value::String(changed);
        }
    };
    for secret in document
        .get_mut("secrets")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        secret.get_mut("value").map(apply);
    }
    for credential in document
        .get_mut("credentials")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        for member in SECRET_MEMBERS {
            credential.1.get_mut(member).map(apply);
        }
    }
}

fn veiled(clear: &str) -> String {
    let sum = sum(clear.as_bytes());
    let mixed: Vec<u8> = sum
        .to_be_bytes()
        .into_iter()
        .chain(mixed(clear.as_bytes(), sum))
        .collect();
    format!("{PREFIX}{}", STANDARD.encode(mixed))
}

fn unveiled(text: &str) -> Option<String> {
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
            let text = veiled(clear);
            assert!(text.starts_with(PREFIX));
            assert!(clear.is_empty() || !text.contains(clear));
            assert_eq!(unveiled(&text).as_deref(), Some(clear));
        }
    }

    #[test]
    fn a_text_that_is_not_ours_stays_as_it_is() {
        assert_eq!(unveiled("plain"), None);
        assert_eq!(unveiled("e:AES:AAAAAAAAAAAA"), None);
    }
}
