//! What has to hold at every moment of a plan, whatever goes wrong.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    plan::{Around, Fault, Operation},
    run::{Case, NAMESPACE, Outcome},
};
use crate::{connection::base64, scenarios::Scenario};

/// How long a value that is replaced has to work: less than what is declared, since a record has whole seconds.
const OVERLAP: Duration = Duration::from_secs(13);

impl<S: Scenario> Case<'_, S> {
    /// What has to hold at every moment, whatever goes wrong.
    pub fn at_any_moment(&self) -> Outcome<()> {
        let remote = &self.subject.bed.remote;
        if let Some(violation) = S::violation(remote, self.name) {
            return Err(violation);
        }
        let object = self.object();
        let is_deleted = object.is_none_or(|object| object["metadata"]["deletionTimestamp"].is_string());
        if let Some((secret, key)) = S::credential(self.name)
            && !is_deleted
            && let Some(secret) = self.world.server.find("secrets", NAMESPACE, &secret)
        {
            let value = secret["data"][key].as_str().unwrap_or_default();
            let working = S::shown_once(remote, self.name);
            if !value.is_empty() && !working.iter().any(|one| base64(one) == value) {
                return Err("the published value does not work any more".to_owned());
            }
            self.overlaps(value, &working)?;
        }
        self.nothing_falls_back()
    }

    /// A value that is replaced works for a while beside its successor.
    fn overlaps(&self, published: &str, working: &[String]) -> Outcome<()> {
        let mut replaced = self.replaced.borrow_mut();
        let (values, since) = &mut *replaced;
        if values.is_empty() || values.iter().any(|value| base64(value) == published) {
            return Ok(());
        }
        let since = since.get_or_insert_with(Instant::now);
        if since.elapsed() < OVERLAP && !values.iter().all(|value| working.contains(value)) {
            return Err(format!("the replaced value works no more after {:?}", since.elapsed()));
        }
        Ok(())
    }

    /// While an object is made and nobody changes anything, what is as declared stays so.
    fn nothing_falls_back(&self) -> Outcome<()> {
        let changes = matches!(
            self.fault,
            Some(Fault::Around(_, Around::Edit | Around::NoLease | Around::Freeze))
        );
        if self.operation != Operation::Create || changes {
            return Ok(());
        }
        let (declared, expected) = (self.subject.declared(self.name), S::expected(self.name));
        let (Some(declared), Some(expected)) = (declared.as_object(), expected.as_object()) else {
            return Ok(());
        };
        let mut reached = self.reached.borrow_mut();
        for (member, value) in expected {
            let holds = declared.get(member) == Some(value);
            if holds {
                reached.insert(member.clone());
            } else if reached.contains(member) {
                return Err(format!("{member} fell back: {declared:?}"));
            }
        }
        Ok(())
    }
}
