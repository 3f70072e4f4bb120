//! What happens around a call.

use std::time::Duration;

use dataiku_operator::leader;
use memory_apiserver::{Action, Rule};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    plan::Around,
    run::{Armed, Case, NAMESPACE, Outcome, WHILE},
};
use crate::{
    bed::{merged, object},
    memory::HOME,
    scenarios::Scenario,
};

/// After this long without a renewal nothing is written: a lease is valid for 15 s, of which the last 10 are left for a call.
const LEASED: Duration = Duration::from_secs(6);

impl<S: Scenario> Case<'_, S> {
    pub async fn happen(&mut self, around: Around) -> Outcome<()> {
        let server = &self.world.server;
        match around {
            Around::Kill => {
                self.subject.bed.operator.kill().await.unwrap();
                self.restart().await;
            }
            Around::LostLeadership => {
                let lease = leader::lease_name(Some(NAMESPACE));
                let stolen = json!({ "spec": { "holderIdentity": "another" } });
                server.patch("leases", HOME, &lease, stolen);
                let began = Instant::now();
                while self.subject.bed.operator.exit_code().is_none() {
                    if began.elapsed() > Duration::from_mins(1) {
                        return Err("the operator went on without its lease".to_owned());
                    }
                    sleep(Duration::from_millis(10)).await;
                }
                self.restart().await;
            }
            Around::NoLease => self.without_lease().await?,
            Around::Freeze => self.frozen().await?,
            Around::Rival => self.rival().await?,
            Around::Edit => {
                let own = self.own();
                self.subject
                    .apply(self.name, merged(S::varied(self.name), own.clone()))
                    .await;
                sleep(Duration::from_secs(1)).await;
                self.subject.apply(self.name, own).await;
            }
            Around::StaleCache => {
                server.hold_watch(self.plural);
                sleep(WHILE).await;
                server.release_watch(self.plural);
            }
            Around::Expired => server.expire_watches(self.plural),
            Around::Outage => {
                server.outage(true);
                sleep(Duration::from_secs(5)).await;
                server.outage(false);
            }
        }
        Ok(())
    }

    /// Nothing is written while the connection is frozen, although there is something to repair.
    async fn frozen(&mut self) -> Outcome<()> {
        let bed = &self.subject.bed;
        bed.apply(&bed.connection_with(json!({ "freeze": true }))).await;
        bed.wait(bed.connection.kind, bed.connection.name, "Ready=True/InSync")
            .await;
        // What was sent before the status acknowledged the freeze may still arrive.
        sleep(Duration::from_millis(300)).await;
        let before = bed.remote.writes();
        let is_changed = self.tempt().await;
        sleep(WHILE).await;
        let bed = &self.subject.bed;
        let late = bed.remote.writes() - before;
        bed.apply(&bed.connection_with(json!({}))).await;
        if is_changed {
            self.subject.apply(self.name, self.own()).await;
        }
        if late > 0 {
            return Err(format!("{late} writes although the connection was frozen"));
        }
        Ok(())
    }

    /// Gives the operator a reason to write. Whether the spec is another one then.
    async fn tempt(&self) -> bool {
        let is_changed = !S::KEEPS && !self.operation.deletes();
        if is_changed {
            // Another run is due.
            self.subject.apply(self.name, S::varied(self.name)).await;
        } else if !self.subject.declared(self.name).is_null() {
            self.provoke();
        }
        is_changed
    }

    /// A younger object declares something else of the same remote object, and goes again: nothing is written for it.
    async fn rival(&mut self) -> Outcome<()> {
        let (subject, name) = (&self.subject, format!("{}-rival", self.name));
        let own = merged(subject.bed.connection.reference(), S::spec(self.name));
        let same = S::same(self.name).unwrap_or_default();
        let spec = merged(merged(own, S::varied(self.name)), same);
        subject.bed.apply(&object(S::KIND, &name, spec)).await;
        sleep(WHILE).await;
        let found = self
            .world
            .server
            .find(self.plural, NAMESPACE, &name)
            .unwrap_or_default();
        let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let namespace = &subject.bed.namespace;
        namespace.delete(S::KIND, &name).await.unwrap();
        self.until("the other object is gone", |case| {
            case.world.server.find(case.plural, NAMESPACE, &name).is_none()
        })
        .await?;
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
        match ready {
            Some(ready) if ready["reason"] == "Conflict" => Ok(()),
            ready => Err(format!("two objects declare the same, and one says {ready:?}")),
        }
    }

    /// The lease cannot be renewed: the operator ends, and writes nothing before that although there is something to repair.
    async fn without_lease(&mut self) -> Outcome<()> {
        let cut = Rule::new(Action::DropBefore).when(|request| request.path.contains("/leases"));
        let cut = Armed(Some(self.world.server.fault(cut)));
        sleep(LEASED).await;
        let is_changed = self.tempt().await;
        let before = self.subject.bed.remote.writes();
        let began = Instant::now();
        while self.subject.bed.operator.exit_code().is_none() {
            if began.elapsed() > Duration::from_mins(1) {
                return Err("the operator went on without its lease".to_owned());
            }
            sleep(Duration::from_millis(10)).await;
        }
        let late = self.subject.bed.remote.writes() - before;
        drop(cut);
        self.restart().await;
        if is_changed {
            self.subject.apply(self.name, self.own()).await;
        }
        if late > 0 {
            return Err(format!("{late} writes after the lease could not be renewed"));
        }
        Ok(())
    }
}
