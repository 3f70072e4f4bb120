//! Starts that are sent long after they were recorded, as when the call waited in the queue of its connection or the run had to
//! read much before.

use super::*;

impl Rig {
    /// A task whose start is recorded more than a lost write needs to take effect before it is sent: the directory takes long to
    /// answer who is in it. The start itself takes effect this long after it arrived.
    async fn late_start(effect: Duration) -> Self {
        let rig = Self::with(slow()).await;
        let users = json!({ "ana": { "email": "ana@example.com", "groups": [] } });
        rig.node
            .patch_state(json!({ "directory": { "LDAP": { "users": users, "groups": [] } } }))
            .unwrap();
        rig.task(
            "provision",
            json!({ "provisionUsers": { "sourceType": "LDAP", "login": "ana" } }),
        );
        rig.until("the question to the directory", || rig.node.count("D20") >= 1)
            .await;
        tokio::time::sleep(Duration::from_secs(16)).await;
        let millis = u64::try_from(effect.as_millis()).unwrap();
        rig.node
            .fault(json!({ "match": { "operation": "D21" }, "fault": { "kind": "late", "millis": millis } }));
        rig.minute();
        rig.until("the start", || rig.node.count("D21") >= 1).await;
        rig
    }

    async fn started_once(&self) {
        self.future("provision").await;
        assert_eq!(self.node.count("D21"), 1, "started twice");
        self.minute();
        self.phase("provision", "Succeeded").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_sent_late_and_whose_answer_is_lost_is_not_sent_again_while_it_may_take_effect() {
    // The operator gives up after ten seconds.
    let rig = Rig::late_start(Duration::from_secs(14)).await;
    rig.started_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_sent_late_by_an_operator_that_died_is_not_sent_again_while_it_may_take_effect() {
    let mut rig = Rig::late_start(Duration::from_secs(6)).await;
    rig.kill().await;
    rig.start().await;
    rig.started_once().await;
}
