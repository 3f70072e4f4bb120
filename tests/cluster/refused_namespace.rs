//! Several watched namespaces, and rights in only some of them.

use memory_apiserver::{Action, Rule};

use serde_json::json;

use crate::bed::group;
use crate::ground::Ground;

in_memory!(a_namespace_without_rights_is_named_and_holds_up_no_other_one);

async fn a_namespace_without_rights_is_named_and_holds_up_no_other_one(ground: &Ground) {
    let Ground::Memory(world) = ground else { return };
    let refusal = Rule::new(Action::Status(403, "Forbidden".into()));
    let refusal = world
        .server
        .fault(refusal.when(|request| request.path.contains("/namespaces/vault/")));
    // It starts, and is ready.
    let bed = ground.start("refused", &["--watch-namespace", "vault"]).await;
    bed.connect().await;
    bed.apply(&group("analysts", json!({}))).await;
    bed.wait("DssGroup", "analysts", "Ready=True/InSync").await;
    let series = |kind: &str| format!("namespace_refused{{namespace=\"vault\",kind=\"{kind}\"}} 1");
    let metrics = bed.operator.metrics().await.unwrap();
    for kind in ["DssUser", "Secret", "DssInstance"] {
        assert!(metrics.contains(&series(kind)), "{kind}: {metrics}");
    }
    let logs = bed.operator.logs();
    assert!(logs.contains("vault") && logs.contains("403"), "{logs}");
    refusal.remove();
    let began = tokio::time::Instant::now();
    while bed.operator.metrics().await.unwrap().contains("namespace_refused{") {
        assert!(began.elapsed() < crate::bed::PATIENCE, "it is still refused");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
