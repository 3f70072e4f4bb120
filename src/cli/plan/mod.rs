//! `plan`: what the operator would do with manifests, by its own planner.

mod kinds;
mod live;
mod report;

use std::{collections::BTreeMap, path::Path};

use anyhow::bail;
use jiff::Timestamp;
use serde_json::{Map, Value};

pub(super) use self::report::{Action, Planned};
use self::{kinds::Planner, report::Skipped};
use super::{
    args::{Instance, PlanArgs, ReachArgs},
    connect::Means,
    console::Console,
    manifest::{self, Manifest, Manifests},
    output::visible,
    progress::Progress,
    schema::{Schemas, Unevaluated},
};
use crate::kinds as table;

/// Most problems that one error names.
const NAMED: usize = 50;

/// What is planned beside the manifests.
pub(super) struct Job<'a> {
    /// How the remote side is reached.
    pub reach: &'a ReachArgs,
    /// The connection that the manifests refer to.
    pub instance: Instance,
    /// Namespace of manifests that name none.
    pub namespace: &'a str,
    /// Whether remote objects that exist count as the objects' own.
    pub assume_owned: bool,
}

/// Plans the manifests that the arguments name.
///
/// # Errors
/// A manifest is invalid, and nothing was sent to the remote side then; or the remote side cannot be read.
pub(super) async fn plan(args: &PlanArgs, console: &mut Console<'_>) -> anyhow::Result<Planned> {
    let reach = &args.manifests.show.reach;
    let is_input = |path: &Path| path == Path::new("-");
    if reach.reads_input() && args.files.iter().any(|path| is_input(path)) {
        bail!("standard input is named twice: read the API key or the manifests from a file");
    }
    let job = Job {
        reach,
        instance: args.manifests.instance(),
        namespace: &args.namespace,
        assume_owned: args.assume_owned,
    };
    let mut found = manifest::read(&args.files, &args.namespace, console.input)?;
    let means = Means::read(reach, console).await?;
    if let Some(from) = &reach.from {
        if args.cluster {
            found = live::all(from, console).await?;
            if found.ours.is_empty() {
                bail!("no object of the cluster uses {from}");
            }
        } else {
            live::complete(&mut found.ours, console).await?;
        }
    }
    of(&job, found, &means).await
}

/// Plans these manifests.
pub(super) async fn of(job: &Job<'_>, found: Manifests, means: &Means) -> anyhow::Result<Planned> {
    let unevaluated = valid(&found.ours)?;
    if found.ours.is_empty() {
        bail!("there is no manifest of ours among these files");
    }
    let mut manifests: BTreeMap<String, Vec<Manifest>> = BTreeMap::new();
    for manifest in found.ours {
        manifests.entry(manifest.kind.clone()).or_default().push(manifest);
    }
    let mut planner = Planner::new(job, means, manifests);
    table::list(&mut planner);
    let (remote_side, kinds, mut skipped) = planner.finish()?;
    let dependents: Vec<_> = kinds.iter().flat_map(|kind| kind.dependents()).collect();
    let mut objects = Vec::new();
    if !dependents.is_empty() {
        let progress = Progress::of("reading the remote side");
        remote_side.survey(&dependents).await?;
        drop(progress);
        for kind in &kinds {
            let _progress = Progress::of(format!("planning {} objects of kind {}", kind.len(), kind.name()));
            objects.extend(kind.plan(&dependents, job.assume_owned, Timestamp::now()).await);
        }
    }
    skipped.sort();
    Ok(Planned {
        objects,
        skipped,
        unevaluated,
        others: found.others,
    })
}

/// Checks every manifest as the apiserver would; the rules that nobody evaluated.
fn valid(manifests: &[Manifest]) -> anyhow::Result<Vec<Unevaluated>> {
    let mut schemas = Schemas::new()?;
    let mut problems = Vec::new();
    for one in manifests {
        let Manifest {
            place,
            kind,
            namespace,
            name,
            object,
        } = one;
        let found = schemas.problems(kind, object)?;
        problems.extend(
            found
                .into_iter()
                .map(|why| visible(&format!("{place}: {kind} {namespace}/{name}: {why}"))),
        );
    }
    if problems.is_empty() {
        return Ok(schemas.unevaluated());
    }
    let count = problems.len();
    problems.truncate(NAMED);
    if count > NAMED {
        problems.push(format!("and {} more", count - NAMED));
    }
    bail!(
        "the apiserver would refuse these manifests:\n  {}",
        problems.join("\n  ")
    )
}

impl Job<'_> {
    /// The spec of the connection in its own manifest, if there is one among these.
    fn declared(&self, manifests: &[Manifest]) -> Option<Map<String, Value>> {
        let namespace = self.instance.namespace.as_deref().unwrap_or(self.namespace);
        let mut manifests = manifests.iter();
        let own = manifests.find(|one| one.name == self.instance.name && one.namespace == *namespace)?;
        own.object["spec"].as_object().cloned()
    }
}

/// Why a manifest is not planned.
fn skipped(manifest: &Manifest, why: String) -> Skipped {
    Skipped {
        kind: manifest.kind.clone(),
        name: format!("{}/{}", manifest.namespace, manifest.name),
        why,
    }
}
