//! Servers that are down, slow, half-right or hostile; and that no command prints a secret.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::simulator::Product;

use super::{at, command, with_cluster};
use crate::kinds::tests::node::Rig;

const FORMS: [&str; 4] = ["table", "json", "kyaml", "md"];

/// Every command that reads a node, in every form. `out`: a directory in which nothing may be left after an error.
fn commands(product: Product, out: &str) -> Vec<Vec<String>> {
    let name = match product {
        Product::Dss => "dss",
        Product::Govern => "govern",
        Product::Launchpad => "launchpad",
    };
    let by_product: &[&[&str]] = match product {
        Product::Dss => &[&["sessions"], &["tasks"], &["usage"], &["rules", "resolve", "jane.doe"]],
        Product::Govern => &[&["tasks"]],
        Product::Launchpad => &[],
    };
    let mut all: Vec<Vec<String>> = Vec::new();
    let mut add = |words: &[&str]| all.push(words.iter().map(|word| (*word).to_owned()).collect());
    for form in FORMS {
        let place = format!("{out}/{form}");
        add(&[
            "export",
            "--instance",
            "design",
            "-n",
            "team",
            "--kinds",
            "all",
            "-d",
            &place,
            "--preferences",
            "--secret-references",
            "-o",
            form,
        ]);
        add(&["plan", "--instance", "design", "-n", "team", "-f", &place, "-o", form]);
        add(&[
            "adopt",
            "--instance",
            "design",
            "-n",
            "team",
            "-d",
            &format!("{place}-adopted"),
            "-o",
            form,
        ]);
        add(&[
            "adopt",
            "--manage",
            "--instance",
            "design",
            "-n",
            "team",
            "-d",
            &format!("{place}-adopted"),
            "-o",
            form,
        ]);
        for words in by_product {
            add(&[words, &["-o", form][..]].concat());
        }
        if product != Product::Launchpad {
            add(&["access", "who-can", "admin", "-o", form]);
            add(&["access", "explain", "jane.doe", "-o", form]);
        }
    }
    for format in ["html", "csv", "json"] {
        add(&["access", "report", "--format", format]);
        add(&[
            "access",
            "report",
            "--format",
            format,
            "--file",
            &format!("{out}/report.{format}"),
        ]);
    }
    for words in &mut all {
        words.extend(["--product", name].map(str::to_owned));
    }
    all
}

/// Every spelling in which a secret is still one.
fn spellings(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let (mut hex, mut percent) = (String::new(), String::new());
    for byte in bytes {
        write!(hex, "{byte:02x}").unwrap();
        write!(percent, "%{byte:02X}").unwrap();
    }
    let mut all = vec![
        secret.to_owned(),
        secret.chars().rev().collect(),
        hex.to_uppercase(),
        hex,
        percent.to_lowercase(),
        percent,
    ];
    // Of a key before a colon, as in a header, and of what is inside of a longer text: without the ends that its neighbours change.
    for ahead in 0..3 {
        for last in [*b"+/", *b"-_"] {
            let text = base64(&[&[b'.'; 3][..ahead], bytes].concat(), last);
            all.push(text[4.min(text.len() - 8)..text.len() - 4].to_owned());
        }
    }
    all
}

/// Without padding; the last two letters of the alphabet differ between its two forms.
fn base64(bytes: &[u8], last: [u8; 2]) -> String {
    let letters: Vec<u8> = (b'A'..=b'Z')
        .chain(b'a'..=b'z')
        .chain(b'0'..=b'9')
        .chain(last)
        .collect();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(letters[bits >> (18 - 6 * at) & 63]));
        }
    }
    text
}

fn assert_no_secret(text: &str, secrets: &[String], place: &str) {
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{place} shows {secret}: {text}");
    }
}

/// A spelling is found where it is.
#[test]
fn spellings_are_found_in_what_they_are_made_for() {
    let secret = "canary-of-the-key-0123";
    let all = spellings(secret);
    for text in [
        base64(format!("{secret}:").as_bytes(), *b"+/"),
        base64(format!("user:{secret}").as_bytes(), *b"+/"),
        base64(format!("x{secret}y").as_bytes(), *b"-_"),
        format!("a {secret} b"),
    ] {
        assert!(all.iter().any(|one| text.contains(one.as_str())), "{text}");
    }
}

fn files(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// A node in which every place that may hold a secret holds one.
fn planted(product: Product, rig: &Rig) {
    if product == Product::Govern {
        // It has less to hide.
        let patch = json!({
            "users": { "jane.doe": { "login": "jane.doe", "sourceType": "LOCAL", "password": "canary-password",
                "groups": [], "userProfile": "READER", "adminProperties": { "apiToken": "canary-property" } } },
            "globalApiKeys": { "k1": { "label": "ci", "key": "canary-key", "globalPermissions": {} } },
            "blueprints": { "bp.a": { "blueprint": { "name": "A" } } },
            "blueprintPermissions": { "bp.a": { "blueprintId": "bp.a",
                "permissions": { "everyone": { "read": true, "accessToken": "canary-token" } } } },
        });
        return rig.node.patch_state(patch).unwrap();
    }
    super::export::populated(rig);
    rig.node
        .patch_state(json!({
            "users": { "jane.doe": {
                "credentials": {
                    "warehouse": { "type": "BASIC", "user": "jane", "password": "canary-credential" },
                    "lake": { "type": "OAUTH_REFRESH_TOKEN", "refreshToken": "canary-token" },
                },
                "adminProperties": { "apiToken": "canary-property" },
                "preferences": { "uiLanguage": "en", "someToken": "canary-preference" },
            } },
            "connections": { "warehouse": {} },
            "globalApiKeys": { "k1": { "label": "ci", "key": "canary-key", "globalPermissions": { "mayCreateProjects": true } } },
            "variables": { "region": "eu", "db": { "password": "canary-variable" } },
            "generalSettings": {
                "ldapSettings": { "enabled": false, "url": "ldap://x", "bindPassword": "canary-setting" },
                "ssoSettings": { "clientSecret": "canary-sso" },
            },
        }))
        .unwrap();
}

/// The secrets of a node, in every spelling.
fn secrets_of(rig: &Rig) -> Vec<String> {
    let planted = [
        "canary-password",
        "canary-secret",
        "canary-credential",
        "canary-token",
        "canary-key",
        "canary-variable",
        "canary-setting",
        "canary-sso",
        "canary-property",
        "canary-preference",
    ];
    let all = planted.into_iter().chain([rig.node.api_key()]);
    all.flat_map(spellings).collect()
}

async fn no_secret_is_printed(product: Product, rig: &Rig) {
    planted(product, rig);
    let secrets = secrets_of(rig);
    let folder = TempDir::new().unwrap();
    let mut texts = Vec::new();
    for words in commands(product, folder.path().to_str().unwrap()) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (_, printed) = command(rig, &words)
            .await
            .unwrap_or_else(|error| panic!("{words:?}: {error}"));
        texts.push(printed);
    }
    files(folder.path(), &mut texts);
    assert!(texts.len() > 40, "{}", texts.len());
    for text in texts {
        assert_no_secret(&text, &secrets, "standard output or a file");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_prints_or_writes_a_secret_of_a_dss_node_in_any_form() {
    no_secret_is_printed(Product::Dss, &Rig::dss().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_prints_or_writes_a_secret_of_a_govern_node_in_any_form() {
    no_secret_is_printed(Product::Govern, &Rig::govern().await).await;
}

/// With a cluster, there are the Secrets of the connection and of the objects, too; `RUST_LOG` makes no command say more.
#[tokio::test(flavor = "multi_thread")]
async fn no_command_with_a_cluster_prints_a_secret_in_any_form_or_error() {
    let rig = Rig::dss().await;
    planted(Product::Dss, &rig);
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "jane", "namespace": "team" },
        "stringData": { "password": "canary-of-the-cluster" },
    }));
    rig.create(
        "DssUser",
        "jane.doe",
        json!({ "instanceRef": { "name": "design" }, "adoptionPolicy": "Adopt", "passwordSecretRef": { "name": "jane" } }),
    );
    rig.until("a first status", || {
        !crate::kinds::tests::node::ready(&rig.server.get("dssusers", "team", "jane.doe")).is_null()
    })
    .await;
    let mut secrets = secrets_of(&rig);
    secrets.extend(spellings("canary-of-the-cluster"));
    let folder = TempDir::new().unwrap();
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let from = ["--from", "dssinstance/team/design"];
    for fault in [None, Some("plain"), Some("base64"), Some("hex")] {
        if let Some(encoding) = fault {
            let quote = json!({ "kind": "quote", "status": 400, "of": "credential", "encoding": encoding });
            rig.node.fault(json!({ "match": {}, "times": 0, "fault": quote }));
        }
        for form in FORMS {
            let place = out(&format!("{form}-{}", fault.unwrap_or("none")));
            let commands: [Vec<&str>; 9] = [
                vec![
                    "export",
                    "-n",
                    "team",
                    "--kinds",
                    "all",
                    "--secret-references",
                    "-d",
                    &place,
                    "-o",
                    form,
                ],
                vec!["plan", "--cluster", "-o", form],
                vec!["access", "explain", "jane.doe", "-o", form],
                vec!["sessions", "-o", form],
                vec!["tasks", "-o", form],
                vec!["usage", "-o", form],
                vec!["rules", "resolve", "jane.doe", "-o", form],
                vec!["drain", from[1], "--freeze", "--dry-run", "-o", form],
                vec!["status", "dssuser/jane.doe", "-n", "team", "-o", form],
            ];
            for words in commands {
                let said = match words[0] {
                    "status" => super::run(&words, "", Some(rig.server.client())).await,
                    "drain" => with_cluster(&rig, &words).await,
                    _ => with_cluster(&rig, &[&words[..], &from].concat()).await,
                };
                let text = said.map_or_else(|error| error, |said| said.out + &said.err);
                assert_no_secret(&text, &secrets, &format!("{words:?} under {fault:?}"));
            }
        }
        rig.node.clear_faults();
    }
    let mut texts = Vec::new();
    files(folder.path(), &mut texts);
    for text in texts {
        assert_no_secret(&text, &secrets, "a file");
    }
}

/// What a server may do to every call.
fn faults() -> Vec<Value> {
    let mut all = vec![
        json!({ "kind": "html", "page": "login", "status": 200 }),
        json!({ "kind": "html", "page": "error", "status": 502 }),
        json!({ "kind": "truncate" }),
        json!({ "kind": "dropBefore" }),
        json!({ "kind": "dropAfter" }),
        json!({ "kind": "status", "status": 500 }),
        json!({ "kind": "status", "status": 401 }),
        json!({ "kind": "status", "status": 200, "body": { "\u{1b}[2J": 1 } }),
    ];
    for encoding in ["plain", "base64", "percent", "hex", "basic"] {
        all.push(json!({ "kind": "quote", "status": 400, "of": "credential", "encoding": encoding }));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_server_gets_a_sentence_no_secret_is_printed_and_nothing_is_half_written() {
    let rig = Rig::dss().await;
    planted(Product::Dss, &rig);
    let folder = TempDir::new().unwrap();
    let secrets = secrets_of(&rig);
    let all = commands(Product::Dss, folder.path().to_str().unwrap());
    for fault in faults() {
        let set = rig.node.try_fault(json!({ "match": {}, "times": 0, "fault": fault }));
        assert!(set.is_ok(), "{fault}");
        // One form each: an error has none.
        for words in all.iter().filter(|words| words.iter().any(|word| word == "json")) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let error = match command(&rig, &words).await {
                Err(error) => error,
                Ok((_, printed)) => panic!("{words:?} under {fault}: {printed}"),
            };
            assert_no_secret(&error, &secrets, &format!("{words:?} under {fault}"));
            assert!(error.len() > 10, "{words:?} under {fault}: {error}");
            let left = std::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(left, 0, "{words:?} under {fault}");
        }
        rig.node.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_or_half_right_gets_a_sentence() {
    let error = at(
        "http://127.0.0.1:9",
        &["usage"],
        &["--api-key-file", "-"],
        "canary-of-the-key",
    )
    .await
    .unwrap_err();
    assert!(error.contains("check url") && !error.contains("canary"), "{error}");
    let rig = Rig::dss().await;
    // One call of several fails: the export is not made of the rest.
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let unavailable = |operation| json!({ "match": { "operation": operation }, "times": 0, "fault": { "kind": "status", "status": 503 } });
    let groups = rig.node.fault(unavailable("D23"));
    let words = [
        "export",
        "--instance",
        "design",
        "-n",
        "team",
        "-d",
        out.to_str().unwrap(),
    ];
    let error = command(&rig, &words).await.unwrap_err();
    assert!(
        error.contains("GET /admin/groups/: HTTP 503") && !out.exists(),
        "{error}"
    );
    rig.node.remove_fault(groups);
    rig.node.fault(unavailable("D14"));
    let exported = command(&rig, &words).await;
    // The activity of users is no part of an export, and every other list is there.
    assert!(exported.is_ok() && out.exists(), "{exported:?}");
    // A report names the list that it lacks.
    let (_, report) = command(&rig, &["access", "report", "--format", "json"]).await.unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let read = report["read"].as_array().unwrap();
    assert!(read.iter().any(|one| one["missing"].is_string()), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_is_waited_for() {
    let rig = Rig::dss().await;
    let slow = json!({ "match": {}, "times": 0, "fault": { "kind": "latency", "millis": 200 } });
    assert!(rig.node.try_fault(slow).is_ok());
    assert!(command(&rig, &["usage"]).await.is_ok());
}
