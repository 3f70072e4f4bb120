//! What a pass knows beside the spec: resolved values and the record of what was applied.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::fingerprint::differs;
use crate::crd::applied::Applied;

/// A value from a Secret or `ConfigMap`. No Debug, Display or Serialize.
pub struct SecretInput {
    /// The value.
    pub value: SecretString,
    /// Its keyed hash.
    pub fingerprint: String,
    /// Whether it differs from what was applied last, or nothing was yet.
    pub changed: bool,
}

/// Resolved values by the place that they are used in, and the record.
#[derive(Default)]
pub struct Inputs {
    values: BTreeMap<&'static str, SecretInput>,
    /// What the operator set so far.
    pub applied: Applied,
}

impl Inputs {
    /// With nothing resolved: enough to tell drift, since secret values cannot be read back.
    pub fn recorded(applied: Applied) -> Self {
        Self {
            values: BTreeMap::new(),
            applied,
        }
    }

    pub(super) fn insert(&mut self, slot: &'static str, value: SecretString, fingerprint: String) {
        let changed = differs(self.applied.secrets.get(slot), &fingerprint);
        self.values.insert(
            slot,
            SecretInput {
                value,
                fingerprint,
                changed,
            },
        );
    }

    /// The value used in this place.
    pub fn get(&self, slot: &str) -> Option<&SecretInput> {
        self.values.get(slot)
    }

    /// Identifies all values together, without telling them.
    pub fn version(&self) -> String {
        self.values
            .values()
            .map(|input| input.fingerprint.as_str())
            .collect::<Vec<_>>()
            .join(".")
    }

    /// Puts values that count as applied on record under the present key.
    pub(super) fn refresh_record(&mut self) {
        let settled = self.values.iter().filter(|(_, input)| !input.changed);
        for (slot, input) in settled {
            self.applied
                .secrets
                .insert((*slot).to_owned(), input.fingerprint.clone());
        }
    }

    /// Notes that the value in this place was applied.
    pub(super) fn mark_applied(&mut self, slot: &str) {
        if let Some(input) = self.values.get_mut(slot) {
            input.changed = false;
            self.applied.secrets.insert(slot.to_owned(), input.fingerprint.clone());
        }
    }

    /// For an object that only watches: a value that cannot be read back is no difference.
    pub(super) fn leave_unchanged(&mut self) {
        for input in self.values.values_mut() {
            input.changed = false;
        }
    }

    /// `text` with every resolved value replaced.
    pub fn redact(&self, text: &str) -> String {
        // Replacing a value of one or two characters would shred the text, and shows nothing worth hiding.
        const SHORTEST: usize = 3;
        self.values
            .values()
            .map(|input| input.value.expose_secret())
            .filter(|value| value.len() >= SHORTEST)
            .fold(text.to_owned(), |text, value| text.replace(value, "[redacted]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_changed_until_it_was_applied() {
        let mut inputs = Inputs::default();
        inputs.insert("password", "hunter22".to_owned().into(), "f1".into());
        assert!(inputs.get("password").unwrap().changed);
        inputs.mark_applied("password");
        assert!(!inputs.get("password").unwrap().changed);

        let mut later = Inputs::recorded(inputs.applied.clone());
        later.insert("password", "hunter22".to_owned().into(), "f1".into());
        assert!(!later.get("password").unwrap().changed);
        later.insert("password", "hunter23".to_owned().into(), "f2".into());
        assert!(later.get("password").unwrap().changed);
        let mut rekeyed = Inputs::recorded(inputs.applied.clone());
        rekeyed.insert("password", "hunter22".to_owned().into(), "k2:f9".into());
        rekeyed.refresh_record();
        assert_eq!(rekeyed.applied.secrets.get("password").unwrap(), "k2:f9");
    }

    #[test]
    fn every_value_is_taken_out_of_a_text() {
        let mut inputs = Inputs::default();
        inputs.insert("password", "hunter22".to_owned().into(), "f1".into());
        assert_eq!(
            inputs.redact("no hunter22 here, hunter22"),
            "no [redacted] here, [redacted]"
        );
    }
}
