//! `plan`: what the operator would do with manifests, by its own planner and without a cluster.

mod kinds;
mod report;

use std::{collections::BTreeMap, io::Read, path::Path};

use anyhow::bail;
use jiff::Timestamp;
use serde_json::{Map, Value};

pub(super) use self::report::{Action, Planned};
use self::{kinds::Planner, report::Skipped};
use super::{
    args::{Format, NodeArgs, PlanArgs, Product},
    connect::Means,
    manifest::{self, Manifest, Manifests},
    output::visible,
    progress::Progress,
    schema::Schemas,
};
use crate::kinds as table;

/// Most problems that one error names.
const NAMED: usize = 50;

/// Plans the manifests that the arguments name.
///
/// # Errors
/// A manifest is invalid, and nothing was sent then; or the remote side cannot be read.
pub(super) async fn plan(args: &PlanArgs, input: &mut dyn Read) -> anyhow::Result<Planned> {
    let is_input = |path: &Path| path == Path::new("-");
    if is_input(&args.node.api_key_file) && args.files.iter().any(|path| is_input(path)) {
        bail!("standard input is named twice: read the API key or the manifests from a file");
    }
    let found = manifest::read(&args.files, &args.namespace, input)?;
    let means = Means::read(&args.node, args.api_key_id.as_deref(), input)?;
    of(args, found, &means).await
}

/// Plans these manifests.
pub(super) async fn of(args: &PlanArgs, found: Manifests, means: &Means) -> anyhow::Result<Planned> {
    valid(&found.ours)?;
    if found.ours.is_empty() {
        bail!("there is no manifest of ours among these files");
    }
    let mut manifests: BTreeMap<String, Vec<Manifest>> = BTreeMap::new();
    for manifest in found.ours {
        manifests.entry(manifest.kind.clone()).or_default().push(manifest);
    }
    let mut planner = Planner::new(args, means, manifests);
    table::list(&mut planner);
    let (side, kinds, mut skipped) = planner.finish()?;
    let dependents: Vec<_> = kinds.iter().flat_map(|kind| kind.dependents()).collect();
    let mut objects = Vec::new();
    if !dependents.is_empty() {
        let progress = Progress::of("reading the remote side");
        side.survey(&dependents).await?;
        drop(progress);
        for kind in &kinds {
            let _progress = Progress::of(format!("planning {} objects of kind {}", kind.len(), kind.name()));
            objects.extend(kind.plan(&dependents, args.assume_owned, Timestamp::now()).await);
        }
    }
    skipped.sort();
    Ok(Planned::new(objects, skipped, found.others))
}

/// Checks every manifest as the apiserver would.
fn valid(manifests: &[Manifest]) -> anyhow::Result<()> {
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
        return Ok(());
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

impl Product {
    /// Kind of the connection.
    fn connection(self) -> &'static str {
        match self {
            Self::Dss => "DssInstance",
            Self::Govern => "GovernInstance",
            Self::Launchpad => "LaunchpadSpace",
        }
    }
}

impl PlanArgs {
    /// The manifest of the connection, if there is one.
    fn declared<'a>(&self, manifests: &'a [Manifest]) -> Option<&'a Manifest> {
        let namespace = self.instance.namespace.as_ref().unwrap_or(&self.namespace);
        let mut manifests = manifests.iter();
        manifests.find(|one| one.name == self.instance.name && one.namespace == *namespace)
    }

    /// The spec of the connection: that of its manifest, if there is one, or what the arguments say.
    fn spec(&self, manifest: Option<&Manifest>) -> Map<String, Value> {
        let spec = manifest.and_then(|one| one.object["spec"].as_object()).cloned();
        let mut spec = spec.unwrap_or_default();
        if let Some(id) = &self.space_id {
            spec.insert("spaceId".to_owned(), id.clone().into());
        }
        spec
    }

    /// For a command that plans what it has in a directory of its own.
    pub(super) fn on(node: &NodeArgs, instance: &super::args::Instance, namespace: &str) -> Self {
        Self {
            node: node.clone(),
            instance: instance.clone(),
            namespace: namespace.to_owned(),
            files: Vec::new(),
            product: Product::Dss,
            api_key_id: None,
            space_id: None,
            assume_owned: false,
            output: Format::Table,
        }
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
