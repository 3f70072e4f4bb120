//! Values that an object reads from Secrets and `ConfigMap`s of its namespace, each in a slot of its own.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use kube::Client;
use secrecy::{ExposeSecret, SecretString};

use super::{
    Error,
    fingerprint::{Fingerprints, differs},
    source_read::{Contents, SharedRead},
    sources::{Sources, state_of},
};
use crate::{crd::applied::Applied, dataiku::redact::quotable};

/// Kind of the object that a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A Secret.
    Secret,
    /// A `ConfigMap`.
    ConfigMap,
}

impl SourceKind {
    /// Name of the kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }
}

/// A value in a Secret or `ConfigMap` of the object's own namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// What the value is used for; a stable name, part of the record in the status.
    pub slot: String,
    /// Kind of the object that holds it.
    pub kind: SourceKind,
    /// Name of that object.
    pub name: String,
    /// Key in its data.
    pub key: String,
    /// Whether the value may span several lines, as a certificate does.
    pub multiline: bool,
    /// Whether the object itself publishes this value. The Secret shows by an annotation whether anybody changed it, so a
    /// value that was published and never recorded counts as unchanged.
    pub published: bool,
}

impl SecretUse {
    /// A value of one line in a Secret.
    pub fn new(slot: impl Into<String>, name: &str, key: &str) -> Self {
        Self {
            slot: slot.into(),
            kind: SourceKind::Secret,
            name: name.to_owned(),
            key: key.to_owned(),
            multiline: false,
            published: false,
        }
    }

    /// A value of one line in a Secret that the object publishes.
    pub fn published(slot: impl Into<String>, name: &str, key: &str) -> Self {
        Self {
            published: true,
            ..Self::new(slot, name, key)
        }
    }
}

/// A value. No Debug, Display or Serialize.
pub enum Secret {
    /// The Secret or its key does not exist or is empty; why, for people.
    Missing(String),
    /// The value cannot be used; why, for people.
    Unusable(String),
    /// Nobody read it: enough to find drift, since the remote side shows no secret.
    Unread,
    /// The value, as it was applied.
    Unchanged(SecretString, String),
    /// The value, other than what was applied last or not applied yet; and its fingerprint.
    Changed(SecretString, String),
}

/// Values by slot.
#[derive(Default)]
pub struct Secrets {
    slots: BTreeMap<String, Secret>,
    /// Resource versions of the Secrets that the object publishes, as they were read; `None`: there was no such Secret.
    versions: BTreeMap<String, Option<String>>,
    /// Stands for the versions of everything that was read; `None` where something does not exist or nothing was read.
    state: Option<u64>,
    /// Slots whose Secret or `ConfigMap` does not exist.
    absent: BTreeSet<String>,
    /// Held so that other reconciles that read the same at this time share the read.
    #[allow(dead_code, reason = "held for its drop")]
    reads: Vec<Arc<SharedRead>>,
}

impl FromIterator<(String, Secret)> for Secrets {
    fn from_iter<I: IntoIterator<Item = (String, Secret)>>(slots: I) -> Self {
        Self {
            slots: slots.into_iter().collect(),
            ..Self::default()
        }
    }
}

impl Secrets {
    /// The slots of these uses, none of them read.
    pub fn unread(uses: &[SecretUse]) -> Self {
        uses.iter().map(|one| (one.slot.clone(), Secret::Unread)).collect()
    }

    /// What is in the slot; `None` where the object does not use it.
    pub fn get(&self, slot: &str) -> Option<&Secret> {
        self.slots.get(slot)
    }

    /// The value in the slot, changed or not.
    pub fn value(&self, slot: &str) -> Option<&SecretString> {
        match self.get(slot)? {
            Secret::Unchanged(value, _) | Secret::Changed(value, _) => Some(value),
            Secret::Missing(_) | Secret::Unusable(_) | Secret::Unread => None,
        }
    }

    /// The value in the slot, if it differs from what was applied last.
    pub fn changed(&self, slot: &str) -> Option<&SecretString> {
        match self.get(slot)? {
            Secret::Changed(value, _) => Some(value),
            _ => None,
        }
    }

    /// Why the slot has no value, if it should have one.
    pub fn missing(&self, slot: &str) -> Option<&str> {
        match self.get(slot)? {
            Secret::Missing(why) | Secret::Unusable(why) => Some(why),
            _ => None,
        }
    }

    /// What is missing in all slots, each message once.
    pub fn all_missing(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for secret in self.slots.values() {
            if let Secret::Missing(why) = secret
                && !all.contains(why)
            {
                all.push(why.clone());
            }
        }
        all
    }

    /// What cannot be used in all slots.
    pub fn unusable(&self) -> Option<&str> {
        self.slots.values().find_map(|secret| match secret {
            Secret::Unusable(why) => Some(why.as_str()),
            _ => None,
        })
    }

    /// Whether a value differs from what was applied last.
    pub fn any_changed(&self) -> bool {
        self.slots.values().any(|secret| matches!(secret, Secret::Changed(..)))
    }

    /// Stands for the versions of the Secrets and `ConfigMap`s whose values were read, if each value was applied by this
    /// record.
    pub(super) fn applied_state(&self, record: &Applied) -> Option<u64> {
        let applied = |(slot, secret): (&String, &Secret)| matches!(secret, Secret::Unchanged(_, print) if record.secrets.get(slot) == Some(print));
        self.state.filter(|_| self.slots.iter().all(applied))
    }

    /// Fingerprint of the value in the slot.
    pub fn fingerprint(&self, slot: &str) -> Option<&str> {
        match self.get(slot)? {
            Secret::Unchanged(_, print) | Secret::Changed(_, print) => Some(print),
            _ => None,
        }
    }

    /// Resource version of a Secret that the object publishes, if it was read.
    pub(super) fn read_version(&self, name: &str) -> Option<&Option<String>> {
        self.versions.get(name)
    }

    /// The version of a published Secret after our own write.
    pub(super) fn wrote_version(&mut self, name: &str, version: Option<String>) {
        self.versions.insert(name.to_owned(), version);
    }

    /// Identifies all values together without disclosing them.
    pub fn version(&self) -> String {
        let prints: Vec<_> = self.slots.keys().filter_map(|slot| self.fingerprint(slot)).collect();
        prints.join(".")
    }

    /// Fingerprints of all values, by slot.
    pub(super) fn prints(&self) -> BTreeMap<String, String> {
        let print = |slot: &String| Some((slot.clone(), self.fingerprint(slot)?.to_owned()));
        self.slots.keys().filter_map(print).collect()
    }

    /// Whether something is missing since its Secret or `ConfigMap` does not exist, and all else has these fingerprints.
    pub(super) fn lacks_only_absent(&self, prints: &BTreeMap<String, String>) -> bool {
        let same = |slot: &String| {
            let print = self.fingerprint(slot);
            print.is_some() && print == prints.get(slot).map(String::as_str)
        };
        !self.absent.is_empty() && self.slots.keys().all(|slot| self.absent.contains(slot) || same(slot))
    }

    /// For an object that only observes: a value that cannot be read back is no difference.
    pub(super) fn leave_unchanged(&mut self) {
        for secret in self.slots.values_mut() {
            if let Secret::Changed(value, print) = secret {
                *secret = Secret::Unchanged(value.clone(), std::mem::take(print));
            }
        }
    }

    /// Records that the value in the slot was applied.
    pub(super) fn mark_applied(&mut self, slot: &str, record: &mut Applied) {
        if let Some(secret) = self.slots.get_mut(slot)
            && let Secret::Changed(value, print) | Secret::Unchanged(value, print) = secret
        {
            record.applied_secret(slot, print.clone());
            *secret = Secret::Unchanged(value.clone(), std::mem::take(print));
        }
    }

    /// Takes in a value that was just generated for the slot, and not applied yet.
    pub(super) fn generated(&mut self, slot: &str, value: SecretString, print: String) {
        self.slots.insert(slot.to_owned(), Secret::Changed(value, print));
    }

    /// Takes in a value that was just published in the slot.
    pub(super) fn publish(&mut self, slot: &str, value: SecretString, print: String) {
        self.slots.insert(slot.to_owned(), Secret::Unchanged(value, print));
    }

    /// Drops slots from the record that the object does not use any more, and records unchanged values under the present
    /// fingerprint key.
    pub(super) fn refresh(&self, record: &mut Applied) {
        record.unverified.retain(|slot| self.slots.contains_key(slot));
        let dropped: Vec<String> = record
            .secrets
            .keys()
            .filter(|slot| !self.slots.contains_key(*slot))
            .cloned()
            .collect();
        for slot in dropped {
            record.secrets.remove(&slot);
        }
        for (slot, secret) in &self.slots {
            if let Secret::Unchanged(_, print) = secret
                && !print.is_empty()
                && record.secrets.contains_key(slot)
            {
                record.secrets.insert(slot.clone(), print.clone());
            }
        }
    }

    /// `text`, fit for a status: withheld where it contains a part of a value.
    pub fn quotable(&self, text: &str) -> String {
        let values: Vec<SecretString> = self.slots.keys().filter_map(|slot| self.value(slot).cloned()).collect();
        if values.is_empty() {
            return text.to_owned();
        }
        quotable(text, &values)
    }
}

/// The hosts that each Secret allows its values to be sent to, read together with the values.
#[derive(Default)]
pub struct Consents(BTreeMap<String, Option<String>>);

impl FromIterator<(String, Option<String>)> for Consents {
    /// Names of Secrets with their annotations.
    fn from_iter<I: IntoIterator<Item = (String, Option<String>)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl Consents {
    /// The annotation of the Secret; the outer `None`: there is no such Secret.
    pub fn allowed_hosts(&self, secret: &str) -> Option<Option<&str>> {
        self.0.get(secret).map(Option::as_deref)
    }
}

/// Reads every value that an object uses. A value that does not exist is no error: it blocks what needs it, and nothing
/// else.
///
/// # Errors
/// The apiserver fails.
pub async fn resolve(
    client: &Client,
    fingerprints: &Fingerprints,
    sources: &Sources,
    namespace: &str,
    uid: &str,
    uses: &[SecretUse],
    record: &Applied,
) -> Result<Secrets, Error> {
    let (secrets, _) = resolve_with_consents(client, fingerprints, sources, namespace, uid, uses, record).await?;
    Ok(secrets)
}

/// The same, with the hosts that each Secret allows.
///
/// # Errors
/// The apiserver fails.
pub async fn resolve_with_consents(
    client: &Client,
    fingerprints: &Fingerprints,
    sources: &Sources,
    namespace: &str,
    uid: &str,
    uses: &[SecretUse],
    record: &Applied,
) -> Result<(Secrets, Consents), Error> {
    let mut found: BTreeMap<(SourceKind, &str), Option<Arc<Contents>>> = BTreeMap::new();
    let mut secrets = Secrets::default();
    for one in uses {
        let place = (one.kind, one.name.as_str());
        if let Entry::Vacant(vacant) = found.entry(place) {
            let same = uses.iter().filter(|other| (other.kind, other.name.as_str()) == place);
            let keys = same.map(|other| other.key.clone()).collect();
            let (read, contents) = sources.contents(client, namespace, one, keys).await?;
            secrets.reads.push(read);
            vacant.insert(contents);
        }
    }
    secrets.state = state_of(uses, |kind, name| Some(found.get(&(kind, name))?.as_ref()?.version));
    for one in uses {
        let contents = found[&(one.kind, one.name.as_str())].as_deref();
        if contents.is_none() {
            secrets.absent.insert(one.slot.clone());
        }
        if one.published {
            let version = contents.and_then(|contents| contents.resource_version.clone());
            secrets.versions.insert(one.name.clone(), version);
        }
        let secret = match read(namespace, one, contents) {
            Err(missing) => missing,
            Ok(value) => {
                let print = fingerprints.of(uid, &one.slot, value.expose_secret());
                let shown = one.published && contents.is_some_and(|contents| contents.shows(&one.key, &print));
                if !shown && differs(record.secrets.get(&one.slot), &print) {
                    Secret::Changed(value, print)
                } else {
                    Secret::Unchanged(value, print)
                }
            }
        };
        secrets.slots.insert(one.slot.clone(), secret);
    }
    let mut consents = Consents::default();
    for ((kind, name), contents) in &found {
        if let (SourceKind::Secret, Some(contents)) = (kind, contents) {
            consents.0.insert((*name).to_owned(), contents.allowed_hosts.clone());
        }
    }
    Ok((secrets, consents))
}

fn read(namespace: &str, one: &SecretUse, contents: Option<&Contents>) -> Result<SecretString, Secret> {
    let place = || format!("{} {namespace}/{}", one.kind.as_str(), one.name);
    let missing = |why: String| Err(Secret::Missing(why));
    let Some(contents) = contents else {
        return missing(format!("{} not found", place()));
    };
    let Some(value) = contents.data.get(&one.key) else {
        return missing(format!("{} has no key {}", place(), one.key));
    };
    value_of(value, one.multiline, &|| format!("key {} of {}", one.key, place()))
}

/// The value that people stored somewhere, which `place` names, such as `key password of Secret team/jane`.
///
/// # Errors
/// `Missing` or `Unusable`: there is none, or it is no text that can be sent.
pub fn value_of(value: &[u8], multiline: bool, place: &dyn Fn() -> String) -> Result<SecretString, Secret> {
    let Ok(value) = std::str::from_utf8(value) else {
        return Err(Secret::Unusable(format!("{} is not UTF-8 text", place())));
    };
    // A line ending is what `kubectl create secret --from-file` and editors leave behind.
    let value = value.strip_suffix('\n').unwrap_or(value);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() {
        return Err(Secret::Missing(format!("{} is empty", place())));
    }
    if !multiline && (value.trim() != value || value.chars().any(char::is_control)) {
        return Err(Secret::Unusable(format!(
            "{} starts or ends with white space or has a control character: write the value without it",
            place()
        )));
    }
    Ok(SecretString::from(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;

    fn contents(value: &[u8]) -> Contents {
        let data = BTreeMap::from([("password".to_owned(), value.to_vec())]);
        Contents::new(data, ObjectMeta::default())
    }

    fn value(bytes: &[u8]) -> Result<String, String> {
        let one = SecretUse::new("password", "jane", "password");
        match read("team", &one, Some(&contents(bytes))) {
            Ok(value) => Ok(value.expose_secret().to_owned()),
            Err(Secret::Missing(why) | Secret::Unusable(why)) => Err(why),
            Err(_) => unreachable!(),
        }
    }

    #[test]
    fn one_line_ending_is_stripped_and_other_white_space_is_refused() {
        for bytes in [&b"hunter22"[..], b"hunter22\n", b"hunter22\r\n"] {
            assert_eq!(value(bytes).unwrap(), "hunter22");
        }
        for bytes in [
            &b" hunter22"[..],
            b"hunter22 \n",
            b"hun\tter",
            b"hunter22\n\n",
            b"a\r\nb",
        ] {
            assert!(value(bytes).unwrap_err().contains("Secret team/jane"));
        }
        assert!(value(b"\n").unwrap_err().contains("is empty"));
        assert!(value(&[0xff]).unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn a_value_is_changed_until_it_was_applied_and_an_unused_slot_leaves_the_record() {
        let mut record = Applied::default();
        let secret = |print: &str| Secret::Changed("hunter22".to_owned().into(), print.to_owned());
        let mut secrets: Secrets = [("password".to_owned(), secret("k1:a"))].into_iter().collect();
        assert!(secrets.changed("password").is_some() && secrets.any_changed());
        secrets.mark_applied("password", &mut record);
        assert!(secrets.changed("password").is_none());
        assert!(secrets.value("password").is_some());
        assert_eq!(record.secrets.get("password").unwrap(), "k1:a");
        Secrets::default().refresh(&mut record);
        assert!(record.secrets.is_empty());
    }
}
