//! Publishes what only the answer to a write holds, such as an API key, in a Secret that the object owns.
//!
//! Every write has the version of the Secret as condition under which the reconcile began to write: a process that lost its
//! lease, or a reconcile that was overtaken, never overwrites what came after it.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{ByteString, api::core::v1::Secret as KubeSecret};
use kube::{
    Api, Resource,
    api::{ObjectMeta, PostParams},
};
use secrecy::{ExposeSecret, zeroize::Zeroize};

use super::{
    managed::{Managed, Publication},
    pass::Pass,
    work::Published,
};
use crate::{
    crd::common::{FIELD_MANAGER, annotation},
    engine::error::{Error, Reason, Refused},
};

/// How often a write is attempted: the value cannot be read again.
const ATTEMPTS: u32 = 4;
/// Wait before the second attempt; it doubles.
const WAIT: Duration = Duration::from_millis(250);

/// The Secret to publish in, without its values; `None`: there is none yet.
pub(super) struct Target(Option<ObjectMeta>);

impl<M: Managed> Pass<'_, M> {
    fn secrets_api(&self) -> Api<KubeSecret> {
        Api::namespaced(self.cx.shell.env.client.clone(), &self.cx.namespace())
    }

    /// Before the first write: refuses a Secret of somebody else, and one that changed after this reconcile read it.
    pub(super) async fn check_publication(&mut self) -> Result<(), Error> {
        let Some(publication) = M::publication(&self.cx.object) else {
            return Ok(());
        };
        let found = self.found_secret(&publication).await?;
        let version = found.as_ref().and_then(|found| found.resource_version.clone());
        let read = self.secrets.read_version(&publication.name);
        if read.is_some_and(|read| *read != version) {
            return Err(Error::Refused(Refused::Superseded));
        }
        self.publishing = Some(Target(found));
        Ok(())
    }

    /// The Secret without its values.
    async fn found_secret(&self, publication: &Publication) -> Result<Option<ObjectMeta>, Error> {
        let found = self.secrets_api().get_opt(&publication.name).await;
        let found = found.map_err(Error::kubernetes("read the Secret to publish in"))?;
        let found = found.map(|mut secret| {
            forget(&mut secret);
            secret.metadata
        });
        let uid = self.cx.uid();
        let is_own = |metadata: &ObjectMeta| metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid);
        if found.as_ref().is_some_and(|metadata| !is_own(metadata)) {
            return Err(Error::Blocked(
                Reason::AlreadyExists,
                format!(
                    "Secret {}/{} exists already and does not belong to this object: choose another secretName or delete it",
                    self.cx.namespace(),
                    publication.name
                ),
            ));
        }
        Ok(found)
    }

    /// Writes the values, and their fingerprints into the record and beside the values.
    pub(super) async fn publish(&mut self, values: Published) -> Result<(), Error> {
        let Some(publication) = M::publication(&self.cx.object) else {
            return Err(Error::Internal("a write returned values that nothing publishes".into()));
        };
        let before = match self.publishing.take() {
            Some(Target(before)) => before,
            None => self.found_secret(&publication).await?,
        };
        let prints = self.prints(&publication.name, &values);
        let mut secret = self.composed(&publication, before, &values, &prints);
        let written = self.write(&mut secret).await;
        forget(&mut secret);
        let written = written?;
        self.secrets
            .wrote_version(&publication.name, written.resource_version.clone());
        self.publishing = Some(Target(Some(written)));
        for one in M::secrets(&self.cx.object) {
            if one.name == publication.name
                && let (Some(value), Some(print)) = (values.get(&one.key), prints.get(&one.key))
            {
                self.cx.report.record.applied_secret(&one.slot, print.clone());
                self.secrets.publish(&one.slot, value.clone(), print.clone());
            }
        }
        Ok(())
    }

    /// Fingerprints by key.
    fn prints(&self, name: &str, values: &Published) -> BTreeMap<String, String> {
        let uid = self.cx.uid();
        let fingerprints = &self.cx.shell.env.fingerprints;
        let uses = M::secrets(&self.cx.object).into_iter().filter(|one| one.name == name);
        uses.filter_map(|one| {
            let value = values.get(&one.key)?;
            let print = fingerprints.of(&uid, &one.slot, value.expose_secret());
            Some((one.key, print))
        })
        .collect()
    }

    /// The Secret to write. Labels and annotations of others stay.
    fn composed(
        &self,
        publication: &Publication,
        before: Option<ObjectMeta>,
        values: &Published,
        prints: &BTreeMap<String, String>,
    ) -> KubeSecret {
        let before = before.unwrap_or_default();
        let mut labels = before.labels.unwrap_or_default();
        labels.extend(publication.labels.clone());
        let mut annotations = before.annotations.unwrap_or_default();
        annotations.extend(publication.annotations.clone());
        let prints = serde_json::to_string(prints).unwrap_or_default();
        annotations.insert(annotation::PUBLISHED.to_owned(), prints);
        let data = values.iter();
        let data = data.map(|(key, value)| (key.clone(), ByteString(value.expose_secret().as_bytes().to_vec())));
        KubeSecret {
            metadata: ObjectMeta {
                name: Some(publication.name.clone()),
                labels: Some(labels).filter(|labels| !labels.is_empty()),
                annotations: Some(annotations),
                owner_references: self.cx.object.controller_owner_ref(&()).map(|owner| vec![owner]),
                finalizers: before.finalizers,
                resource_version: before.resource_version,
                ..ObjectMeta::default()
            },
            data: Some(data.collect()),
            ..KubeSecret::default()
        }
    }

    /// Writes the Secret, several times if the apiserver loses the call; returns its metadata.
    async fn write(&self, secret: &mut KubeSecret) -> Result<ObjectMeta, Error> {
        let api = self.secrets_api();
        let name = secret.metadata.name.clone().unwrap_or_default();
        let parameters = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let mut wait = WAIT;
        let mut attempt = 1;
        loop {
            // Another process may have published by now.
            if !self.cx.shell.env.fence.holds() {
                return Err(Error::Refused(Refused::NotLeading));
            }
            let written = match secret.metadata.resource_version {
                Some(_) => api.replace(&name, &parameters, secret).await,
                None => api.create(&parameters, secret).await,
            };
            let error = match written {
                Ok(mut written) => {
                    forget(&mut written);
                    return Ok(written.metadata);
                }
                Err(error) => error,
            };
            let refused =
                matches!(&error, kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 429);
            // An earlier attempt may have succeeded although its answer was lost.
            if attempt > 1
                && refused
                && let Ok(Some(mut found)) = api.get_opt(&name).await
            {
                let ours = found.data == secret.data && found.metadata.annotations == secret.metadata.annotations;
                forget(&mut found);
                if ours {
                    return Ok(found.metadata);
                }
            }
            if refused || attempt == ATTEMPTS {
                return Err(Error::kubernetes("publish the Secret")(error));
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            attempt += 1;
        }
    }
}

/// Overwrites the values in memory.
fn forget(secret: &mut KubeSecret) {
    for value in secret.data.iter_mut().flat_map(BTreeMap::values_mut) {
        value.0.zeroize();
    }
}
