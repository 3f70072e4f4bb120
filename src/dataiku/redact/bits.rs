//! Base64 and hex, anywhere in a text and at any offset. A secret inside a longer blob, such as the password in a
//! Basic header, starts anywhere within a group of digits, so each run of digits is decoded from every start of a group.

use encoding_rs::WINDOWS_1252;
use zeroize::Zeroizing;

use super::{
    decode::{Reading, stretches, utf_16},
    needles::is_invisible,
};

/// Between the bytes of two runs; no UTF-8 text contains it.
const GAP: u8 = 0xff;

/// What a character is to an encoding.
enum Symbol {
    /// A digit.
    Digit(u8),
    /// It may stand between digits.
    Separator,
    /// It ends a run.
    End,
}

struct Alphabet {
    bits: u32,
    /// Digits of a group, which makes whole bytes.
    group: usize,
    symbol: fn(u8) -> Symbol,
}

const ALPHABETS: [Alphabet; 2] = [
    Alphabet {
        bits: 6,
        group: 4,
        symbol: base64,
    },
    Alphabet {
        bits: 4,
        group: 2,
        symbol: hex,
    },
];

/// Hands what is legible in each decoding of `text`, which has no white space, to `take`.
pub(super) fn each(text: &str, take: &mut impl FnMut(Reading)) {
    // The prefix of a hex byte would shift the digits after it.
    let unprefixed = Zeroizing::new(text.replace("0x", "").replace("0X", ""));
    for alphabet in &ALPHABETS {
        let text = if alphabet.bits == 4 { &unprefixed } else { text };
        for start in 0..alphabet.group {
            let bytes = alphabet.decode(text, start);
            if let Some(text) = legible(&String::from_utf8_lossy(&bytes)) {
                take(Reading::Text(text));
            }
            let single_byte = WINDOWS_1252.decode_without_bom_handling(&bytes).0.into_owned();
            if let Some(text) = stretches(&single_byte, |c| !c.is_ascii_graphic() && !is_invisible(c)) {
                take(Reading::Text(text));
            }
            take(Reading::Guess(single_byte));
            utf_16(&bytes, take);
        }
    }
}

impl Alphabet {
    fn decode(&self, text: &str, start: usize) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
        let (mut digits, mut value, mut filled) = (0, 0_u32, 0);
        for byte in text.bytes() {
            match (self.symbol)(byte) {
                Symbol::Digit(digit) => {
                    digits += 1;
                    if digits <= start {
                        continue;
                    }
                    value = value << self.bits | u32::from(digit);
                    filled += self.bits;
                    if filled >= 8 {
                        filled -= 8;
                        bytes.push((value >> filled).to_le_bytes()[0]);
                    }
                }
                Symbol::Separator => {}
                Symbol::End => {
                    if digits > 0 {
                        bytes.push(GAP);
                    }
                    (digits, value, filled) = (0, 0, 0);
                }
            }
        }
        bytes
    }
}

/// The readable stretches of decoded bytes. Ordinary words decode to noise, which would only cost time.
fn legible(text: &str) -> Option<String> {
    let is_noise = |c: char| c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_whitespace());
    // NUL is the other half of an ASCII character in UTF-16.
    stretches(&Zeroizing::new(text.replace('\0', "")), is_noise)
}

/// Either alphabet of Base64.
fn base64(character: u8) -> Symbol {
    Symbol::Digit(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return Symbol::End,
    })
}

fn hex(character: u8) -> Symbol {
    Symbol::Digit(match character {
        b'0'..=b'9' => character - b'0',
        b'a'..=b'f' => character - b'a' + 10,
        b'A'..=b'F' => character - b'A' + 10,
        b':' | b'-' | b',' | b'.' | b';' | b'_' => return Symbol::Separator,
        _ => return Symbol::End,
    })
}
