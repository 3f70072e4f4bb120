//! What people read when something is wrong: servers that are down, slow, half-right or hostile, and wrong input. Each row of the
//! tables is one situation and the sentence for it.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{at, command, run};
use crate::kinds::tests::node::Rig;

/// What the server does to calls of these operations (none: every call), the command, and what people read.
type Row = (
    &'static [&'static str],
    Value,
    &'static [&'static str],
    &'static [&'static str],
);

const EXPORT: &[&str] = &["export", "--instance", "design", "-n", "team", "--kinds", "all"];
const REPORT: &[&str] = &["access", "report", "--format", "json"];

fn status(status: u16) -> Value {
    json!({ "kind": "status", "status": status })
}

fn servers() -> Vec<Row> {
    vec![
        // Hostile, or not the product at all.
        (
            &[],
            json!({ "kind": "html", "page": "login", "status": 200 }),
            &["usage"],
            &["the answer is an HTML page", "login page"],
        ),
        (
            &[],
            json!({ "kind": "html", "page": "login", "status": 200 }),
            EXPORT,
            &["GET /auth/info", "HTML page"],
        ),
        (
            &[],
            json!({ "kind": "html", "page": "error", "status": 502 }),
            &["tasks"],
            &["HTTP 502", "run the command again later"],
        ),
        (
            &[],
            json!({ "kind": "truncate" }),
            &["usage"],
            &["not valid JSON, or cut short"],
        ),
        (&[], json!({ "kind": "endless" }), &["tasks"], &["more than"]),
        (&[], json!({ "kind": "endless" }), EXPORT, &["more than"]),
        (
            &[],
            json!({ "kind": "status", "status": 200, "body": {} }),
            &["usage"],
            &["none of the numbers", "--url"],
        ),
        (
            &[],
            json!({ "kind": "status", "status": 200, "body": {} }),
            &["tasks"],
            &["expected a sequence"],
        ),
        (
            &[],
            json!({ "kind": "status", "status": 200, "body": [] }),
            &["usage"],
            &["expected a map"],
        ),
        (
            &[],
            json!({ "kind": "status", "status": 200, "body": [] }),
            REPORT,
            &["GET /auth/info"],
        ),
        // Down.
        (&[], json!({ "kind": "dropBefore" }), &["usage"], &["connection lost"]),
        (&[], json!({ "kind": "dropAfter" }), EXPORT, &["connection lost"]),
        (
            &[],
            status(500),
            &["sessions"],
            &["HTTP 500", "run the command again later"],
        ),
        (
            &[],
            status(429),
            &["usage"],
            &["HTTP 429", "run the command again later"],
        ),
        // A key that is not enough.
        (
            &[],
            status(401),
            &["rules", "resolve", "admin"],
            &["HTTP 401", "check the key"],
        ),
        (&[], status(403), &["usage"], &["HTTP 403", "lacks the right"]),
        // Half-right: one list of several. An export is not made of the rest, whatever the list is.
        (&["D1"], status(503), EXPORT, &["GET /admin/users/", "HTTP 503"]),
        (&["D23"], status(503), EXPORT, &["GET /admin/groups/", "HTTP 503"]),
        (
            &["D29"],
            status(503),
            EXPORT,
            &["GET /admin/general-settings", "HTTP 503"],
        ),
        (
            &["D29"],
            status(403),
            EXPORT,
            &["GET /admin/general-settings", "lacks the right"],
        ),
        (&["D31"], status(503), EXPORT, &["GET /admin/variables", "HTTP 503"]),
        (
            &["D35"],
            status(403),
            EXPORT,
            &["GET /admin/global-api-keys/", "lacks the right"],
        ),
        (
            &["D23"],
            json!({ "kind": "truncate" }),
            REPORT,
            &["GET /admin/groups/", "cut short"],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_half_right_or_hostile_is_named_and_nothing_is_half_written() {
    let rig = Rig::dss().await;
    super::export::populated(&rig);
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    for (operations, fault, words, expected) in servers() {
        let place = format!("{words:?} where {operations:?} answer {fault}");
        let every = json!({});
        let matches: Vec<Value> = operations.iter().map(|one| json!({ "operation": one })).collect();
        for one in if matches.is_empty() { vec![every] } else { matches } {
            let set = rig.node.try_fault(json!({ "match": one, "times": 0, "fault": fault }));
            assert!(set.is_ok(), "{place}");
        }
        let directory = ["-d", out.to_str().unwrap()];
        let words = if words[0] == "export" {
            [words, &directory].concat()
        } else {
            words.to_vec()
        };
        let error = command(&rig, &words).await.err();
        let error = error.unwrap_or_else(|| panic!("no error: {place}"));
        for part in expected {
            assert!(error.contains(part), "{place}: no {part:?} in {error}");
        }
        for word in ["the operator", rig.node.api_key(), "\u{1b}"] {
            assert!(!error.contains(word), "{place}: {word:?} in {error}");
        }
        assert!(!error.contains('\n') && error.len() < 400, "{place}: {error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{place}");
        rig.node.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_without_a_name_are_counted_and_the_rest_is_exported() {
    let rig = Rig::dss().await;
    super::export::populated(&rig);
    for operation in ["D1", "D23"] {
        let fault = json!({ "kind": "elements", "append": [{ "description": "nobody knows which" }] });
        let set = json!({ "match": { "operation": operation }, "times": 0, "fault": fault });
        assert!(rig.node.try_fault(set).is_ok());
    }
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let words = [
        "export",
        "--instance",
        "design",
        "-n",
        "team",
        "-o",
        "json",
        "-d",
        out.to_str().unwrap(),
    ];
    let (_, printed) = command(&rig, &words).await.unwrap();
    let summary: Value = serde_json::from_str(&printed).unwrap();
    let left = summary["leftOut"].as_array().unwrap();
    let nameless = left
        .iter()
        .filter(|one| one["why"] == "they have no name that can be read");
    assert_eq!(nameless.count(), 2, "{summary:#}");
    assert!(out.join("dssusers/jane.doe.yaml").exists(), "{summary:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_the_release_does_not_have_is_left_out_of_an_export_by_name() {
    let rig = Rig::dss().await;
    super::export::populated(&rig);
    let absent = json!({ "match": { "operation": "D31" }, "times": 0, "fault": status(404) });
    assert!(rig.node.try_fault(absent).is_ok());
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let words = [EXPORT, &["-o", "json", "-d", out.to_str().unwrap()]].concat();
    let (_, printed) = command(&rig, &words).await.unwrap();
    let summary: Value = serde_json::from_str(&printed).unwrap();
    let left = json!({ "kind": "DssInstanceVariables", "remote": "all", "why": "this release has no such list" });
    assert!(summary["leftOut"].as_array().unwrap().contains(&left), "{summary:#}");
}

/// The address, the words, the options for the key, what is on standard input, and what people read.
type Input = (&'static str, Vec<String>, Vec<String>, &'static str, &'static str);

#[expect(clippy::too_many_lines, reason = "a table of situations")]
#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_gets_a_sentence_that_names_it_and_sends_nothing() {
    let rig = Rig::dss().await;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("key"), rig.node.api_key()).unwrap();
    std::fs::write(path("empty"), "").unwrap();
    std::fs::write(path("two-lines"), "canary-one\ncanary-two\n").unwrap();
    std::fs::write(path("no-yaml.yaml"), "a: [canary").unwrap();
    std::fs::create_dir(path("full")).unwrap();
    std::fs::write(path("full/file"), "there already").unwrap();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let usage = || words(&["usage"]);
    let key = |name: &str| vec!["--api-key-file".to_owned(), path(name)];
    let export = |to: &str| words(&["export", "--instance", "design", "-n", "team", "-d", &path(to)]);
    let rows: Vec<Input> = vec![
        ("", usage(), key("nothing"), "", "No such file"),
        ("", usage(), key("empty"), "", "is empty"),
        ("", usage(), key("two-lines"), "", "control character"),
        (
            "",
            usage(),
            words(&["--api-key-file", "-"]),
            "",
            "the API key on standard input",
        ),
        (
            "",
            usage(),
            words(&["--api-key-from", "canary-as-argument"]),
            "",
            "never the key itself",
        ),
        ("nowhere", usage(), key("key"), "", "the URL is not valid"),
        ("https://169.254.169.254", usage(), key("key"), "", "address refused"),
        ("https://10.1.2.3", usage(), key("key"), "", "--allow-address"),
        (
            "/dip/publicapi",
            usage(),
            key("key"),
            "",
            "the URL has the path of the API",
        ),
        (
            "",
            words(&["access", "who-can", "mayFly"]),
            key("key"),
            "",
            "has no permission mayFly",
        ),
        (
            "",
            words(&["access", "explain", "nobody"]),
            key("key"),
            "",
            "no user nobody",
        ),
        (
            "",
            words(&["rules", "resolve", "nobody"]),
            key("key"),
            "",
            "no user nobody",
        ),
        ("", export("full"), key("key"), "", "is not empty: name a new directory"),
        ("", export("no/such/parent"), key("key"), "", "create it first"),
        (
            "",
            words(&[
                "export",
                "--instance",
                "design",
                "-n",
                "team",
                "--kinds",
                "roles",
                "-d",
                &path("out"),
            ]),
            key("key"),
            "",
            "has no roles to export; --kinds takes all, or some of groups, users, global-keys",
        ),
        (
            "",
            words(&["access", "report", "--file", &path("no/such/file")]),
            key("key"),
            "",
            "create it first",
        ),
        (
            "",
            words(&["plan", "--instance", "design", "-f", &path("nothing")]),
            key("key"),
            "",
            "No such file",
        ),
        (
            "",
            words(&["plan", "--instance", "design", "-f", &path("no-yaml.yaml")]),
            key("key"),
            "",
            "is not YAML",
        ),
        (
            "",
            words(&["plan", "--instance", "design", "-f", "-"]),
            words(&["--api-key-file", "-"]),
            "canary",
            "named twice",
        ),
        (
            "",
            words(&[
                "adopt",
                "--manage",
                "--instance",
                "design",
                "-n",
                "team",
                "-d",
                &path("full"),
            ]),
            key("key"),
            "",
            "no manifest in",
        ),
    ];
    for (address, words, key, input, expected) in rows {
        let url = match address {
            "" => rig.node.url().to_owned(),
            path if path.starts_with('/') => format!("{}{path}", rig.node.url()),
            address => address.to_owned(),
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let key: Vec<&str> = key.iter().map(String::as_str).collect();
        let error = at(&url, &words, &key, input).await.err();
        let error = error.unwrap_or_else(|| panic!("no error: {words:?} {key:?}"));
        assert!(
            error.contains(expected),
            "{words:?} {key:?}: no {expected:?} in {error}"
        );
        for word in [
            "canary",
            rig.node.api_key(),
            "the operator runs",
            "(os error 2) at path",
        ] {
            assert!(!error.contains(word), "{words:?}: {word} in {error}");
        }
    }
    assert!(!folder.path().join("out").exists() && !folder.path().join("no").exists());
    assert_eq!(rig.node.writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_not_sent_in_the_clear_unless_that_is_allowed() {
    let rig = Rig::dss().await;
    let calls = rig.node.requests().log.len();
    let base = ["usage", "--api-key-file", "-", "--allow-address", "127.0.0.0/8"];
    let plain = [&base[..], &["--url", rig.node.url()]].concat();
    let error = run(&plain, "canary-of-the-key", None).await.err().unwrap();
    assert!(
        error.contains("--allow-insecure-tls") && error.contains("http"),
        "{error}"
    );
    let unverified = [&base[..], &["--url", "https://127.0.0.1:9", "--insecure-skip-verify"]].concat();
    let error = run(&unverified, "canary-of-the-key", None).await.err().unwrap();
    assert!(error.contains("--ca-file") && !error.contains("canary"), "{error}");
    // The node does not know the key, so a call with it would be refused.
    let sent = rig.node.requests().log;
    assert!(sent.iter().skip(calls).all(|one| one.status != 401), "{sent:?}");
}
