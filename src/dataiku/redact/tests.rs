use proptest::prelude::*;
use rand::{
    SeedableRng as _,
    distr::{Alphanumeric, SampleString as _},
    rngs::StdRng,
};
use secrecy::SecretString;

use super::{LIMIT, Needles, WITHHELD, exposes, quotable};

fn secrets(values: &[&str]) -> Vec<SecretString> {
    values.iter().map(|value| SecretString::from(*value)).collect()
}

fn withheld(text: &str, secret: &str) -> bool {
    quotable(text, &secrets(&[secret])) == WITHHELD
}

#[test]
fn text_without_a_secret_is_quoted_as_it_came() {
    for text in [
        "user profile READER is not licensed",
        "com.dataiku.dip.exceptions.CodedException: Cannot create user 'jdoe': 100% of seats used, limit=20 & rising",
        r#"{"0":{"email":["Not a \"valid\" email address.","\u00e9"]}}"#,
        "at /opt/dss/lib: SGVsbG8gd29ybGQgdGhpcyBpcyBmaW5l 48656c6c6f",
    ] {
        assert_eq!(quotable(text, &secrets(&["Xk9=Q&w<3vT", "pw", "", " \n"])), text);
        assert_eq!(quotable(text, &[]), text);
    }
}

#[test]
fn text_becomes_one_line_without_control_characters() {
    assert_eq!(quotable(" a\r\n\tb\u{1b}[31m c\u{0} ", &[]), "a b [31m c");
}

#[test]
fn text_is_cut_between_characters() {
    let long = quotable(&"é".repeat(LIMIT), &[]);
    assert!(long.len() <= LIMIT && long.ends_with('…'), "{}", long.len());
}

#[test]
fn a_secret_at_or_beyond_the_cut_withholds_the_message() {
    for before in [LIMIT - 4, LIMIT, 3 * LIMIT, 60 * LIMIT] {
        let text = format!("{}{}", "x".repeat(before), "hunter2");
        assert!(withheld(&text, "hunter2"), "{before}");
    }
}

#[test]
fn six_characters_in_a_row_are_enough_and_five_are_not() {
    let secret = "alpha-Bravo-7";
    assert!(withheld("expected more than ha-Bra here", secret));
    assert!(!withheld("expected more than ha-Br here", secret));
    assert!(withheld("ALPHA-", secret));
}

#[test]
fn a_short_secret_counts_as_a_whole_from_three_characters_on() {
    assert!(withheld("the pin is X7q.", "x7q"));
    assert!(!withheld("the pin is X7.", "x7q"));
    assert!(!withheld("the pin is X7.", "x7"));
    assert!(withheld("the pin is X 7 q", "x7q"));
}

#[test]
fn known_encodings_are_reversed() {
    let secret = "Xk9=Q&w<3vT";
    for text in [
        "Weak password Xk9=Q&w<3vT",
        "Weak password Xk9=Q&amp;w&lt;3vT",
        "Weak password Xk9&#61;Q&#x26;w&#X3C;3vT",
        "Weak password Xk9&equals;Q&AMP;w&lt3vT",
        r"Weak password Xk9\u003dQ\u0026w\u003c3vT",
        r"Weak password Xk9\U003DQ\U00000026w\u{3c}3vT",
        r"Weak password Xk9\x3dQ\46w\x{3c}3vT",
        r"Weak password Xk9\3dQ\26w\3c3vT",
        r"Weak password Xk9\=Q\&w\<3vT",
        "Weak password Xk9%3dQ%26w%3C3vT",
        "Weak password Xk9%253dQ%2526w%253C3vT",
        "Weak password Xk9%u003dQ%u0026w%u003C3vT",
        "Weak password Xk9=3DQ=26w=3C=\r\n3vT",
        "Weak password Xk9=3DQ=26w= 3C3vT",
        "Weak password X\u{200b}k9=\u{ad}Q&\u{feff}w<3vT",
        "Weak password Ｘｋ９＝Ｑ＆ｗ＜３ｖＴ",
        "Weak password XK9=Q&W<3VT",
        "Weak password X k 9 = Q & w < 3 v T",
        "Weak password WGs5PVEmdzwzdlQ=",
        "Weak password WGs5PVEm\ndzwzdlQ=",
        "Weak password WGs5PVEmdzwzdlQ%3D",
        "Weak password WABrADkAPQBRACYAdwA8ADMAdgBUAA==",
        "Basic aWQ6WGs5PVEmdzwzdlQ",
        "Basic aWQyOlhrOT1RJnc8M3ZU",
        "Basic aWRlOlhrOT1RJnc8M3ZUOg==",
        "Weak password 586b393d5126773c337654",
        "Weak password 58:6B:39:3D:51:26:77:3C:33:76:54",
        "Weak password 0x58, 0x6b, 0x39, 0x3d, 0x51, 0x26, 0x77, 0x3c, 0x33, 0x76, 0x54",
        "Weak password [88, 107, 57, 61, 81, 38, 119, 60, 51, 118, 84]",
        "Weak password WEdzNVBWRW1kend6ZGxRPQ==",
    ] {
        assert!(withheld(text, secret), "{text}");
    }
}

#[test]
fn characters_beyond_ascii_are_found_in_other_character_sets() {
    let secret = "Größenwahn€";
    for text in [
        "Gr\u{f6}\u{df}enwahn",
        "GROSSENWAHN",
        "Gro\u{308}ßenwahn",
        "Gr%F6%DFenwahn",
        "GrÃ¶ÃŸenwahn",
        "Gr=F6=DFenwahn",
        "R3L232Vud2Fobg==",
        "RwByAPYA3wBlAG4AdwBhAGgAbgCsIA==",
        "[71, 114, -61, -74, -61, -97, 101, 110, 119, 97, 104, 110]",
    ] {
        assert!(withheld(text, secret), "{text}");
    }
    assert!(withheld("PwQwBEAEPgQ7BEwE", "пароль"), "UTF-16 without any NUL");
}

#[test]
fn a_secret_of_many_lines_is_found_whatever_became_of_its_line_breaks() {
    let secret = "-----BEGIN KEY-----\nabc\ndef\nghi\n-----END KEY-----\n";
    for text in [
        "abc def ghi",
        "abcdefghi",
        r"abc\ndef\nghi",
        "abc\r\ndef\r\nghi",
        "abc&#10;def",
        "c%0Adef%0Ag",
    ] {
        assert!(withheld(text, secret), "{text}");
    }
}

#[test]
fn a_secret_that_is_encoded_itself_is_found_decoded() {
    assert!(withheld("the key is hunter2-and-more", "aHVudGVyMi1hbmQtbW9yZQ=="));
    assert!(withheld("a\"quoted\" text", r#"a\"quoted\""#));
}

#[test]
fn white_space_in_a_secret_does_not_make_single_letters_suspicious() {
    assert!(!withheld("a quick brown fox", "a             b              c"));
    assert!(withheld("a b c", "a             b              c"));
    assert!(withheld("horse is correct horsy", "my correct horse"));
}

#[test]
fn keys_without_a_readable_encoding_withhold_no_ordinary_message() {
    let messages = [
        "GET /admin/global-api-keys: HTTP 429 (injected fault); the call is repeated after 2 s",
        "com.dataiku.dip.exceptions.CodedException: Cannot create user 'jdoe': 100% of seats used, limit=20 & rising",
        r#"{"0":{"email":["Not a \"valid\" email address.","\u00e9"]}}"#,
    ];
    let mut random = StdRng::seed_from_u64(1);
    let withheld: Vec<String> = (0..400)
        .map(|_| Alphanumeric.sample_string(&mut random, 32))
        .filter(|key: &String| messages.iter().any(|message| withheld(message, key)))
        .collect();
    assert!(withheld.is_empty(), "{} of 400: {withheld:?}", withheld.len());
}

#[test]
fn a_message_that_takes_too_much_to_judge_counts_as_exposing() {
    let needles = Needles::new(&secrets(&["never-in-there"]));
    let contorted = r"\\u0025%2526amp;&quot;''=3D%%".repeat(20);
    assert!(exposes(&contorted, &needles, contorted.len()));
    assert!(!exposes(&contorted, &needles, usize::MAX));
    assert!(!exposes("plain", &needles, 64));
}

/// What encodes a text. Each may be applied to the result of any other.
type Encoder = fn(&str, usize) -> String;

fn each_char(text: &str, encode: impl Fn(char) -> String) -> String {
    text.chars().map(encode).collect()
}

fn bytes(text: &str, encode: impl Fn(u8) -> String) -> String {
    text.bytes().map(encode).collect()
}

fn base64(bytes: &[u8], alphabet: &[u8; 64], padded: bool) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let value = group
            .iter()
            .fold(0_usize, |value, byte| value << 8 | usize::from(*byte))
            << (8 * (3 - group.len()));
        for digit in 0..=group.len() {
            text.push(alphabet[(value >> (18 - 6 * digit)) & 63].into());
        }
        if padded {
            text.push_str(&"=".repeat(3 - group.len()));
        }
    }
    text
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const ENCODERS: [Encoder; 23] = [
    |text, _| serde_json::Value::from(text).to_string(),
    |text, _| {
        let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        units.concat()
    },
    |text, _| bytes(text, |byte| format!("\\x{byte:02X}")),
    |text, _| {
        each_char(text, |c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            other => other.to_string(),
        })
    },
    |text, _| each_char(text, |c| format!("&#{};", c as u32)),
    |text, _| each_char(text, |c| format!("&#x{:X};", c as u32)),
    |text, _| bytes(text, |byte| format!("%{byte:02x}")),
    |text, _| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string(),
    |text, _| url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
    |text, _| base64(text.as_bytes(), STANDARD, true),
    |text, _| base64(text.as_bytes(), URL_SAFE, false),
    |text, n| base64(format!("{}{text}:x", &"user"[..n % 4]).as_bytes(), STANDARD, true),
    |text, n| {
        let units: Vec<u8> = text
            .encode_utf16()
            .flat_map(if n % 2 == 0 { u16::to_le_bytes } else { u16::to_be_bytes })
            .collect();
        base64(&units, STANDARD, n % 3 == 0)
    },
    |text, _| bytes(text, |byte| format!("{byte:02x}")),
    |text, _| bytes(text, |byte| format!("{byte:02X} ")),
    |text, _| {
        bytes(text, |byte| match byte {
            b'!'..=b'<' | b'>'..=b'~' => char::from(byte).to_string(),
            other => format!("={other:02X}"),
        })
    },
    |text, n| wrapped(text, n % 7 + 3, "\r\n"),
    |text, n| wrapped(text, n % 7 + 3, " "),
    |text, n| wrapped(text, n % 5 + 1, "\u{200b}"),
    |text, n| wrapped(text, n % 5 + 1, "\u{ad}"),
    |text, _| {
        each_char(text, |c| match c {
            '!'..='~' => char::from_u32(c as u32 + 0xfee0).unwrap().to_string(),
            other => other.to_string(),
        })
    },
    |text, _| text.replace('\'', "''"),
    |text, n| format!("{}{text}{}", &"before: "[n % 8..], &" after"[..n % 7]),
];

fn wrapped(text: &str, every: usize, with: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let lines: Vec<String> = characters.chunks(every).map(|line| line.iter().collect()).collect();
    lines.join(with)
}

proptest! {
    #[test]
    fn no_chain_of_encodings_gets_a_part_of_a_secret_through(
        secret in "[!-~][ -~é€]{4,22}[!-~]",
        cut in 0_usize..20,
        swap in 0_usize..3,
        chain in proptest::collection::vec((0..ENCODERS.len(), 0_usize..1000), 0..=3),
    ) {
        let start = cut.min(secret.chars().count() - 6);
        let part: String = secret.chars().skip(start).collect();
        prop_assume!(part.chars().filter(|c| *c != ' ').count() >= 3);
        let part = [part.clone(), part.to_uppercase(), part.to_lowercase()][swap].clone();
        let encoded = chain.iter().fold(part, |text, (encoder, n)| ENCODERS[*encoder](&text, *n));
        let text = format!("refused: {encoded}, sorry");
        prop_assert_eq!(quotable(&text, &secrets(&[&secret])), WITHHELD, "{} in {:?}", secret, text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_text_is_quoted_or_withheld_without_a_panic(text in any::<String>(), noise in r#"[\\%&=;#xu0-9a-f{}'"+_ ]{0,80}"#) {
        let quoted = quotable(&format!("{text}{noise}"), &secrets(&["Xk9=Q&w<3vT€"]));
        prop_assert!(quoted.len() <= LIMIT);
    }
}
