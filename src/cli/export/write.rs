//! Judges what was drawn, and writes what can be declared: a few objects at a time, so that memory does not grow with them.

use std::collections::HashSet;

use jiff::Timestamp;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use super::{
    Exports, Job,
    draw::{Drawn, Draws, Wanted},
    folder::Folder,
    report::{Exported, LeftOut, Written},
};
use crate::{
    cli::{
        args::ExportKind,
        names,
        progress::Progress,
        schema::{Bounds, Schemas},
    },
    crd::common::{GROUP, VERSION},
    engine::{
        Managed,
        connect::{Live, single::Bench},
        keep::preview::{Preview, Scene, dependent},
        object,
    },
};

/// Objects that are judged together.
const CHUNK: usize = 256;

/// An export under way.
pub(super) struct Writing<'a, C: Exports> {
    job: &'a Job<'a>,
    bench: &'a Bench<C>,
    folder: Folder,
    report: Exported,
    schemas: Schemas,
}

/// An object that can be judged.
struct Candidate {
    drawn: Drawn,
    name: String,
    manifest: Value,
}

impl<'a, C: Exports> Writing<'a, C> {
    pub(super) fn new(job: &'a Job<'a>, bench: &'a Bench<C>, folder: Folder) -> anyhow::Result<Self> {
        Ok(Self {
            report: Exported::new(&job.target.directory, job.target.dry_run),
            schemas: Schemas::new()?,
            job,
            bench,
            folder,
        })
    }

    /// Writes what stands beside the manifests, and puts the directory in its place.
    pub(super) fn finish(mut self) -> anyhow::Result<Exported> {
        self.report.unevaluated = self.schemas.unevaluated();
        self.folder.finish(&self.report, self.job.target.dry_run)?;
        Ok(self.report)
    }

    /// The connection.
    pub(super) fn live(&self) -> &'a Live<C> {
        &self.bench.live
    }

    /// Notes that the remote side has no such objects, in this release.
    pub(super) fn not_offered(&mut self, kind: ExportKind) {
        let kind = C::reads(kind).unwrap_or_default();
        self.report.begin(kind);
        let why = "this release has no such list".to_owned();
        self.leave(kind, "all".to_owned(), why, false);
    }

    /// Notes elements of a list that have no readable key.
    pub(super) fn unreadable<M: Managed>(&mut self, count: usize) {
        let entries = (count > 0).then(|| format!("{count} entries of the list"));
        self.report.unreadable(object::kind::<M::Object>(), entries);
    }

    /// Writes every object of a kind.
    pub(super) async fn all<M>(&mut self) -> anyhow::Result<()>
    where
        M: Draws<Connection = C>,
        M::Object: CustomResourceExt,
    {
        let kind = object::kind::<M::Object>();
        let _progress = Progress::of(format!("writing objects of kind {kind}"));
        self.report.begin(kind);
        self.report.unreadable(kind, M::unreadable(self.bench));
        let bounds = Bounds::of::<M::Object>()?;
        let select = &self.job.target.select;
        let selects = |group: &str| select.is_empty() || select.iter().any(|one| one.matches(group));
        let wanted = Wanted {
            selects: &selects,
            is_part: !select.is_empty(),
            secret_references: self.job.secret_references,
            preferences: self.job.preferences,
        };
        let bench = self.bench;
        let mut drawn = M::drawn(bench, &wanted);
        let mut claimed = HashSet::new();
        loop {
            let chunk: Vec<Drawn> = drawn.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                return Ok(());
            }
            let mut candidates = Vec::new();
            let mut objects: Vec<M::Object> = Vec::new();
            for one in chunk {
                if let Some(candidate) = self.candidate::<M>(kind, one, &bounds)? {
                    objects.push(serde_json::from_value(candidate.manifest.clone())?);
                    candidates.push(candidate);
                }
            }
            let dependents: Vec<_> = objects
                .iter()
                .filter_map(|object| dependent::<M>(bench, object))
                .collect();
            let scene = Scene::<M> {
                bench,
                objects: &objects,
                dependents: &dependents,
                owned: false,
                now: Timestamp::now(),
            };
            let previews = scene.preview().await;
            for ((candidate, preview), object) in candidates.into_iter().zip(previews).zip(&objects) {
                let taken = !M::ENTRIES && !claimed.insert(M::claim_key(object));
                self.judged(kind, candidate, preview, taken)?;
            }
        }
    }

    /// The manifest of what was drawn, unless there is a reason against it.
    fn candidate<M: Draws<Connection = C>>(
        &mut self,
        kind: &'static str,
        mut drawn: Drawn,
        bounds: &Bounds,
    ) -> anyhow::Result<Option<Candidate>> {
        if let Some(refused) = drawn.refused.take() {
            self.leave(kind, drawn.remote, refused.why, refused.is_protected);
            return Ok(None);
        }
        let name = names::object_name(&drawn.named);
        if let Some(key) = M::KEY.filter(|_| name == drawn.remote) {
            drawn.spec.remove(key);
        }
        let mut manifest = self.manifest(kind, &name, &drawn.spec);
        let mut problems = self.schemas.problems(kind, &manifest)?;
        if !problems.is_empty() {
            let refused = bounds.fit(&mut drawn.spec);
            if M::KEY.is_some_and(|key| refused.iter().any(|field| field == key)) {
                let why = format!("the operator manages no {} of this form", M::KEY.unwrap_or_default());
                self.leave(kind, drawn.remote, why, false);
                return Ok(None);
            }
            drawn.omitted.extend(refused);
            manifest = self.manifest(kind, &name, &drawn.spec);
            problems = self.schemas.problems(kind, &manifest)?;
        }
        if let Some(problem) = problems.first() {
            let why = format!("the apiserver would refuse the manifest: {problem}");
            self.leave(kind, drawn.remote, why, false);
            return Ok(None);
        }
        Ok(Some(Candidate { drawn, name, manifest }))
    }

    /// Writes an object, unless the operator would change something for it. `taken`: another object claims the same.
    fn judged(
        &mut self,
        kind: &'static str,
        candidate: Candidate,
        preview: Preview,
        taken: bool,
    ) -> anyhow::Result<()> {
        let Candidate { drawn, name, manifest } = candidate;
        let why = match preview.refusal {
            Some((_, why)) => Some(why),
            None if !preview.writes.is_empty() || !preview.waits.is_empty() => {
                let steps = preview.writes.into_iter().flat_map(|write| write.steps);
                let steps: Vec<String> = steps.map(|step| step.text).chain(preview.waits).collect();
                Some(format!("cannot be declared as it is: {}", steps.join(", ")))
            }
            None if taken => Some("differs from another one by the case of its letters alone".to_owned()),
            None => None,
        };
        if let Some(why) = why {
            self.leave(kind, drawn.remote, why, false);
            return Ok(());
        }
        let Some(file) = self.folder.write(kind, &name, &manifest)? else {
            self.leave(kind, drawn.remote, format!("another object has the name {name}"), false);
            return Ok(());
        };
        let object = format!("{kind}/{name}");
        for mut needed in drawn.needed {
            needed.object.clone_from(&object);
            self.report.secrets.push(needed);
        }
        self.report.written.push(Written {
            kind,
            name,
            remote: drawn.remote,
            file,
            omitted: drawn.omitted,
            from_directory: drawn.from_directory,
        });
        Ok(())
    }

    fn leave(&mut self, kind: &'static str, remote: String, why: String, is_protected: bool) {
        self.report.left_out.push(LeftOut {
            kind,
            remote,
            why,
            is_protected,
        });
    }

    fn manifest(&self, kind: &str, name: &str, fields: &Map<String, Value>) -> Value {
        let (instance, namespace) = (&self.job.instance, &self.job.target.namespace);
        let mut reference = json!({ "name": instance.name });
        if let Some(other) = instance.namespace.as_ref().filter(|one| *one != namespace) {
            reference["namespace"] = json!(other);
        }
        let mut spec = Map::new();
        spec.insert(C::REFERENCE.to_owned(), reference);
        spec.insert("managementPolicy".to_owned(), json!("Observe"));
        spec.insert("adoptionPolicy".to_owned(), json!("Adopt"));
        spec.extend(fields.clone());
        json!({
            "apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind,
            "metadata": { "name": name, "namespace": namespace },
            "spec": spec,
        })
    }
}
