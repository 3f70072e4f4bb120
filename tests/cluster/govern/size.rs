//! Objects that are large.

use serde_json::{Value, json};

use super::{assignment, in_sync};
use crate::ground::Ground;

/// Bytes that a status may have, however large the spec is.
const STATUS: usize = 48 * 1024;

in_memory!(a_status_stays_small_whatever_the_rules_name);
async fn a_status_stays_small_whatever_the_rules_name(ground: &Ground) {
    let bed = ground.govern("large").await;
    let rules = |mark: &str| -> Value {
        let users = |rule: usize| -> Vec<String> {
            (0..150)
                .map(|n| format!("{mark}-somebody-with-a-long-name-{rule:02}-{n:04}"))
                .collect()
        };
        (0..8).map(|rule| json!({ "users": users(rule) })).collect()
    };
    let size = |object: &Value| serde_json::to_string(&object["status"]).unwrap().len();
    let large = |extra: Value| crate::bed::merged(json!({ "rules": rules("first") }), extra);
    let spec = assignment("large", large(json!({ "managementPolicy": "Observe" })));
    bed.apply(&spec).await;
    let observed = bed.wait("GovernRoleAssignment", "large", "Ready=True/Observed").await;
    assert!(size(&observed) < STATUS, "Observed with {} bytes", size(&observed));

    bed.apply(&assignment("large", large(json!({})))).await;
    let managed = in_sync(&bed, "large").await;
    assert!(size(&managed) < STATUS, "InSync with {} bytes", size(&managed));
    for event in bed.namespace.events("large").await.unwrap() {
        assert!(event.note.len() <= 1024, "an Event of {} bytes", event.note.len());
    }
    // All of it is on record nevertheless: what is declared no more goes.
    bed.apply(&assignment("large", json!({ "rules": rules("second") })))
        .await;
    in_sync(&bed, "large").await;
    let document = super::document(&bed).unwrap().to_string();
    assert!(document.contains("second-somebody") && !document.contains("first-somebody"));
    super::delete(&bed, "large").await;
    let left = super::document(&bed)
        .map(|document| document.to_string())
        .unwrap_or_default();
    assert!(!left.contains("somebody"), "{} bytes are left", left.len());
}
