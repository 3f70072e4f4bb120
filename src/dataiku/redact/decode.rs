//! Reversals of escapes and encodings. Each is lenient: what is no escape stays as it is, and a doubtful escape is read
//! in every sense that is in use.

use std::slice;

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{bits, needles::is_invisible};

/// A text that another one may stand for.
pub(super) enum Reading {
    /// To be decoded further.
    Text(String),
    /// Bytes in a character set that they are probably not in: of use only where a secret has characters beyond ASCII.
    /// Decoding it further would multiply noise.
    Guess(String),
}

impl Reading {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Guess(text) => text,
        }
    }
}

/// Hands every text that a single reversal makes of `text` to `take`.
pub(super) fn each(text: &str, take: &mut impl FnMut(Reading)) {
    let condensed = Zeroizing::new(condensed(text));
    for (marks, spaced, escape) in ESCAPES {
        if condensed.contains(marks) {
            decode(&condensed, escape).texts(take);
            if spaced {
                decode(text, escape).texts(take);
            }
        }
    }
    numbers(text).texts(take);
    html(&condensed, take);
    bits::each(&condensed, take);
    if let Some(text) = mistaken_utf_8(text) {
        take(Reading::Text(text));
    }
}

/// Full-width and other compatibility forms made plain, without white space and invisible characters. Keeps the case, since
/// that matters to Base64.
pub(super) fn condensed(text: &str) -> String {
    let visible = text.chars().filter(|c| !is_invisible(*c));
    if text.is_ascii() {
        visible.collect()
    } else {
        visible.nfkc().collect()
    }
}

/// Decoded text of which some parts are characters and some are bytes of an unknown character set.
#[derive(Default)]
struct Decoded {
    bytes: Zeroizing<Vec<u8>>,
    /// The same, each byte taken for a character of Windows-1252, which includes Latin-1.
    single_byte: Zeroizing<String>,
    changed: bool,
}

impl Decoded {
    /// A character that was no escape.
    fn plain(&mut self, character: char) {
        self.bytes
            .extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.single_byte.push(character);
    }

    fn character(&mut self, character: char) {
        self.changed = true;
        self.plain(character);
    }

    fn byte(&mut self, byte: u8) {
        self.changed = true;
        self.bytes.push(byte);
        let (text, _) = WINDOWS_1252.decode_without_bom_handling(slice::from_ref(&byte));
        self.single_byte.push_str(&text);
    }

    fn dropped(&mut self) {
        self.changed = true;
    }

    /// The texts that this may stand for; none if nothing was decoded.
    fn texts(self, take: &mut impl FnMut(Reading)) {
        if !self.changed {
            return;
        }
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        if text.contains(char::REPLACEMENT_CHARACTER) {
            take(Reading::Text(self.single_byte.to_string()));
        }
        utf_16(&self.bytes, take);
        take(Reading::Text(text));
    }
}

/// The bytes as UTF-16 of either order, from either alignment.
pub(super) fn utf_16(bytes: &[u8], take: &mut impl FnMut(Reading)) {
    // European letters and punctuation, and the full-width forms of ASCII.
    let is_legible = |c: char| matches!(c, ' '..='\u{24f}' | '\u{2000}'..='\u{20cf}' | '\u{ff01}'..='\u{ff5e}');
    for start in [0, 1] {
        let bytes = bytes.get(start..).unwrap_or_default();
        for encoding in [UTF_16LE, UTF_16BE] {
            let text = encoding.decode_without_bom_handling(bytes).0.into_owned();
            // Noise is almost never three such characters in a row.
            if let Some(text) = stretches(&text, |c| !is_legible(c)) {
                take(Reading::Text(text));
            }
            take(Reading::Guess(text));
        }
    }
}

/// The stretches of at least three characters between those that `is_noise` accepts; `None` if there are none.
pub(super) fn stretches(text: &str, is_noise: impl Fn(char) -> bool) -> Option<String> {
    let readable: Vec<_> = text
        .split(is_noise)
        .filter(|part| part.chars().nth(2).is_some())
        .collect();
    (!readable.is_empty()).then(|| readable.join("\u{fffd}"))
}

/// `Ã¶` as `ö`: UTF-8 that was taken for a single-byte character set. `None` if there is none.
fn mistaken_utf_8(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while !rest.is_empty() {
        let (plain, after) = rest.split_at(rest.find(|c: char| !c.is_ascii()).unwrap_or(rest.len()));
        let (suspect, after) = after.split_at(after.find(|c: char| c.is_ascii()).unwrap_or(after.len()));
        let (bytes, _, unmappable) = WINDOWS_1252.encode(suspect);
        decoded.push_str(plain);
        match str::from_utf8(&bytes) {
            Ok(text) if !unmappable && !suspect.is_empty() => {
                decoded.push_str(text);
                changed = true;
            }
            _ => decoded.push_str(suspect),
        }
        rest = after;
    }
    changed.then_some(decoded)
}

/// Decodes the escape at the start of a text; returns its length in bytes, 0 if there is none.
type Escape = fn(&str, &mut Decoded) -> usize;

/// Each escape, the characters without which a text has none of it, and whether white space is part of it.
const ESCAPES: [(&[char], bool, Escape); 7] = [
    (&['\\'], true, backslash),
    (&['\\'], false, backslash_hex),
    (&['%'], false, percent),
    (&['+'], false, form_urlencoded),
    (&['='], true, quoted_printable),
    (&['_'], true, q_encoding),
    (&DOUBLED, false, doubled),
];

/// What CSV, SQL, YAML, format strings and shells double to quote it.
const DOUBLED: [char; 7] = ['\'', '"', '%', '$', '{', '}', '`'];

fn decode(text: &str, escape: Escape) -> Decoded {
    let mut decoded = Decoded::default();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match escape(rest, &mut decoded) {
            0 => {
                decoded.plain(first);
                first.len_utf8()
            }
            length => length,
        };
        rest = &rest[length..];
    }
    decoded
}

/// JSON, JavaScript, C, Java and Python: `\u003d`, `\u{3d}`, `\U0000003D`, `\x3d`, `\075`, `\n`, `\"`.
fn backslash(rest: &str, decoded: &mut Decoded) -> usize {
    let Some(escape) = rest.strip_prefix('\\') else {
        return 0;
    };
    let length = match escape.chars().next() {
        Some('u' | 'U') => unicode(escape, decoded),
        Some('x' | 'X') => match hex(&escape[1..], 2) {
            (_, 0) => braced(escape, decoded),
            (value, digits) => {
                decoded.byte(low_byte(value));
                1 + digits
            }
        },
        Some('0'..='7') => {
            let (value, digits) = number(escape, 3, 8);
            decoded.byte(low_byte(value));
            digits
        }
        Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | 'A' | 'B' | 'F' | 'N' | 'R' | 'T' | 'V') => {
            decoded.character('\n');
            1
        }
        Some(other) => {
            decoded.character(other);
            other.len_utf8()
        }
        None => 0,
    };
    if length == 0 {
        decoded.dropped();
    }
    1 + length
}

/// What follows a backslash from its `u` on.
fn unicode(escape: &str, decoded: &mut Decoded) -> usize {
    let digits = escape.trim_start_matches(['u', 'U']);
    let prefix = escape.len() - digits.len();
    if escape.starts_with('U')
        && let (value, 8) = hex(digits, 8)
        && value >> 16 <= 2
    {
        decoded.character(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER));
        return prefix + 8;
    }
    let (first, 4) = hex(digits, 4) else {
        return braced(escape, decoded);
    };
    let next = digits[4..]
        .strip_prefix('\\')
        .map(|next| next.trim_start_matches(['u', 'U']));
    if let Some(next) = next
        && let (second, 4) = hex(next, 4)
        && let Some(character) = surrogates(first, second)
    {
        decoded.character(character);
        return escape.len() - next.len() + 4;
    }
    decoded.character(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
    prefix + 4
}

/// `u{3d}` or `x{3d}`.
fn braced(escape: &str, decoded: &mut Decoded) -> usize {
    let Some(digits) = escape[1..].strip_prefix('{') else {
        return 0;
    };
    let (value, count) = hex(digits, 6);
    if count == 0 || !digits[count..].starts_with('}') {
        return 0;
    }
    decoded.character(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER));
    count + 3
}

fn surrogates(first: u32, second: u32) -> Option<char> {
    let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    (0xd800..0xdc00).contains(&first).then_some(())?;
    char::decode_utf16(units).next()?.ok()
}

/// LDAP: `\3d`.
fn backslash_hex(rest: &str, decoded: &mut Decoded) -> usize {
    let Some((value, 2)) = rest.strip_prefix('\\').map(|escape| hex(escape, 2)) else {
        return 0;
    };
    decoded.byte(low_byte(value));
    3
}

/// URLs: `%3d`, and `%u003d` of JavaScript's `escape`.
fn percent(rest: &str, decoded: &mut Decoded) -> usize {
    let Some(escape) = rest.strip_prefix('%') else {
        return 0;
    };
    if let (value, 2) = hex(escape, 2) {
        decoded.byte(low_byte(value));
        return 3;
    }
    let Some((first, 4)) = escape.strip_prefix(['u', 'U']).map(|digits| hex(digits, 4)) else {
        return 0;
    };
    let next = escape[5..]
        .strip_prefix("%u")
        .or_else(|| escape[5..].strip_prefix("%U"));
    if let Some((second, 4)) = next.map(|digits| hex(digits, 4))
        && let Some(character) = surrogates(first, second)
    {
        decoded.character(character);
        return 12;
    }
    decoded.character(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
    6
}

/// The same with `+` for a space.
fn form_urlencoded(rest: &str, decoded: &mut Decoded) -> usize {
    if rest.starts_with('+') {
        decoded.character(' ');
        return 1;
    }
    percent(rest, decoded)
}

/// Mail bodies: `=3D`, and lines that end in `=`.
fn quoted_printable(rest: &str, decoded: &mut Decoded) -> usize {
    let Some(escape) = rest.strip_prefix('=') else {
        return 0;
    };
    if let (value, 2) = hex(escape, 2) {
        decoded.byte(low_byte(value));
        return 3;
    }
    let blank = escape.len() - escape.trim_start().len();
    if blank == 0 && !escape.is_empty() {
        return 0;
    }
    decoded.dropped();
    1 + blank
}

/// Mail headers: the same with `_` for a space.
fn q_encoding(rest: &str, decoded: &mut Decoded) -> usize {
    if rest.starts_with('_') {
        decoded.character(' ');
        return 1;
    }
    quoted_printable(rest, decoded)
}

/// Two of a character that stand for one.
fn doubled(rest: &str, decoded: &mut Decoded) -> usize {
    let mut characters = rest.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(second)) if first == second && DOUBLED.contains(&first) => {
            decoded.character(first);
            2
        }
        _ => 0,
    }
}

/// Lists of character codes or bytes, such as Java's `[88, 107, -57]`.
fn numbers(text: &str) -> Decoded {
    let mut decoded = Decoded::default();
    let is_separator = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
    for list in text.split(|c: char| !(c.is_ascii_digit() || c == '-' || is_separator(c))) {
        let codes: Vec<i32> = list.split(is_separator).filter_map(|code| code.parse().ok()).collect();
        if codes.len() < 3 {
            continue;
        }
        for code in codes {
            match (i8::try_from(code), u8::try_from(code), u32::try_from(code)) {
                (_, Ok(byte), _) => decoded.byte(byte),
                (Ok(byte), ..) => decoded.byte(byte.cast_unsigned()),
                (.., code) => {
                    let character = code.ok().and_then(char::from_u32);
                    decoded.character(character.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
            }
        }
        decoded.plain(char::REPLACEMENT_CHARACTER);
    }
    decoded
}

/// Character references, named (in any case) and numeric, with or without `;`.
fn html(text: &str, take: &mut impl FnMut(Reading)) {
    if !text.contains('&') {
        return;
    }
    let mut lower = Zeroizing::new(String::with_capacity(text.len()));
    for (index, part) in text.split('&').enumerate() {
        if index > 0 {
            lower.push('&');
        }
        let end = if index == 0 {
            0
        } else {
            part.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(part.len())
        };
        lower.push_str(&part[..end].to_ascii_lowercase());
        lower.push_str(&part[end..]);
    }
    take(Reading::Text(htmlize::unescape(text).into_owned()));
    take(Reading::Text(htmlize::unescape(lower.as_str()).into_owned()));
}

/// The hex digits at the start of a text, at most `most`: their value and number.
fn hex(text: &str, most: usize) -> (u32, usize) {
    number(text, most, 16)
}

fn number(text: &str, most: usize, radix: u32) -> (u32, usize) {
    let digits = text.chars().take(most).map_while(|c| c.to_digit(radix));
    digits.fold((0, 0), |(value, count), digit| (value * radix + digit, count + 1))
}

fn low_byte(value: u32) -> u8 {
    value.to_le_bytes()[0]
}
