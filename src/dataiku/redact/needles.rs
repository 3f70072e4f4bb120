//! The parts of secrets that no quoted message contains.

use std::{
    collections::{BTreeSet, HashSet},
    hash::{BuildHasher, RandomState},
};

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::char::{decompose_compatible, is_combining_mark};
use zeroize::Zeroizing;

use super::decode;

/// Characters of a part.
const PART: usize = 6;
/// Shortest secret that is searched for, and shortest form of a part once white space is dropped.
const SHORTEST: usize = 3;
/// Reversals of encodings that are applied to the secrets themselves.
const DEPTH: u32 = 2;
/// Longest secret that this is done for, in bytes.
const DECODED: usize = 4 << 10;

/// Parts of secrets in comparable form. Only keyed hashes are held: they cannot be turned back into the secrets.
pub(super) struct Needles {
    hashes: HashSet<u64>,
    lengths: BTreeSet<usize>,
    hasher: RandomState,
    wide: bool,
}

impl Needles {
    pub(super) fn new(secrets: &[SecretString]) -> Self {
        let mut needles = Self {
            hashes: HashSet::new(),
            lengths: BTreeSet::new(),
            hasher: RandomState::new(),
            wide: secrets.iter().any(|secret| !secret.expose_secret().is_ascii()),
        };
        for secret in secrets {
            needles.add(secret.expose_secret());
        }
        needles
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether a secret has characters beyond ASCII, whose encoding depends on the character set.
    pub(super) fn has_wide(&self) -> bool {
        self.wide
    }

    pub(super) fn found_in(&self, text: &str) -> bool {
        let text = comparable(text);
        self.lengths
            .iter()
            .any(|length| text.windows(*length).any(|part| self.hashes.contains(&self.hash(part))))
    }

    fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.chars().count() < SHORTEST {
            return;
        }
        if self.add_parts(secret) == 0 {
            self.add_part(&comparable(secret), 1);
        }
        if secret.len() > DECODED {
            return;
        }
        // A secret that is encoded itself, such as JSON or a Basic header, may come back decoded.
        let mut forms = vec![(Zeroizing::new(secret.to_owned()), 0)];
        while let Some((form, depth)) = forms.pop() {
            decode::each(&form, &mut |reading| {
                let decoded = Zeroizing::new(reading.into_text());
                for piece in decoded.split(char::REPLACEMENT_CHARACTER) {
                    self.add_decoded(piece);
                }
                if depth + 1 < DEPTH {
                    forms.push((decoded, depth + 1));
                }
            });
        }
    }

    /// Adds each part of a text of at least [`PART`] characters; returns how many there are.
    fn add_parts(&mut self, text: &str) -> usize {
        let mut form = Zeroizing::new(Vec::with_capacity(text.len()));
        let mut starts = Vec::with_capacity(text.len());
        for character in text.chars() {
            starts.push(form.len());
            fold(character, &mut form);
        }
        starts.push(form.len());
        let parts = starts.windows(PART + 1);
        parts
            .filter(|part| self.add_part(&form[part[0]..part[PART]], SHORTEST))
            .count()
    }

    /// Adds each [`PART`] comparable characters of a decoded text. A random key decodes to noise, whose control characters are
    /// dropped: of its six characters, three may be left, and three are found in any message.
    fn add_decoded(&mut self, text: &str) {
        for part in comparable(text).windows(PART) {
            self.add_part(part, PART);
        }
    }

    fn add_part(&mut self, part: &[char], shortest: usize) -> bool {
        if part.len() < shortest {
            return false;
        }
        self.lengths.insert(part.len());
        self.hashes.insert(self.hash(part));
        true
    }

    fn hash(&self, part: &[char]) -> u64 {
        self.hasher.hash_one(part)
    }
}

/// Text in the form in which it is compared: compatibility-decomposed, without case, diacritics, white space, control and
/// invisible characters. Each character is treated alone, so a part of a text has a part of its form.
fn comparable(text: &str) -> Zeroizing<Vec<char>> {
    let mut form = Zeroizing::new(Vec::with_capacity(text.len()));
    for character in text.chars() {
        fold(character, &mut form);
    }
    form
}

fn fold(character: char, form: &mut Vec<char>) {
    if is_invisible(character) {
        return;
    }
    if character.is_ascii() {
        form.push(character.to_ascii_lowercase());
        return;
    }
    decompose_compatible(character, |part| {
        // Up and down again: ß, ſ and final sigma have no lower case of their own.
        let folded = part.to_uppercase().flat_map(char::to_lowercase);
        form.extend(folded.filter(|c| !is_combining_mark(*c) && !is_invisible(*c)));
    });
}

/// White space, control characters, and those that a reader does not see.
pub(super) fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}
