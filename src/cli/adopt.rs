//! `adopt`: sorts what a node has and writes manifests that observe it; then lets those manage whose plan is empty.

use std::{collections::HashMap, fs, io::Read};

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::json;

use super::{
    args::{AdoptArgs, ExportArgs, ExportKind, PlanArgs},
    atomic,
    connect::Means,
    export::{self, Exported, LeftOut, Written},
    manifest::{self, Manifests},
    output::{self, Report, Table},
    plan::{self, Action},
};

/// How a remote object stands to its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Class {
    /// The manifest says all that the operator can manage.
    Identical,
    /// A manifest cannot say what is there.
    Different,
    /// A directory owns it, or fills it; the manifest leaves to the directory what the directory decides.
    Directory,
    /// It must not be managed.
    Protected,
}

impl Class {
    const ALL: [Self; 4] = [Self::Identical, Self::Different, Self::Directory, Self::Protected];

    fn words(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Different => "different",
            Self::Directory => "owned by a directory",
            Self::Protected => "protected",
        }
    }
}

/// One remote object.
#[derive(Serialize)]
struct Sorted {
    kind: &'static str,
    remote: String,
    class: Class,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// All of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Adopted {
    directory: String,
    /// Whether nothing was written.
    dry_run: bool,
    objects: Vec<Sorted>,
    /// What the second step changed; `None`: this is the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    managed: Option<Vec<Outcome>>,
}

/// A manifest in the second step.
#[derive(Serialize)]
struct Outcome {
    object: String,
    file: String,
    /// Whether it manages now.
    managed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Runs one of the two steps and returns its summary.
///
/// # Errors
/// The node cannot be read, or a file cannot be written; in the first step nothing is left then.
pub(super) async fn adopt(args: &AdoptArgs, input: &mut dyn Read) -> anyhow::Result<String> {
    let adopted = if args.manage {
        manage(args, input).await?
    } else {
        sort(args, input).await?
    };
    output::render(&adopted, args.output)
}

async fn sort(args: &AdoptArgs, input: &mut dyn Read) -> anyhow::Result<Adopted> {
    let exporting = ExportArgs {
        node: args.node.clone(),
        instance: args.instance.clone(),
        namespace: args.namespace.clone(),
        kinds: vec![ExportKind::Users, ExportKind::Groups],
        select: args.select.clone(),
        directory: args.directory.clone(),
        dry_run: args.dry_run,
        output: args.output,
    };
    let Exported { written, left_out, .. } = export::export(&exporting, input).await?;
    let objects = written
        .into_iter()
        .map(of_written)
        .chain(left_out.into_iter().map(of_left));
    Ok(Adopted {
        directory: args.directory.display().to_string(),
        dry_run: args.dry_run,
        objects: objects.collect(),
        managed: None,
    })
}

fn of_written(one: Written) -> Sorted {
    let omitted = one.omitted.join(", ");
    Sorted {
        kind: one.kind,
        remote: one.remote,
        class: match (one.from_directory, omitted.is_empty()) {
            (true, _) => Class::Directory,
            (false, true) => Class::Identical,
            (false, false) => Class::Different,
        },
        file: Some(one.file),
        why: (!omitted.is_empty()).then(|| format!("the manifest cannot carry {omitted}")),
    }
}

fn of_left(one: LeftOut) -> Sorted {
    let class = if one.is_protected {
        Class::Protected
    } else {
        Class::Different
    };
    Sorted {
        kind: one.kind,
        remote: one.remote,
        class,
        file: None,
        why: Some(one.why),
    }
}

/// Lines that say that an object observes.
const OBSERVES: [&str; 2] = ["managementPolicy: \"Observe\"", "managementPolicy: Observe"];

async fn manage(args: &AdoptArgs, input: &mut dyn Read) -> anyhow::Result<Adopted> {
    let found = manifest::read(std::slice::from_ref(&args.directory), &args.namespace, input)?;
    let observing = found
        .ours
        .into_iter()
        .filter(|one| one.object["spec"]["managementPolicy"] == "Observe");
    let mut ours: Vec<_> = observing.collect();
    if ours.is_empty() {
        bail!("no manifest in {} observes", args.directory.display());
    }
    let mut files = HashMap::new();
    for one in &mut ours {
        files.insert(
            (one.kind.clone(), one.namespace.clone(), one.name.clone()),
            one.place.clone(),
        );
        one.object["spec"]["managementPolicy"] = json!("Manage");
    }
    let means = Means::read(&args.node, None, input)?;
    let planning = PlanArgs::on(&args.node, &args.instance, &args.namespace);
    let planned = plan::of(&planning, Manifests { ours, others: 0 }, &means).await?;
    let mut managed = Vec::new();
    for object in planned.objects {
        let key = (object.kind.to_owned(), object.namespace.clone(), object.name.clone());
        let file = files.remove(&key).unwrap_or_default();
        let why = match (object.action, &object.message) {
            (Action::None, _) => change(&file, args.dry_run)?,
            (_, Some(message)) => Some(message.clone()),
            (_, None) => {
                let steps = object.steps.iter().map(|step| step.text.clone());
                let outstanding: Vec<String> = steps.chain(object.waits).collect();
                Some(format!("the operator would change it: {}", outstanding.join(", ")))
            }
        };
        managed.push(Outcome {
            object: format!("{} {}/{}", object.kind, object.namespace, object.name),
            file,
            managed: why.is_none(),
            why,
        });
    }
    let skipped = planned.skipped.into_iter().map(|one| Outcome {
        object: format!("{} {}", one.kind, one.name),
        file: String::new(),
        managed: false,
        why: Some(one.why),
    });
    managed.extend(skipped);
    Ok(Adopted {
        directory: args.directory.display().to_string(),
        dry_run: args.dry_run,
        objects: Vec::new(),
        managed: Some(managed),
    })
}

/// Lets the one object of a file manage, and leaves everything else in the file; why not, if it has to be done by hand.
fn change(file: &str, dry_run: bool) -> anyhow::Result<Option<String>> {
    let text = fs::read_to_string(file).with_context(|| format!("read {file}"))?;
    let found = OBSERVES.iter().find(|line| text.contains(**line));
    let (Some(found), true) = (found, text.matches("managementPolicy").count() == 1) else {
        return Ok(Some(
            "change managementPolicy by hand: the file has more than one, or in another form".to_owned(),
        ));
    };
    if !dry_run {
        atomic::write(file.as_ref(), &text.replace(found, &found.replace("Observe", "Manage")))?;
    }
    Ok(None)
}

impl Report for Adopted {
    fn tables(&self) -> Vec<Table> {
        let mut tables = Vec::new();
        if let Some(managed) = &self.managed {
            let rows = managed.iter().map(|one| {
                let state = if one.managed { "manages" } else { "still observes" };
                vec![
                    one.object.clone(),
                    state.to_owned(),
                    one.why.clone().unwrap_or_default(),
                ]
            });
            tables.push(Table {
                title: if self.dry_run { "Would manage" } else { "Managed" },
                columns: vec!["object", "state", "why"],
                rows: rows.collect(),
            });
            return tables;
        }
        let count = |class: Class| {
            let of = |kind: &str| {
                self.objects
                    .iter()
                    .filter(|one| one.class == class && one.kind == kind)
                    .count()
            };
            vec![
                class.words().to_owned(),
                of("DssUser").to_string(),
                of("DssGroup").to_string(),
            ]
        };
        tables.push(Table {
            title: if self.dry_run {
                "Found; nothing is written"
            } else {
                "Found"
            },
            columns: vec!["class", "users", "groups"],
            rows: Class::ALL.into_iter().map(count).collect(),
        });
        let others = self.objects.iter().filter(|one| one.why.is_some());
        let rows: Vec<_> = others
            .map(|one| {
                let why = one.why.clone().unwrap_or_default();
                vec![
                    one.kind.to_owned(),
                    one.remote.clone(),
                    one.class.words().to_owned(),
                    why,
                ]
            })
            .collect();
        if !rows.is_empty() {
            tables.push(Table {
                title: "Left out, or written incompletely",
                columns: vec!["kind", "remote", "class", "why"],
                rows,
            });
        }
        tables
    }
}
