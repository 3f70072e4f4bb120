//! Values that the operator generates, such as a password. They are stored in a Secret that the object owns before a remote
//! write carries them: a value that is set on the remote side is never lost.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret as KubeSecret};
use kube::{
    Api, Resource,
    api::{ObjectMeta, PostParams},
};
use rand::{RngExt as _, distr::Alphanumeric};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroize};

use super::{
    managed::{Generation, Managed},
    pass::{Pass, given},
    plan::Plan,
};
use crate::{
    crd::common::FIELD_MANAGER,
    engine::{
        error::{Error, Reason, Refused},
        secrets::Secret,
    },
};

impl<M: Managed> Pass<'_, M> {
    /// The value that the operator generates for this object, if there is one.
    fn generation(&self) -> Option<Generation> {
        let cx = &*self.cx;
        let given = given(
            self.keeping,
            &cx.shell,
            &cx.object,
            &cx.report,
            &self.secrets,
            &self.admitted,
        );
        let observes = M::common(&cx.object).policies.observes();
        M::generation(&cx.object, &given).filter(|_| !observes)
    }

    /// Whether a value has to be generated.
    pub(super) fn generates(&self, plan: &Plan<M::Change>) -> bool {
        self.generation()
            .is_some_and(|generation| self.misses(&generation, plan))
    }

    /// Nobody needs a value for an object that does not exist and is not to be created, and a frozen connection sets none.
    fn misses(&self, generation: &Generation, plan: &Plan<M::Change>) -> bool {
        let exists = self.cx.report.seen.as_ref().is_some_and(|sighting| sighting.exists);
        let wanted = (exists || !plan.outstanding().is_empty()) && !self.is_frozen();
        wanted && matches!(self.secrets.get(generation.slot), Some(Secret::Missing(_)))
    }

    /// Generates the value where its Secret lacks one, and stores it. Whether it did. The Secret of somebody else is refused,
    /// also where it holds a value.
    pub(super) async fn generate(&mut self, plan: &Plan<M::Change>) -> Result<bool, Error> {
        let Some(generation) = self.generation() else {
            return Ok(false);
        };
        let misses = self.misses(&generation, plan);
        if !misses && self.secrets.changed(generation.slot).is_none() {
            return Ok(false);
        }
        let api: Api<KubeSecret> = Api::namespaced(self.cx.shell.env.client.clone(), &self.cx.namespace());
        let found = api.get_opt(&generation.name).await;
        let found = found.map_err(Error::kubernetes("read the Secret to generate a value in"))?;
        let found = found.map(|mut found| {
            forget(&mut found);
            found.metadata
        });
        if found.as_ref().is_some_and(|found| !self.owns(found)) {
            return Err(Error::Blocked(
                Reason::AlreadyExists,
                format!(
                    "Secret {}/{} exists already and does not belong to this object: choose another secretName or delete it",
                    self.cx.namespace(),
                    generation.name
                ),
            ));
        }
        if !misses {
            return Ok(false);
        }
        if !self.cx.shell.env.fence.holds() {
            return Err(Error::Refused(Refused::NotLeading));
        }
        let value = random(generation.length);
        self.store(
            &api,
            &generation,
            found.and_then(|found| found.resource_version),
            &value,
        )
        .await?;
        let fingerprints = &self.cx.shell.env.fingerprints;
        let print = fingerprints.of(&self.cx.uid(), generation.slot, value.expose_secret());
        self.secrets.generated(generation.slot, value, print);
        Ok(true)
    }

    fn owns(&self, secret: &ObjectMeta) -> bool {
        let uid = self.cx.uid();
        secret.owner_references.iter().flatten().any(|owner| owner.uid == uid)
    }

    /// Writes the Secret. `version`: what it replaces.
    async fn store(
        &self,
        api: &Api<KubeSecret>,
        generation: &Generation,
        version: Option<String>,
        value: &SecretString,
    ) -> Result<(), Error> {
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        let mut data: BTreeMap<String, ByteString> = BTreeMap::new();
        for (key, text) in &generation.data {
            data.insert((*key).to_owned(), bytes(text));
        }
        data.insert(generation.key.to_owned(), bytes(value.expose_secret()));
        let replaces = version.is_some();
        let mut secret = KubeSecret {
            metadata: ObjectMeta {
                name: Some(generation.name.clone()),
                owner_references: self.cx.object.controller_owner_ref(&()).map(|owner| vec![owner]),
                resource_version: version,
                ..ObjectMeta::default()
            },
            data: Some(data),
            ..KubeSecret::default()
        };
        let parameters = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let written = if replaces {
            api.replace(&generation.name, &parameters, &secret).await
        } else {
            api.create(&parameters, &secret).await
        };
        forget(&mut secret);
        let mut written = written.map_err(Error::kubernetes("store a generated value"))?;
        forget(&mut written);
        Ok(())
    }
}

/// Letters and digits, from the generator that the operating system seeds.
fn random(length: usize) -> SecretString {
    let letters = rand::rng().sample_iter(Alphanumeric).take(length);
    letters.map(char::from).collect::<String>().into()
}

/// Overwrites the values in memory.
fn forget(secret: &mut KubeSecret) {
    let values = secret.data.iter_mut().flat_map(BTreeMap::values_mut);
    values.for_each(|value| value.0.zeroize());
}
