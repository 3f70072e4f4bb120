//! White space and control characters in Secrets: what editors leave behind, and what nobody can mean.

use serde_json::{Value, json};
use testbed::simulator::Product;

use crate::ground::Ground;
use crate::{
    bed::{Findings, LOG, PATIENCE, message, object},
    connection::credentials,
};

fn jane() -> Value {
    let spec = json!({ "instanceRef": { "name": "design" }, "passwordSecretRef": { "name": "login" } });
    object("DssUser", "jane", spec)
}

in_memory!(one_line_ending_is_no_part_of_a_password);
async fn one_line_ending_is_no_part_of_a_password(ground: &Ground) {
    let bed = ground.ready("lineending").await;
    let mut findings = Findings::default();
    for (number, ending) in ["\r\n", "\n", ""].into_iter().enumerate() {
        let value = format!("correct horse {number}");
        bed.namespace
            .secret("login", &[("password", &format!("{value}{ending}"))])
            .await
            .unwrap();
        bed.apply(&jane()).await;
        bed.until("a password", || {
            bed.user("jane")
                .is_some_and(|jane| jane["password"].to_string().contains(&value))
        })
        .await;
        let set = bed.user("jane").unwrap()["password"].clone();
        findings.check(set == *value, &format!("{ending:?} became part of the password: {set}"));
        bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    }
    findings.none();
}

in_memory!(a_password_with_a_control_character_is_invalid);
async fn a_password_with_a_control_character_is_invalid(ground: &Ground) {
    let bed = ground.ready("control").await;
    let before = bed.remote.writes();
    for value in [
        "two\nlines\n",
        "line\r\n\r\n",
        "tab\tinside",
        "bell\u{7}inside",
        "nul\u{0}inside",
    ] {
        bed.namespace.secret("login", &[("password", value)]).await.unwrap();
        bed.apply(&jane()).await;
        let refused = bed.wait("DssUser", "jane", "Ready=False/Invalid").await;
        let message = message(&refused);
        let named = format!("{}/login", bed.namespace.name());
        assert!(
            message.contains(&named) && message.contains("password"),
            "{value:?}: {message}"
        );
        assert_eq!(bed.remote.writes(), before, "{value:?}");
        bed.namespace.delete("DssUser", "jane").await.unwrap();
        bed.namespace.wait_gone("DssUser", "jane", PATIENCE).await.unwrap();
    }
}

in_memory!(a_key_of_a_connection_may_end_in_one_line_ending_and_have_no_other_white_space);
async fn a_key_of_a_connection_may_end_in_one_line_ending_and_have_no_other_white_space(ground: &Ground) {
    let mut findings = Findings::default();
    for product in [Product::Dss, Product::Govern, Product::Launchpad] {
        let bed = ground.start_for(product, "keyspace", &[], LOG).await;
        let (kind, name, secret) = (bed.connection.kind, bed.connection.name, bed.connection.secret());
        let spoiled = |before: &str, after: &str| -> Vec<(&'static str, String)> {
            let keys = credentials(&bed.remote).into_iter();
            keys.map(|(key, value)| (key, format!("{before}{value}{after}")))
                .collect()
        };
        let give = async |keys: Vec<(&'static str, String)>| {
            let keys: Vec<_> = keys.iter().map(|(key, value)| (*key, value.as_str())).collect();
            bed.namespace.secret(&secret, &keys).await.unwrap();
        };
        give(spoiled("", "\r\n")).await;
        bed.apply(&bed.connection_with(json!({}))).await;
        let ready = bed
            .namespace
            .wait_for_condition(kind, name, "Ready=True/InSync", PATIENCE / 3)
            .await;
        findings.check(
            ready.is_ok(),
            &format!("{kind}: CR LF at the end: {}", bed.message(kind, name).await),
        );
        for (before, after) in [(" ", ""), ("", " \n"), ("", "\n\n"), ("\t", "")] {
            give(spoiled(before, after)).await;
            let wanted = bed
                .namespace
                .wait_for_condition(kind, name, "Ready=False/Invalid", PATIENCE / 6)
                .await;
            let message = bed.message(kind, name).await;
            let named = message.contains(&secret) && message.contains(credentials(&bed.remote)[0].0);
            findings.check(
                wanted.is_ok() && named,
                &format!("{kind}: {before:?} {after:?}: {message}"),
            );
        }
    }
    findings.none();
}
