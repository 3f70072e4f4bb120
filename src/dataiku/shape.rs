//! Bounds what a JSON text turns into once it is decoded: a value of two bytes may take a hundred in memory.

use super::body::size;

/// Most of each that a text may have. Far beyond any true answer.
pub(super) struct ShapeLimit {
    /// Elements of the list that the text is.
    pub(super) entries: usize,
    /// Length of one of them, in bytes.
    pub(super) entry_bytes: usize,
    /// Values at any depth.
    pub(super) values: usize,
}

/// What a member of an element takes in memory beside its text, at most: an element is decoded to a type of its own.
const MEMBER: usize = 64;
/// The same for a value below it, which may be kept as it is: a list or a map of values doubles when it grows.
const VALUE: usize = 240;
/// The same for an object below it that is not empty, with room for its first members.
const OBJECT_NODE: usize = 704;
/// The same for a list below it that is not empty.
const LIST_NODE: usize = 320;

/// A whole list.
pub(super) const LIST: ShapeLimit = ShapeLimit {
    entries: 200_000,
    entry_bytes: 4 << 20,
    values: 4_000_000,
};

/// One object.
pub(super) const OBJECT: ShapeLimit = ShapeLimit {
    entries: usize::MAX,
    entry_bytes: usize::MAX,
    values: 250_000,
};

/// What a byte is to the list that a text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The list begins.
    Opens,
    /// An element ends and another one follows.
    Separates,
    /// The list ends.
    Closes,
    /// Anything else.
    Inside,
}

/// Reads a text byte by byte without decoding it, as it arrives.
pub(super) struct Scan {
    limit: &'static ShapeLimit,
    /// Whether the text is a list; `None` before its first byte that is not blank.
    is_list: Option<bool>,
    depth: usize,
    entries: usize,
    values: usize,
    entry_bytes: usize,
    in_string: bool,
    escaped: bool,
    /// The bracket that was just opened, until it shows whether anything is in it.
    opened: Option<u8>,
    /// What the present element takes in memory.
    cost: usize,
    /// The same for the element that ended last.
    ended: usize,
}

impl Scan {
    pub(super) fn new(limit: &'static ShapeLimit) -> Self {
        Self {
            limit,
            is_list: None,
            depth: 0,
            entries: 1,
            values: 1,
            entry_bytes: 0,
            in_string: false,
            escaped: false,
            opened: None,
            cost: 0,
            ended: 0,
        }
    }

    /// What the element that ended last takes in memory at most once it is decoded, in bytes, beside its own type.
    pub(super) fn cost_of_last(&self) -> usize {
        self.ended
    }

    /// Takes in the next byte. Whether the text is JSON is judged elsewhere.
    ///
    /// # Errors
    /// What there is too much of.
    pub(super) fn byte(&mut self, byte: u8) -> Result<Mark, String> {
        let is_list = match self.is_list {
            Some(is_list) => is_list,
            None if byte.is_ascii_whitespace() => return Ok(Mark::Inside),
            None => *self.is_list.insert(byte == b'['),
        };
        self.entry_bytes += 1;
        let mark = if self.in_string {
            self.string(byte);
            Mark::Inside
        } else {
            self.structure(byte, is_list)
        };
        if self.entries > self.limit.entries {
            return Err(format!("more than {} entries", self.limit.entries));
        }
        if self.values > self.limit.values {
            return Err(format!("more than {} values", self.limit.values));
        }
        if is_list && self.entry_bytes > self.limit.entry_bytes.saturating_add(1) {
            return Err(format!("an entry of more than {}", size(self.limit.entry_bytes)));
        }
        Ok(mark)
    }

    fn string(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            _ => {}
        }
    }

    fn structure(&mut self, byte: u8, is_list: bool) -> Mark {
        if let Some(opened) = self.opened
            && !byte.is_ascii_whitespace()
        {
            self.opened = None;
            self.cost += match (opened, byte) {
                (_, b'}' | b']') => 0,
                (b'{', _) => OBJECT_NODE,
                _ => LIST_NODE,
            };
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => {
                self.depth += 1;
                self.values += 1;
                self.cost += self.value();
                // An element itself is decoded to its own type.
                self.opened = (self.depth > 2).then_some(byte);
                if is_list && self.values == 2 {
                    return Mark::Opens;
                }
            }
            b']' | b'}' => {
                self.depth = self.depth.saturating_sub(1);
                if is_list && self.depth == 0 {
                    self.end();
                    return Mark::Closes;
                }
            }
            b',' => {
                self.values += 1;
                self.cost += self.value();
                if is_list && self.depth == 1 {
                    self.entries += 1;
                    self.end();
                    return Mark::Separates;
                }
            }
            _ => {}
        }
        Mark::Inside
    }

    fn value(&self) -> usize {
        if self.depth > 2 { VALUE } else { MEMBER }
    }

    fn end(&mut self) {
        self.ended = self.cost + self.entry_bytes;
        (self.cost, self.entry_bytes) = (0, 0);
    }
}

impl ShapeLimit {
    /// What there is too much of, if anything.
    pub(super) fn exceeded(&'static self, text: &[u8]) -> Option<String> {
        let mut scan = Scan::new(self);
        text.iter().find_map(|byte| scan.byte(*byte).err())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{LIST, Mark, Scan, ShapeLimit};

    const SMALL: ShapeLimit = ShapeLimit {
        entries: 3,
        entry_bytes: 40,
        values: 20,
    };

    fn exceeded(text: &str) -> Option<String> {
        SMALL.exceeded(text.as_bytes())
    }

    #[test]
    fn texts_within_all_bounds_pass() {
        for text in [
            "",
            "[]",
            "{}",
            " [1, 2, 3]",
            r#"[{"a": ",,,,,,,,", "b": "[[[[\"[[[["}, {}, "]]],,,"]"#,
            r#"{"a":1,"b":2,"c":3,"d":4,"e":"a text of more than forty characters in all"}"#,
            "not json at all, is it, no, it is, not",
        ] {
            assert_eq!(exceeded(text), None, "{text}");
        }
    }

    #[test]
    fn entries_count_at_the_top_of_a_list_only() {
        assert_eq!(exceeded("[1,2,3,4]").unwrap(), "more than 3 entries");
        assert_eq!(exceeded(" \n[{},{},{},{}]").unwrap(), "more than 3 entries");
        assert_eq!(exceeded("[[1,2,3,4,5]]"), None);
    }

    #[test]
    fn values_count_at_any_depth() {
        let nested = format!("[[{}0]]", "0,".repeat(20));
        assert_eq!(SMALL.exceeded(nested.as_bytes()).unwrap(), "more than 20 values");
        assert_eq!(exceeded(&"{\"a\":".repeat(20)).unwrap(), "more than 20 values");
    }

    #[test]
    fn an_entry_has_a_length_of_its_own() {
        let long = format!("[1,{}\"x\"]", " ".repeat(60));
        assert_eq!(
            SMALL.exceeded(long.as_bytes()).unwrap(),
            "an entry of more than 40 bytes"
        );
    }

    /// Bytes that a value has allocated at most, whichever map `serde_json` is built with.
    fn allocated(value: &Value) -> usize {
        const VALUE: usize = size_of::<Value>();
        /// Key, hash and place in the table of an indexed map.
        const ENTRY: usize = VALUE + size_of::<String>() + 8 + 10;
        match value {
            Value::String(text) => text.len() + 16,
            Value::Array(list) => list.capacity() * VALUE + 16 + list.iter().map(allocated).sum::<usize>(),
            Value::Object(map) if map.is_empty() => 0,
            Value::Object(map) => {
                let room = (2 * map.len()).max(4) * ENTRY;
                room + map
                    .iter()
                    .map(|(key, value)| key.len() + 16 + allocated(value))
                    .sum::<usize>()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
    }

    #[test]
    fn the_cost_of_an_element_is_no_less_than_what_its_members_take_once_they_are_decoded() {
        let nested = format!("{}0{}", "{\"a\":".repeat(60), "}".repeat(60));
        for element in [
            r#"{"login":"jane","groups":["a","b"],"enabled":true,"adminProperties":{"a":{"b":"c"}}}"#,
            &format!("[{}0]", "0,".repeat(1000)),
            &format!("[{}0]", "{\"a\":0},".repeat(1000)),
            &format!("[{}0]", "[0],".repeat(1000)),
            &format!("[{}0]", "\"\",".repeat(1000)),
            &format!("[{}0]", "{},[],".repeat(1000)),
            &nested,
            &format!("{{\"a\":[{}0]}}", format!("{nested},").repeat(50)),
        ] {
            let value: Value = serde_json::from_str(element).unwrap();
            let mut scan = Scan::new(&LIST);
            // The element itself is decoded to a type of its own, whose size the reader adds.
            let text = format!("[{{\"a\":{element}}}]");
            let mut last = None;
            for byte in text.bytes() {
                last = Some(scan.byte(byte).unwrap());
            }
            assert_eq!(last, Some(Mark::Closes));
            assert!(
                scan.cost_of_last() >= allocated(&value),
                "{} < {}: {element}",
                scan.cost_of_last(),
                allocated(&value)
            );
        }
    }
}
