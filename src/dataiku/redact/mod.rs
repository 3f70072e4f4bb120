//! Decides whether a remote message may be quoted. Replacing the secrets in a message fails on the first unforeseen
//! encoding, so a message is quoted unchanged or withheld as a whole: `quotable` reverses every common escape and encoding,
//! in any order, and withholds the message if any of the results contains part of a secret.
//!
//! - `Needles`: the parts of the secrets, compared without case, white space, diacritics and invisible characters.
//! - `decode`: the reversals. `exposes` applies them breadth first, so that nested encodings are reversed in the order
//!   that fits, whatever it is.

mod bits;
mod decode;
mod needles;

use std::{
    collections::{HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
};

use secrecy::SecretString;
use zeroize::Zeroizing;

use self::{decode::Reading, needles::Needles};

/// Longest message that is quoted, in bytes.
const LIMIT: usize = 1024;
/// As much of a message as is decoded. The margin beyond [`LIMIT`] holds secrets that the cut would split.
const EXAMINED: usize = 2 * LIMIT;
/// Encodings that are reversed one inside the other.
const DEPTH: u32 = 5;
/// Bytes of decoded text per message. Beyond it the message is withheld: it is too contorted to be judged.
const BUDGET: usize = 128 << 10;
/// Stands in place of a message that may expose a secret.
const WITHHELD: &str = "[message withheld: it contains a secret value]";

/// `text` as one line of at most 1 KiB, or `[message withheld: it contains a secret value]` if it contains a part of one
/// of `secrets`, in whatever encoding. A part is six characters; a secret of three to five characters counts as a whole,
/// a shorter one not at all.
#[must_use]
pub fn quotable(text: &str, secrets: &[SecretString]) -> String {
    let line = one_line(text);
    let needles = Needles::new(secrets);
    if !needles.is_empty() && (needles.found_in(&line) || exposes(beginning(&line, EXAMINED), &needles, BUDGET)) {
        return WITHHELD.to_owned();
    }
    cut(&line)
}

/// Whether a reversal of the encodings in `text` contains a needle, or would take more than `budget` bytes.
fn exposes(text: &str, needles: &Needles, budget: usize) -> bool {
    let mut search = Search::new(budget);
    let mut within_budget = search.push(text.to_owned(), 0);
    while within_budget && let Some((text, depth)) = search.queue.pop_front() {
        if needles.found_in(&text) {
            return true;
        }
        if depth < DEPTH {
            decode::each(&text, &mut |reading| {
                within_budget = within_budget
                    && match reading {
                        Reading::Text(text) => search.push(text, depth + 1),
                        Reading::Guess(text) => !needles.has_wide() || search.push(text, DEPTH),
                    };
            });
        }
    }
    !within_budget
}

/// Texts that are still to be judged, each once.
struct Search {
    queue: VecDeque<(Zeroizing<String>, u32)>,
    seen: HashSet<u64>,
    hasher: RandomState,
    budget: usize,
}

impl Search {
    fn new(budget: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            seen: HashSet::new(),
            hasher: RandomState::new(),
            budget,
        }
    }

    /// False when the budget is used up.
    fn push(&mut self, text: String, depth: u32) -> bool {
        let text = Zeroizing::new(text);
        // White space makes no difference to most decoders, and would double the work at each level.
        let key = self.hasher.hash_one(&*Zeroizing::new(decode::condensed(&text)));
        if !self.seen.insert(key) {
            return true;
        }
        let Some(left) = self.budget.checked_sub(text.len()) else {
            return false;
        };
        self.budget = left;
        self.queue.push_back((text, depth));
        true
    }
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

fn cut(text: &str) -> String {
    if text.len() <= LIMIT {
        return text.to_owned();
    }
    let ellipsis = '…';
    format!("{}{ellipsis}", beginning(text, LIMIT - ellipsis.len_utf8()))
}

fn beginning(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
