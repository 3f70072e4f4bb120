//! Secrets of a request in the forms in which careless servers quote them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A form in which a text is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Encoding {
    /// As it is.
    Plain,
    /// As Gson writes it into JSON that is quoted in turn: `= & ' < >` as `\u003d`.
    Gson,
    /// Every character as `\u0041`.
    Unicode,
    /// For a page: `&amp;`.
    Html,
    /// For a page, by number: `&#38;`.
    HtmlNumeric,
    /// For a URL: `%3D`.
    Percent,
    /// The same in lower case: `%3d`.
    PercentLower,
    /// For a URL within a URL: `%253D`.
    PercentTwice,
    /// For a form: `%3D`, and a space is `+`.
    Form,
    /// Base64.
    Base64,
    /// Base64 as the user of HTTP basic.
    Basic,
    /// Two digits for each byte.
    Hex,
    /// In capital letters, as a text that is compared without case.
    Upper,
    /// Its lines on one line.
    OneLine,
    /// Without its last character.
    Cut,
}

impl Encoding {
    /// A text in this form.
    pub fn of(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Gson => escaped(text, |letter| "=&'<>\"\\".contains(letter), unicode),
            Self::Unicode => escaped(text, |_| true, unicode),
            Self::Html => escaped(text, |letter| "&<>\"'".contains(letter), entity),
            Self::HtmlNumeric => escaped(
                text,
                |letter| !letter.is_ascii_alphanumeric(),
                |letter, out| {
                    // Writing into a text cannot fail, here and below.
                    let _ = write!(out, "&#{};", u32::from(letter));
                },
            ),
            Self::Percent => percent(text),
            Self::PercentLower => escaped(
                text,
                |letter| !letter.is_ascii_alphanumeric(),
                |letter, out| {
                    let _ = letter
                        .encode_utf8(&mut [0; 4])
                        .bytes()
                        .try_for_each(|byte| write!(out, "%{byte:02x}"));
                },
            ),
            Self::PercentTwice => percent(&percent(text)),
            Self::Form => percent(text).replace("%20", "+"),
            Self::Base64 => STANDARD.encode(text),
            Self::Basic => STANDARD.encode(format!("{text}:")),
            Self::Hex => text.bytes().fold(String::new(), |mut out, byte| {
                let _ = write!(out, "{byte:02x}");
                out
            }),
            Self::Upper => text.to_uppercase(),
            Self::OneLine => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Self::Cut => text.chars().take(text.chars().count().saturating_sub(1)).collect(),
        }
    }
}

/// A text with some characters written in another way.
fn escaped(text: &str, which: impl Fn(char) -> bool, how: impl Fn(char, &mut String)) -> String {
    text.chars().fold(String::new(), |mut out, letter| {
        if which(letter) {
            how(letter, &mut out);
        } else {
            out.push(letter);
        }
        out
    })
}

fn unicode(letter: char, out: &mut String) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

fn entity(letter: char, out: &mut String) {
    out.push_str(match letter {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        _ => "&#39;",
    });
}

fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The secret of a request: its credential, or the text at a JSON pointer into its body. Empty where there is none.
pub(crate) fn secret(headers: &HeaderMap, body: &[u8], of: &str) -> String {
    if of == "credential" {
        return credential(headers).unwrap_or_default();
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = body.pointer(of).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// The bearer, or of HTTP basic the password where there is one and else the user.
fn credential(headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get("authorization")?.to_str().ok()?;
    let (scheme, token) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Some(token.to_owned());
    }
    let pair = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some(if password.is_empty() { user } else { password }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_the_one_that_servers_write() {
        let rows = [
            (Encoding::Plain, "a=&b c\nd"),
            (Encoding::Gson, "a\\u003d\\u0026b c\nd"),
            (
                Encoding::Unicode,
                "\\u0061\\u003d\\u0026\\u0062\\u0020\\u0063\\u000a\\u0064",
            ),
            (Encoding::Html, "a=&amp;b c\nd"),
            (Encoding::HtmlNumeric, "a&#61;&#38;b&#32;c&#10;d"),
            (Encoding::Percent, "a%3D%26b%20c%0Ad"),
            (Encoding::PercentLower, "a%3d%26b%20c%0ad"),
            (Encoding::PercentTwice, "a%253D%2526b%2520c%250Ad"),
            (Encoding::Form, "a%3D%26b+c%0Ad"),
            (Encoding::Base64, "YT0mYiBjCmQ="),
            (Encoding::Basic, "YT0mYiBjCmQ6"),
            (Encoding::Hex, "613d266220630a64"),
            (Encoding::Upper, "A=&B C\nD"),
            (Encoding::OneLine, "a=&b c d"),
            (Encoding::Cut, "a=&b c\n"),
        ];
        for (encoding, expected) in rows {
            assert_eq!(encoding.of("a=&b c\nd"), expected, "{encoding:?}");
        }
    }
}
