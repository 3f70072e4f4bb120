//! The kinds that are planned: all that the operator runs, by its own table.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context;
use futures::future::{BoxFuture, FutureExt};
use jiff::Timestamp;

use super::{
    Job,
    report::{Object, Skipped},
    skipped,
};
use crate::{
    cli::{
        connect::{self, Means},
        manifest::Manifest,
    },
    engine::{
        Error, Managed,
        connect::{ConnectionKind, Dependent, delegation::Privileges, single::Bench},
        keep::preview::{self, Scene},
        object,
        run::Task,
        start::Table,
    },
};

/// The remote side of one command.
pub(super) trait RemoteSide {
    /// Reads it once.
    fn survey<'a>(&'a self, dependents: &'a [Dependent]) -> BoxFuture<'a, Result<(), Error>>;
}

impl<C: ConnectionKind> RemoteSide for Arc<Bench<C>> {
    fn survey<'a>(&'a self, dependents: &'a [Dependent]) -> BoxFuture<'a, Result<(), Error>> {
        Bench::survey(self, dependents).boxed()
    }
}

/// The objects of one kind.
pub(super) trait Kind {
    /// Name of the kind.
    fn name(&self) -> &'static str;
    /// How many there are.
    fn len(&self) -> usize;
    /// The objects as users of their connection.
    fn dependents(&self) -> Vec<Dependent>;
    /// What the operator would do with each.
    fn plan<'a>(&'a self, dependents: &'a [Dependent], owned: bool, now: Timestamp) -> BoxFuture<'a, Vec<Object>>;
}

struct Objects<M: Managed> {
    bench: Arc<Bench<M::Connection>>,
    objects: Vec<M::Object>,
}

impl<M: Managed> Kind for Objects<M> {
    fn name(&self) -> &'static str {
        object::kind::<M::Object>()
    }

    fn len(&self) -> usize {
        self.objects.len()
    }

    fn dependents(&self) -> Vec<Dependent> {
        let objects = self.objects.iter();
        objects
            .filter_map(|object| preview::dependent::<M>(&self.bench, object))
            .collect()
    }

    fn plan<'a>(&'a self, dependents: &'a [Dependent], owned: bool, now: Timestamp) -> BoxFuture<'a, Vec<Object>> {
        async move {
            let scene = Scene::<M> {
                bench: &self.bench,
                objects: &self.objects,
                dependents,
                owned,
                now,
            };
            let previews = scene.preview().await.into_iter();
            previews.map(|preview| Object::new(self.name(), preview)).collect()
        }
        .boxed()
    }
}

/// The remote side, the kinds that are planned, and the manifests that are not.
pub(super) type Plannable = (Box<dyn RemoteSide>, Vec<Box<dyn Kind>>, Vec<Skipped>);

/// Sorts manifests by the kinds of the table.
pub(super) struct Planner<'a> {
    job: &'a Job<'a>,
    means: &'a Means,
    manifests: BTreeMap<String, Vec<Manifest>>,
    remote_side: Option<Box<dyn RemoteSide>>,
    kinds: Vec<Box<dyn Kind>>,
    skipped: Vec<Skipped>,
    error: Option<anyhow::Error>,
}

impl<'a> Planner<'a> {
    /// Of these manifests, by kind.
    pub(super) fn new(job: &'a Job<'a>, means: &'a Means, manifests: BTreeMap<String, Vec<Manifest>>) -> Self {
        Self {
            job,
            means,
            manifests,
            remote_side: None,
            kinds: Vec::new(),
            skipped: Vec::new(),
            error: None,
        }
    }

    /// What is planned, and what is not.
    pub(super) fn finish(self) -> anyhow::Result<Plannable> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let remote_side = self.remote_side.context("this release has no such connection")?;
        Ok((remote_side, self.kinds, self.skipped))
    }

    fn open<C: ConnectionKind>(&self, declared: &[Manifest]) -> anyhow::Result<Arc<Bench<C>>> {
        let Job {
            reach,
            instance,
            namespace,
            ..
        } = self.job;
        let declared = self.job.declared(declared);
        let knows_terms = declared.is_some() || self.means.knows_terms();
        let connection: C = connect::connection(reach, instance, namespace, declared, self.means)?;
        let api = connect::reach(reach, &connection, self.means)?;
        let bench = Bench::new(connection, api, Arc::<Privileges>::default());
        let bench = if knows_terms { bench } else { bench.without_terms() };
        Ok(Arc::new(bench))
    }

    fn skip(&mut self, manifests: &[Manifest], why: &str) {
        let all = manifests.iter().map(|one| skipped(one, why.to_owned()));
        self.skipped.extend(all);
    }

    fn decode<M: Managed>(
        &mut self,
        bench: &Bench<M::Connection>,
        manifests: Vec<Manifest>,
    ) -> anyhow::Result<Vec<M::Object>> {
        let mut objects = Vec::new();
        for manifest in manifests {
            let place = format!(
                "{}: {} {}/{}",
                manifest.place, manifest.kind, manifest.namespace, manifest.name
            );
            // What a decoder says may quote a value.
            let object: M::Object = serde_path_to_error::deserialize(&manifest.object)
                .map_err(|error| anyhow::anyhow!("{place}: {} is not of the right type", error.path()))?;
            let connection = M::common(&object).connection;
            if connection == bench.live.key {
                objects.push(object);
            } else {
                let kind = object::kind::<M::Connection>();
                self.skipped
                    .push(skipped(&manifest, format!("uses the {kind} {connection}")));
            }
        }
        Ok(objects)
    }
}

impl Table for Planner<'_> {
    type Connections<C: ConnectionKind> = Option<Arc<Bench<C>>>;

    fn connections<C: ConnectionKind>(&mut self) -> Option<Arc<Bench<C>>> {
        let kind = object::kind::<C>();
        let declared = self.manifests.remove(kind).unwrap_or_default();
        self.skip(&declared, "a connection is not planned: its terms count");
        if kind != self.job.reach.product().connection() {
            return None;
        }
        match self.open::<C>(&declared) {
            Ok(bench) => {
                self.remote_side = Some(Box::new(bench.clone()));
                Some(bench)
            }
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }

    fn objects<M: Managed>(&mut self, connections: &Option<Arc<Bench<M::Connection>>>) {
        let Some(manifests) = self.manifests.remove(object::kind::<M::Object>()) else {
            return;
        };
        let Some(bench) = connections else {
            let kind = object::kind::<M::Connection>();
            return self.skip(&manifests, &format!("uses a {kind}: see --product"));
        };
        match self.decode::<M>(bench, manifests) {
            Ok(objects) => self.kinds.push(Box::new(Objects::<M> {
                bench: bench.clone(),
                objects,
            })),
            Err(error) => self.error = Some(error),
        }
    }

    fn tasks<T: Task>(&mut self, _: &Option<Arc<Bench<T::Connection>>>) {
        let manifests = self.manifests.remove(object::kind::<T::Object>()).unwrap_or_default();
        self.skip(
            &manifests,
            "a task needs a cluster: what it did there is not in a manifest",
        );
    }
}
