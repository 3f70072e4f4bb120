//! Rows: a switch, its answers, and what a client sees under each.
//!
//! `"A9" an_unknown_group { "accept" => 200, "refuse" => 400 }` is a test for each product before the colon. It starts an
//! instance for each answer, on which the function `an_unknown_group` looks as a client and gives what it saw.

use serde_json::{Value, json};
use simulator::{Instance, InstanceConfig, Simulator};

/// Makes a module for each product with a test for each row, and the names of the switches of the rows.
macro_rules! answers {
    (@tests $product:ident {
        $($name:literal $look:ident { $($value:tt => $seen:tt),+ $(,)? })+
    }) => {
        pub const NAMES: &[&str] = &[$($name),+];
        $(
            #[tokio::test]
            async fn $look() {
                let answers = [$((serde_json::json!($value), serde_json::json!($seen))),+];
                crate::answers::are_shown(stringify!($product), $name, &answers, super::$look).await;
            }
        )+
    };
    ($($product:ident),+: $rows:tt) => {
        $(pub mod $product { answers!(@tests $product $rows); })+
    };
}

/// Asserts that a client sees what a row says.
pub async fn are_shown(product: &str, name: &str, answers: &[(Value, Value)], look: impl AsyncFn(&Instance) -> Value) {
    cover(product, name, answers);
    let simulator = Simulator::start().await.unwrap();
    for (answer, seen) in answers {
        let config = InstanceConfig::new(serde_json::from_value(json!(product)).unwrap());
        let config = config.switch(name, answer.clone());
        let node = simulator.instance(config).await.unwrap();
        assert_eq!(look(&node).await, *seen, "{name} = {answer}");
    }
}

/// Asserts that a row has the default and, where they can be counted, all answers, and that no two look alike.
fn cover(product: &str, name: &str, answers: &[(Value, Value)]) {
    for wanted in possible(product, name) {
        let has_it = answers.iter().any(|(answer, _)| *answer == wanted);
        assert!(has_it, "the row of {name} has no {wanted}");
    }
    assert!(answers.len() > 1, "the row of {name} has one answer only");
    for (place, (answer, seen)) in answers.iter().enumerate() {
        let same = answers[..place].iter().find(|(_, other)| other == seen);
        assert_eq!(same, None, "the row of {name} sees the same under {answer}");
    }
}

/// The answers of a switch as the simulator lists them; the default alone where any number or text will do.
fn possible(product: &str, name: &str) -> Vec<Value> {
    let listed = simulator::switches();
    let mut lines = listed.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let cells = lines.find(|cells| cells[..2] == [product, name]).unwrap();
    let default: Value = serde_json::from_str(cells[2]).unwrap();
    let allowed = cells[3].trim_matches(['[', ']']);
    if allowed.starts_with("a ") {
        return vec![default];
    }
    let words = allowed.split(" | ");
    if default.is_boolean() {
        return words.map(|word| json!(word == "true")).collect();
    }
    words.map(|word| json!(word)).collect()
}

/// What several calls saw, when it is the same.
pub fn all<const N: usize>(seen: [u16; N]) -> Value {
    assert_eq!(seen, [seen[0]; N]);
    json!(seen[0])
}
