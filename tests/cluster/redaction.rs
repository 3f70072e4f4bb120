//! Secret values in what a remote side says: no encoding brings one to people.

use std::fmt::Write as _;

use serde_json::{Value, json};
use testbed::simulator::Product;

use crate::ground::Ground;
use crate::{
    bed::{Findings, LOG, PATIENCE, message, object},
    connection::credentials,
};

/// The forms in which the simulator quotes a secret.
const ENCODINGS: [&str; 14] = [
    "plain",
    "gson",
    "unicode",
    "html",
    "htmlNumeric",
    "percent",
    "percentLower",
    "percentTwice",
    "form",
    "base64",
    "basic",
    "hex",
    "oneLine",
    "cut",
];

/// With every character that some encoding writes in another way.
const PASSWORD: &str = "Xk9=Q&w<3vT 7'zR";

/// What would be enough to guess a password of that length.
const TELLING: usize = 6;

/// Whether a text shows six characters in a row of the secret, once every escape and encoding is taken back.
fn tells(text: &str, secret: &str) -> bool {
    let secret: Vec<char> = secret.chars().collect();
    let parts: Vec<String> = secret.windows(TELLING).map(|part| part.iter().collect()).collect();
    let plain = decoded(text);
    let whole: String = secret.iter().collect();
    let alone = [format!("{whole}:"), whole].map(|text| (base64(&text), hex(&text)));
    // A form without its last characters, which hang on what follows.
    let cut = |text: &str| text[..text.len() - 4].to_owned();
    parts.iter().any(|part| plain.contains(part.as_str()))
        || alone
            .iter()
            .any(|(base64, hex)| text.contains(&cut(base64)) || text.to_lowercase().contains(&cut(hex)))
}

/// A text with the escapes of JSON, pages and URLs taken back, several times over.
fn decoded(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..4 {
        text = percent_decoded(&text.replace("\\\\", "\\"));
        for (escape, letter) in [
            ("&amp;", "&"),
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&#39;", "'"),
            ("&apos;", "'"),
            ("&quot;", "\""),
            ("+", " "),
        ] {
            text = text.replace(escape, letter);
        }
        text = numbered(&numbered(&text, "&#", 10, None, ";"), "\\u", 16, Some(4), "");
    }
    text
}

/// A text with every `start number end` replaced by the character of that number.
fn numbered(text: &str, start: &str, radix: u32, digits: Option<usize>, end: &str) -> String {
    let mut parts = text.split(start);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let length = digits.unwrap_or_else(|| part.find(end).unwrap_or(0));
        let number = part
            .get(..length)
            .and_then(|number| u32::from_str_radix(number, radix).ok());
        if let Some(letter) = number.and_then(char::from_u32) {
            out.push(letter);
            out.push_str(&part[length + end.len()..]);
        } else {
            out.push_str(start);
            out.push_str(part);
        }
    }
    out
}

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

fn base64(text: &str) -> String {
    let encoded = serde_json::to_string(&k8s_openapi::ByteString(text.as_bytes().to_vec())).unwrap();
    encoded.trim_matches('"').to_owned()
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[test]
fn what_tells_a_secret_is_seen_in_every_form() {
    for shown in [
        "Xk9=Q&w<3vT 7'zR",
        "Xk9\\u003dQ\\u0026w\\u003c3vT",
        "Xk9=Q&amp;w&lt;3vT",
        "Xk9&#61;Q&#38;w&#60;3vT",
        "Xk9%3DQ%26w%3C3vT",
        "xx Xk9%253DQ%2526w",
        "3vT+7%27zR",
        "Q&w<3v",
        "\\u0058\\u006b\\u0039\\u003d\\u0051\\u0026",
    ] {
        assert!(tells(shown, PASSWORD), "{shown}");
        assert!(tells(&json!(shown).to_string(), PASSWORD), "{shown} in JSON");
    }
    assert!(tells(&base64(PASSWORD), PASSWORD) && tells(&hex(PASSWORD), PASSWORD));
    assert!(!tells(
        "Weak password [message withheld: it contains a secret value]",
        PASSWORD
    ));
}

in_memory!(no_encoding_of_a_password_is_shown);
async fn no_encoding_of_a_password_is_shown(ground: &Ground) {
    let bed = ground.ready("encodings").await;
    bed.namespace.secret("login", &[("password", PASSWORD)]).await.unwrap();
    let mut findings = Findings::default();
    for encoding in ENCODINGS {
        bed.remote.clear_faults();
        bed.remote.fault(json!({
            "match": { "operation": "D2" }, "times": 0,
            "fault": { "kind": "quote", "status": 400, "of": "/password", "encoding": encoding },
        }));
        let name = format!("user-{}", encoding.to_lowercase());
        let spec = json!({ "instanceRef": { "name": "design" }, "passwordSecretRef": { "name": "login" } });
        bed.apply(&object("DssUser", &name, spec)).await;
        let refused = bed.wait("DssUser", &name, "Ready=False/Rejected").await;
        let shown = message(&refused);
        findings.check(!tells(&refused.to_string(), PASSWORD), &format!("{encoding}: {shown}"));
        let warning = bed.namespace.wait_for_event(&name, "Rejected", PATIENCE).await.unwrap();
        findings.check(
            !tells(&warning.note, PASSWORD),
            &format!("{encoding}, Event: {}", warning.note),
        );
        // That something is kept back is said, and so is what is no secret.
        findings.check(shown.contains("HTTP 400"), &format!("{encoding}: {shown}"));
    }
    let logs = bed.operator.logs();
    let told = logs.lines().filter(|line| tells(line, PASSWORD));
    let told: Vec<_> = told.take(3).collect();
    findings.check(told.is_empty(), &format!("in the log: {told:#?}"));
    findings.none();
}

in_memory!(no_encoding_of_a_key_of_a_connection_is_shown);
async fn no_encoding_of_a_key_of_a_connection_is_shown(ground: &Ground) {
    let mut findings = Findings::default();
    for product in [Product::Dss, Product::Govern, Product::Launchpad] {
        let bed = ground.start_for(product, "keyforms", &[], LOG).await;
        let key = credentials(&bed.remote).last().unwrap().1.to_owned();
        bed.give_credentials().await;
        for (number, encoding) in ["plain", "unicode", "base64", "basic", "hex", "cut"]
            .into_iter()
            .enumerate()
        {
            bed.remote.clear_faults();
            bed.remote.fault(json!({
                "match": {}, "times": 0,
                "fault": { "kind": "quote", "status": 400, "of": "credential", "encoding": encoding },
            }));
            // Another generation, so that the wait is for what is said of this one.
            let marked = format!("{}s", 60 + number);
            bed.apply(&bed.connection_with(json!({ "driftInterval": marked })))
                .await;
            let (kind, name) = (bed.connection.kind, bed.connection.name);
            let not_ready = |object: &Value| {
                let ready = &object["status"]["conditions"][0];
                ready["status"] == "False" && ready["observedGeneration"] == object["metadata"]["generation"]
            };
            let object = bed.namespace.wait_for(kind, name, not_ready, PATIENCE).await.unwrap();
            findings.check(
                !tells(&object.to_string(), &key),
                &format!("{kind}, {encoding}: {}", message(&object)),
            );
        }
        findings.check(!tells(&bed.operator.logs(), &key), &format!("{product:?}: in the log"));
    }
    findings.none();
}
