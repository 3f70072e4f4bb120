//! Publishes what only the answer to a write holds, such as an API key, in a Secret that the object owns.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret as KubeSecret};
use kube::{
    Api, Resource,
    api::{ObjectMeta, PostParams},
};
use secrecy::ExposeSecret;

use super::{
    managed::{Managed, Publication},
    pass::Pass,
    work::Published,
};
use crate::{
    crd::common::FIELD_MANAGER,
    engine::error::{Error, Reason},
};

impl<M: Managed> Pass<'_, M> {
    fn secrets_api(&self) -> Api<KubeSecret> {
        Api::namespaced(self.cx.shell.env.client.clone(), &self.cx.namespace())
    }

    /// Refuses a Secret of somebody else before anything is created whose value it should hold.
    pub(super) async fn check_publication(&mut self) -> Result<(), Error> {
        if let Some(publication) = M::publication(&self.cx.object) {
            self.found_secret(&publication).await?;
        }
        Ok(())
    }

    async fn found_secret(&self, publication: &Publication) -> Result<Option<KubeSecret>, Error> {
        let found = self.secrets_api().get_opt(&publication.name).await;
        let found = found.map_err(Error::kubernetes("read the Secret to publish in"))?;
        let uid = self.cx.uid();
        let foreign = found.as_ref().is_some_and(|secret| {
            !secret
                .metadata
                .owner_references
                .iter()
                .flatten()
                .any(|owner| owner.uid == uid)
        });
        if foreign {
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

    /// Writes the values, and their fingerprints into the record.
    pub(super) async fn publish(&mut self, values: Published) -> Result<(), Error> {
        let Some(publication) = M::publication(&self.cx.object) else {
            return Err(Error::Internal("a write returned values that nothing publishes".into()));
        };
        let found = self.found_secret(&publication).await?;
        let data: BTreeMap<String, ByteString> = values
            .iter()
            .map(|(key, value)| (key.clone(), ByteString(value.expose_secret().as_bytes().to_vec())))
            .collect();
        let secret = KubeSecret {
            metadata: ObjectMeta {
                name: Some(publication.name.clone()),
                labels: Some(publication.labels).filter(|labels| !labels.is_empty()),
                annotations: Some(publication.annotations).filter(|annotations| !annotations.is_empty()),
                owner_references: self.cx.object.controller_owner_ref(&()).map(|owner| vec![owner]),
                resource_version: found.and_then(|found| found.metadata.resource_version),
                ..ObjectMeta::default()
            },
            data: Some(data),
            ..KubeSecret::default()
        };
        let api = self.secrets_api();
        let parameters = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let written = match secret.metadata.resource_version {
            Some(_) => api.replace(&publication.name, &parameters, &secret).await,
            None => api.create(&parameters, &secret).await,
        };
        written.map_err(Error::kubernetes("publish the Secret"))?;
        let uid = self.cx.uid();
        for one in M::secrets(&self.cx.object) {
            if one.name == publication.name
                && let Some(value) = values.get(&one.key)
            {
                let print = self
                    .cx
                    .shell
                    .env
                    .fingerprints
                    .of(&uid, &one.slot, value.expose_secret());
                self.cx.report.record.secrets.insert(one.slot.clone(), print.clone());
                self.secrets.publish(&one.slot, value.clone(), print);
            }
        }
        Ok(())
    }
}
