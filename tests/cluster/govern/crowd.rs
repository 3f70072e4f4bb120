//! Many objects and a person write one document at once.

use std::time::Duration;

use serde_json::{Value, json};

use super::{BLUEPRINT, ROLE, assignment, holders, in_sync, patch, rule};
use crate::bed::Bed;
use crate::ground::Ground;

/// Somebody gives another role to people by the API, as the page in Govern does: they read the document, add a rule, save
/// it, and look whether it is there. Govern has no conditional write, so what is saved between a read and the write that
/// follows it is lost. Whoever finds that adds it again, the operator as well as a person.
struct Person<'a> {
    bed: &'a Bed,
    client: reqwest::Client,
    saves: u64,
}

impl<'a> Person<'a> {
    fn new(bed: &'a Bed) -> Self {
        Self {
            bed,
            client: reqwest::Client::new(),
            saves: 0,
        }
    }

    async fn document(&self) -> Value {
        let answer = self.request(reqwest::Method::GET).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Saves the document with these rules of a role.
    async fn save(&mut self, role: &str, rules: &[Value]) {
        let mut document = self.document().await;
        document["roleAssignmentsRules"][role] = json!(rules);
        self.saves += 1;
        let saved = self.request(reqwest::Method::PUT).json(&document).send().await;
        assert!(saved.unwrap().status().is_success());
    }

    fn request(&self, method: reqwest::Method) -> reqwest::RequestBuilder {
        let url = format!(
            "{}/dip/publicapi/admin/blueprint-role-assignments/{BLUEPRINT}",
            self.bed.remote.url()
        );
        self.client
            .request(method, url)
            .basic_auth(self.bed.remote.api_key(), Some(""))
    }
}

in_memory!(a_hundred_objects_and_a_person_write_one_document_and_nobody_loses_a_rule);
async fn a_hundred_objects_and_a_person_write_one_document_and_nobody_loses_a_rule(ground: &Ground) {
    let bed = ground.govern("hundred").await;
    bed.remote.patch_state(patch(ROLE, &[rule("theirs")])).unwrap();
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    let names: Vec<_> = (0..100).map(|n| format!("person-{n:03}")).collect();
    let applying = async {
        let all: Vec<_> = names.iter().map(|name| assignment(name, json!({}))).collect();
        futures::future::join_all(all.iter().map(|object| bed.apply(object))).await;
    };
    let mut person = Person::new(&bed);
    let hands: Vec<_> = (0..20).map(|n| format!("hand-{n:02}")).collect();
    let by_hand = async {
        let mut rules = Vec::new();
        for hand in &hands {
            rules.push(rule(hand));
            person.save("ro.reader", &rules).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // A person looks once more, and adds what was lost.
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if holders(&bed, "ro.reader") != hands {
                person.save("ro.reader", &rules).await;
            }
        }
    };
    tokio::join!(applying, by_hand);
    let mut everybody = names.clone();
    everybody.push("theirs".to_owned());
    bed.until("everybody's rule", || holders(&bed, ROLE) == everybody).await;
    for name in &names {
        in_sync(&bed, name).await;
    }
    assert_eq!(holders(&bed, "ro.reader"), hands, "nothing of theirs is undone");
    let counts = bed.remote.requests().counts;
    eprintln!("writes and reads of the document for 100 objects: {counts:?}");
    let writes = bed.remote.writes() - person.saves;
    assert!(writes <= 40, "{writes} writes of ours: {counts:?}");
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.sweeps(1).await;
    assert_eq!(bed.remote.writes(), 0);
}
