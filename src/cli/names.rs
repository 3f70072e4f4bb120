//! Names of objects for remote keys that Kubernetes may not be able to carry.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Digits of the hash that tells two keys apart.
const DIGITS: usize = 10;
/// Longest readable part.
const READABLE: usize = 200;

/// The name of the object for this remote key. It depends on the key alone, so it is the same in every export; a key that is a
/// valid name stays as it is. Two keys have two names, apart from collisions of the hash.
pub(super) fn object_name(key: &str) -> String {
    if is_name(key) && !is_hashed(key) {
        return key.to_owned();
    }
    let mut readable = String::new();
    for c in key.chars().map(|c| c.to_ascii_lowercase()) {
        if readable.len() == READABLE {
            break;
        }
        let c = if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        if c.is_ascii_alphanumeric() || readable.ends_with(|last: char| last.is_ascii_alphanumeric()) {
            readable.push(c);
        }
    }
    let readable = match readable.trim_end_matches(['-', '.']) {
        "" => "object",
        readable => readable,
    };
    let hash = Sha256::digest(key.as_bytes());
    let hash = hash.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    format!("{readable}-{}", &hash[..DIGITS])
}

/// The key in the data of a Secret for a remote name.
pub(super) fn data_key(name: &str) -> String {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_key =
        (1..=READABLE).contains(&name.len()) && name.bytes().all(inside) && !name.starts_with("..") && name != ".";
    if is_key { name.to_owned() } else { object_name(name) }
}

/// Whether Kubernetes accepts it as the name of an object.
fn is_name(key: &str) -> bool {
    let label = |label: &str| {
        let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(inside) && !label.starts_with('-') && !label.ends_with('-')
    };
    key.len() <= READABLE && key.split('.').all(label)
}

/// Whether it looks like a name that this module made for another key.
fn is_hashed(key: &str) -> bool {
    key.rsplit_once('-').is_some_and(|(_, hash)| {
        hash.len() == DIGITS
            && hash
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_valid_name_stays_and_others_get_a_safe_stable_one() {
        assert_eq!(object_name("jane.doe"), "jane.doe");
        let mail = object_name("Jane@Example.com");
        assert!(mail.starts_with("jane-example.com-"), "{mail}");
        assert_eq!(mail, object_name("Jane@Example.com"));
        let keys = [
            "jane",
            "Jane",
            "JANE",
            "jane_",
            "jane@",
            "../../etc/passwd",
            "",
            "é",
            "-",
            "..",
            "a..b",
            "a/b",
        ];
        let names: HashSet<_> = keys.iter().map(|key| object_name(key)).collect();
        assert_eq!(names.len(), keys.len(), "{names:?}");
    }

    #[test]
    fn no_key_can_take_the_name_that_another_key_gets() {
        let made = object_name("Jane");
        assert_ne!(object_name(&made), made);
    }

    proptest! {
        #[test]
        fn every_key_gets_a_name_that_kubernetes_accepts(key in "\\PC{0,300}") {
            prop_assert!(is_name(&object_name(&key)) || object_name(&key).len() > READABLE);
            prop_assert!(object_name(&key).len() <= 253);
        }
    }
}
