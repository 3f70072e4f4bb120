//! The `ConfigMap` that a run writes. The object owns it; one of somebody else is never touched.

use std::{collections::BTreeMap, io::Write};

use flate2::{Compression, write::GzEncoder};
use k8s_openapi::{ByteString, api::core::v1::ConfigMap};
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
/// What a key of a compressed file ends with.
const COMPRESSED: &str = ".gz";

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

    /// Writes the files; the inner error says for people why they were not written, and the inner text in which form they are.
    pub(super) async fn publish(
        &self,
        files: BTreeMap<String, String>,
    ) -> Result<Result<Option<String>, String>, Error> {
        let object = self.cx.object.clone();
        let Some(name) = T::terms(&object).output else {
            return Ok(Err(
                "this run writes files, and the task names no ConfigMap for them".to_owned()
            ));
        };
        let form = match Form::of(files) {
            Ok(form) => form,
            Err(why) => return Ok(Err(why)),
        };
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
            data: form.data,
            binary_data: form.binary,
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
            .map(|_| Ok(form.note))
            .map_err(Error::kubernetes("write the ConfigMap"))
    }
}

/// The `ConfigMap` of this name.
enum Found {
    Absent,
    Own(Box<ObjectMeta>),
    Foreign,
}

/// Files as a `ConfigMap` holds them.
struct Form {
    data: Option<BTreeMap<String, String>>,
    binary: Option<BTreeMap<String, ByteString>>,
    /// In which form they are, where it is not their own.
    note: Option<String>,
}

impl Form {
    /// As they are, where they fit; compressed otherwise. An error says for people that not even that fits.
    fn of(files: BTreeMap<String, String>) -> Result<Self, String> {
        let size = files.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        if size <= MOST_BYTES {
            return Ok(Self {
                data: Some(files),
                binary: None,
                note: None,
            });
        }
        let binary: BTreeMap<String, ByteString> = files
            .into_iter()
            .map(|(key, text)| (format!("{key}{COMPRESSED}"), ByteString(compressed(&text))))
            .collect();
        let packed = binary
            .iter()
            .map(|(key, value)| key.len() + value.0.len())
            .sum::<usize>();
        if packed > MOST_BYTES {
            return Err(format!(
                "the result takes {} KiB, {} KiB compressed, and a ConfigMap holds at most {} KiB: nothing was written",
                size.div_ceil(1 << 10),
                packed.div_ceil(1 << 10),
                MOST_BYTES >> 10
            ));
        }
        let keys: Vec<&str> = binary.keys().map(String::as_str).collect();
        let note = format!(
            "compressed with gzip since it has {} KiB: {}",
            size >> 10,
            keys.join(", ")
        );
        Ok(Self {
            data: None,
            binary: Some(binary),
            note: Some(note),
        })
    }
}

fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing into memory cannot fail.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_fits_stays_text_what_does_not_is_compressed_and_the_rest_is_refused() {
        let of = |text: String| Form::of(BTreeMap::from([("a.csv".to_owned(), text)]));
        let small = of("x".to_owned()).unwrap();
        assert_eq!(small.data.unwrap()["a.csv"], "x");
        let text = "user,jane,coders\n".repeat(100_000);
        let large = of(text.clone()).unwrap();
        assert!(large.data.is_none() && large.note.unwrap().contains("a.csv.gz"));
        let mut read = String::new();
        let packed = &large.binary.unwrap()["a.csv.gz"].0;
        GzDecoder::new(&packed[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
        let noise: String = (0..3_000_000)
            .map(|_| char::from(rand::random_range(b'!'..=b'~')))
            .collect();
        assert!(of(noise).err().unwrap().contains("nothing was written"));
    }
}
