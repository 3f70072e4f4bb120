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

impl ShapeLimit {
    /// What there is too much of, if anything. Reads the text without decoding it; whether it is JSON is judged elsewhere.
    pub(super) fn exceeded(&self, text: &[u8]) -> Option<String> {
        let text = text.trim_ascii_start();
        let is_list = text.first() == Some(&b'[');
        let (mut depth, mut entries, mut values, mut entry_start) = (0_usize, 1_usize, 1_usize, 0);
        let (mut in_string, mut escaped) = (false, false);
        for (index, byte) in text.iter().enumerate() {
            if in_string {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => in_string = true,
                b'[' | b'{' => {
                    depth += 1;
                    values += 1;
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                b',' => {
                    values += 1;
                    if is_list && depth == 1 {
                        entries += 1;
                        entry_start = index;
                    }
                }
                _ => {}
            }
            if entries > self.entries {
                return Some(format!("more than {} entries", self.entries));
            }
            if values > self.values {
                return Some(format!("more than {} values", self.values));
            }
            if is_list && index - entry_start > self.entry_bytes {
                return Some(format!("an entry of more than {}", size(self.entry_bytes)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::ShapeLimit;

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
}
