//! Keyed hashes of secret values, to tell a changed value without keeping it.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

use super::Error;

/// Name of the Secret, in the operator's own namespace, that holds the key.
pub const KEY_SECRET: &str = "dataiku-operator-fingerprint-key";
const KEY: &str = "key";
const SEPARATOR: char = ':';
/// Characters of the key's name: enough to tell keys apart, and nothing of the key.
const KEY_NAME: usize = 8;
/// As long as the output of the hash: longer adds nothing, shorter takes away.
const KEY_BYTES: usize = 32;

/// Makes keyed hashes. A plain hash of a password in a status could be guessed at; this cannot without the key.
pub struct Fingerprints {
    key: SecretSlice<u8>,
}

impl Fingerprints {
    /// With this key.
    pub fn new(key: Vec<u8>) -> Self {
        Self { key: key.into() }
    }

    /// With the key from the operator's namespace, which is generated on first use. Two replicas that start at once agree,
    /// since the second finds the Secret of the first.
    pub async fn load(client: &Client, namespace: &str) -> Result<Self, Error> {
        let api = Api::<Secret>::namespaced(client.clone(), namespace);
        let found = api
            .get_opt(KEY_SECRET)
            .await
            .map_err(Error::kubernetes("read the fingerprint key"))?;
        let secret = match found {
            Some(secret) => secret,
            None => Self::generate(&api).await?,
        };
        match usable(&secret) {
            Some(key) => Ok(Self::new(key)),
            None => Ok(Self::replace(&api, secret, namespace).await),
        }
    }

    /// Replaces a key that somebody damaged. Nothing is sent for that: the objects report `CredentialsUnverified`. Without the
    /// right to write the Secret, or if another replica was faster, the operator starts all the same: with the key that is
    /// there by now, or with one of its own until the next start.
    async fn replace(api: &Api<Secret>, mut damaged: Secret, namespace: &str) -> Self {
        tracing::error!(
            "Secret {namespace}/{KEY_SECRET} has no usable key {KEY}: the operator replaces it, and objects that set secrets \
             report CredentialsUnverified"
        );
        let key: [u8; KEY_BYTES] = rand::random();
        damaged
            .data
            .get_or_insert_default()
            .insert(KEY.to_owned(), ByteString(key.to_vec()));
        match api.replace(KEY_SECRET, &PostParams::default(), &damaged).await {
            Ok(_) => return Self::new(key.to_vec()),
            Err(error) => tracing::error!(%error, "the fingerprint key could not be replaced"),
        }
        let present = api.get(KEY_SECRET).await.ok();
        Self::new(present.as_ref().and_then(usable).unwrap_or_else(|| key.to_vec()))
    }

    async fn generate(api: &Api<Secret>) -> Result<Secret, Error> {
        let key: [u8; KEY_BYTES] = rand::random();
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(KEY_SECRET.into()),
                ..ObjectMeta::default()
            },
            data: Some([(KEY.to_owned(), ByteString(key.to_vec()))].into()),
            ..Secret::default()
        };
        match api.create(&PostParams::default(), &secret).await {
            Ok(created) => Ok(created),
            Err(kube::Error::Api(status)) if status.is_already_exists() => api
                .get(KEY_SECRET)
                .await
                .map_err(Error::kubernetes("read the fingerprint key")),
            Err(error) => Err(Error::kubernetes("create the fingerprint key")(error)),
        }
    }

    /// Name of the key: tells keys apart and nothing of the key.
    pub fn key_name(&self) -> String {
        self.hash(&["name of the key"])[..KEY_NAME].to_owned()
    }

    /// Hash of a value used by the object of this uid in this place, in hex, after the name of the key. The same value
    /// elsewhere hashes otherwise, so equal passwords cannot be told from the status.
    pub fn of(&self, uid: &str, slot: &str, value: &str) -> String {
        format!("{}{SEPARATOR}{}", self.key_name(), self.hash(&[uid, slot, value]))
    }

    /// Whether this fingerprint was made with the present key.
    pub fn made(&self, print: &str) -> bool {
        name_of(print) == Some(&self.key_name())
    }

    fn hash(&self, parts: &[&str]) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.expose_secret()) else {
            unreachable!("HMAC takes a key of any length")
        };
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Whether the value behind `now` is another one than that behind `recorded`. Hashes made with another key tell nothing:
/// a lost key must not send every password again, over whatever people have set since.
pub fn differs(recorded: Option<&String>, now: &str) -> bool {
    let Some(recorded) = recorded else { return true };
    name_of(recorded) == name_of(now) && recorded != now
}

fn name_of(print: &str) -> Option<&str> {
    print.split_once(SEPARATOR).map(|(name, _)| name)
}

fn usable(secret: &Secret) -> Option<Vec<u8>> {
    let key = secret.data.as_ref()?.get(KEY)?;
    (key.0.len() >= KEY_BYTES).then(|| key.0.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_has_one_fingerprint_in_one_place_and_another_elsewhere() {
        let prints = Fingerprints::new(vec![7; KEY_BYTES]);
        let here = prints.of("uid-1", "password", "s3cret");
        assert_eq!(here, prints.of("uid-1", "password", "s3cret"));
        assert_ne!(here, prints.of("uid-2", "password", "s3cret"));
        assert_ne!(here, prints.of("uid-1", "other", "s3cret"));
        assert_ne!(here, prints.of("uid-1", "password", "s3creT"));
        assert!(prints.made(&here) && !Fingerprints::new(vec![8; KEY_BYTES]).made(&here));
        assert_ne!(
            here,
            Fingerprints::new(vec![8; KEY_BYTES]).of("uid-1", "password", "s3cret")
        );
    }

    #[test]
    fn another_key_is_no_change_of_the_value() {
        let (old, new) = (
            Fingerprints::new(vec![7; KEY_BYTES]),
            Fingerprints::new(vec![8; KEY_BYTES]),
        );
        let recorded = old.of("uid", "password", "s3cret");
        assert!(!differs(Some(&recorded), &old.of("uid", "password", "s3cret")));
        assert!(differs(Some(&recorded), &old.of("uid", "password", "other")));
        assert!(!differs(Some(&recorded), &new.of("uid", "password", "s3cret")));
        assert!(differs(None, &recorded));
    }

    #[test]
    fn moving_a_character_between_the_parts_changes_the_fingerprint() {
        let prints = Fingerprints::new(vec![7; KEY_BYTES]);
        assert_ne!(prints.of("a", "bc", "d"), prints.of("ab", "c", "d"));
    }
}
