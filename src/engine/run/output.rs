//! The `ConfigMap` that a run writes. The object owns it; one of somebody else is never touched.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Resource,
    api::{ObjectMeta, PostParams},
};

use super::{Task, cycle::Cycle};
use crate::{
    crd::common::FIELD_MANAGER,
    engine::error::{Error, Reason, Refused},
};

/// Most bytes of all values together: the apiserver stores no more.
pub const MOST_BYTES: usize = 1 << 20;

impl<T: Task> Cycle<'_, T> {
    fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.cx.shell.env.client.clone(), &self.cx.namespace())
    }

    /// Fails if the `ConfigMap` belongs to somebody else.
    pub(super) async fn check_output(&self) -> Result<(), Error> {
        let object = self.cx.object.clone();
        let Some(name) = T::terms(&object).output else {
            return Ok(());
        };
        match self.found(name).await? {
            Found::Foreign => Err(Error::Blocked(Reason::AlreadyExists, self.foreign(name))),
            Found::Own(_) | Found::Absent => Ok(()),
        }
    }

    fn foreign(&self, name: &str) -> String {
        format!(
            "ConfigMap {}/{name} exists already and does not belong to this object: choose another configMapName or delete it",
            self.cx.namespace()
        )
    }

    async fn found(&self, name: &str) -> Result<Found, Error> {
        let found = self.config_maps().get_opt(name).await;
        let found = found.map_err(Error::kubernetes("read the ConfigMap to write"))?;
        let uid = self.cx.uid();
        Ok(match found {
            None => Found::Absent,
            Some(found) => {
                let mut owners = found.metadata.owner_references.iter().flatten();
                if owners.any(|owner| owner.uid == uid) {
                    Found::Own(Box::new(found.metadata))
                } else {
                    Found::Foreign
                }
            }
        })
    }

    /// Writes the files; the inner error says for people why they were not written.
    pub(super) async fn publish(&self, files: BTreeMap<String, String>) -> Result<Result<(), String>, Error> {
        let object = self.cx.object.clone();
        let Some(name) = T::terms(&object).output else {
            return Ok(Err(
                "this run writes files, and the task names no ConfigMap for them".to_owned()
            ));
        };
        let bytes: usize = files.iter().map(|(key, value)| key.len() + value.len()).sum();
        if bytes > MOST_BYTES {
            return Ok(Err(format!(
                "the result takes {} KiB, and a ConfigMap holds at most {} KiB: nothing was written",
                bytes.div_ceil(1 << 10),
                MOST_BYTES >> 10
            )));
        }
        let before = match self.found(name).await? {
            Found::Foreign => return Ok(Err(self.foreign(name))),
            Found::Own(metadata) => Some(*metadata),
            Found::Absent => None,
        };
        if !self.cx.shell.env.fence.holds() {
            return Err(Error::Refused(Refused::NotLeading));
        }
        let exists = before.is_some();
        let before = before.unwrap_or_default();
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: before.labels,
                annotations: before.annotations,
                finalizers: before.finalizers,
                owner_references: object.controller_owner_ref(&()).map(|owner| vec![owner]),
                resource_version: before.resource_version,
                ..ObjectMeta::default()
            },
            data: Some(files),
            ..ConfigMap::default()
        };
        let parameters = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let api = self.config_maps();
        let written = if exists {
            api.replace(name, &parameters, &map).await
        } else {
            api.create(&parameters, &map).await
        };
        written
            .map(|_| Ok(()))
            .map_err(Error::kubernetes("write the ConfigMap"))
    }
}

/// The `ConfigMap` of this name.
enum Found {
    Absent,
    Own(Box<ObjectMeta>),
    Foreign,
}
