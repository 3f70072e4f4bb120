//! KYAML: YAML in braces with every text in quotes, so that no parser takes `no`, `1e3` or `null` for anything but text.

use serde_json::Value;

/// One document.
pub(super) fn document(value: &Value) -> String {
    let mut text = "---\n".to_owned();
    write(&mut text, value, 0);
    text.push('\n');
    text
}

fn write(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::String(string) => quote(text, string),
        Value::Array(items) if items.is_empty() => text.push_str("[]"),
        Value::Array(items) => {
            text.push_str("[\n");
            for item in items {
                indent(text, depth + 1);
                write(text, item, depth + 1);
                text.push_str(",\n");
            }
            indent(text, depth);
            text.push(']');
        }
        Value::Object(members) if members.is_empty() => text.push_str("{}"),
        Value::Object(members) => {
            text.push_str("{\n");
            for (key, value) in members {
                indent(text, depth + 1);
                if is_bare(key) {
                    text.push_str(key);
                } else {
                    quote(text, key);
                }
                text.push_str(": ");
                write(text, value, depth + 1);
                text.push_str(",\n");
            }
            indent(text, depth);
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn indent(text: &mut String, depth: usize) {
    for _ in 0..depth {
        text.push_str("  ");
    }
}

/// Keys that no parser takes for anything but text: camel case of three letters and more that is no word of YAML 1.1.
fn is_bare(key: &str) -> bool {
    let words = ["yes", "off", "true", "false", "null"];
    key.len() > 2 && key.bytes().all(|byte| byte.is_ascii_alphabetic()) && !words.contains(&&*key.to_ascii_lowercase())
}

fn quote(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            c if is_escaped(c) => {
                let code = u32::from(c);
                let form = if code > 0xffff {
                    format!("\\U{code:08x}")
                } else {
                    format!("\\u{code:04x}")
                };
                text.push_str(&form);
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

/// Control characters, separators that YAML reads as line ends, and marks that turn the direction of text.
fn is_escaped(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{200e}' | '\u{200f}')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
        || ('\u{fff0}'..='\u{ffff}').contains(&c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn words_and_numbers_stay_text() {
        let value = json!({ "no": "no", "y": "1e3", "null": null, "a: b": ["null", "~", "", "#", "2026-01-01", "é\u{1b}[0m\r\n"], "n": 1, "t": true });
        assert_eq!(serde_saphyr::from_str::<Value>(&document(&value)).unwrap(), value);
    }

    proptest! {
        #[test]
        fn every_text_reads_back(key in any::<String>(), text in any::<String>()) {
            let value = json!({ key: [text, {}] });
            prop_assert_eq!(serde_saphyr::from_str::<Value>(&document(&value)).unwrap(), value);
        }
    }
}
