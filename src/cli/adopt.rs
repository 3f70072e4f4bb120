//! `adopt`: sorts what a node has and writes manifests that observe it; then lets those manage whose plan is empty.

use std::{collections::HashMap, fs};

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::json;

use super::{
    args::AdoptArgs,
    atomic,
    connect::Means,
    console::Console,
    export::{self, Exported, LeftOut, Written},
    manifest,
    output::{Report, Table},
    plan::{self, Action},
    schema::Unevaluated,
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

/// Kinds of users, and kinds of groups.
const KINDS: [[&str; 3]; 2] = [
    ["DssUser", "GovernUser", "LaunchpadUser"],
    ["DssGroup", "GovernGroup", "LaunchpadGroup"],
];

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
    /// Rules of CRDs that only the apiserver evaluates.
    unevaluated: Vec<Unevaluated>,
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

/// Runs one of the two steps and prints its summary.
///
/// # Errors
/// The remote side cannot be read, or a file cannot be written; in the first step nothing is left then.
pub(super) async fn adopt(args: &AdoptArgs, console: &mut Console<'_>) -> anyhow::Result<()> {
    let adopted = if args.manage {
        manage(args, console).await?
    } else {
        sort(args, console).await?
    };
    console.show(&adopted, args.manifests.show.output)
}

async fn sort(args: &AdoptArgs, console: &mut Console<'_>) -> anyhow::Result<Adopted> {
    let job = export::Job {
        reach: &args.manifests.show.reach,
        instance: args.manifests.instance(),
        target: &args.target,
        kinds: &args.kinds,
        secret_references: false,
        preferences: false,
    };
    let exported = export::run(&job, console).await?;
    let Exported {
        written,
        left_out,
        unevaluated,
        ..
    } = exported;
    let objects = written
        .into_iter()
        .map(of_written)
        .chain(left_out.into_iter().map(of_left));
    Ok(Adopted {
        directory: args.target.directory.display().to_string(),
        dry_run: args.target.dry_run,
        objects: objects.collect(),
        managed: None,
        unevaluated,
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

async fn manage(args: &AdoptArgs, console: &mut Console<'_>) -> anyhow::Result<Adopted> {
    let target = &args.target;
    let mut found = manifest::read(
        std::slice::from_ref(&target.directory),
        &target.namespace,
        console.input,
    )?;
    found
        .ours
        .retain(|one| one.object["spec"]["managementPolicy"] == "Observe");
    if found.ours.is_empty() {
        bail!("no manifest in {} observes", target.directory.display());
    }
    let mut files = HashMap::new();
    for one in &mut found.ours {
        files.insert(
            (one.kind.clone(), one.namespace.clone(), one.name.clone()),
            one.place.clone(),
        );
        one.object["spec"]["managementPolicy"] = json!("Manage");
    }
    let reach = &args.manifests.show.reach;
    let means = Means::read(reach, console).await?;
    let job = plan::Job {
        reach,
        instance: args.manifests.instance(),
        namespace: &target.namespace,
        assume_owned: false,
    };
    let planned = plan::of(&job, found, &means).await?;
    let mut managed = Vec::new();
    for object in planned.objects {
        let key = (object.kind.to_owned(), object.namespace.clone(), object.name.clone());
        let file = files.remove(&key).unwrap_or_default();
        let why = match (object.action, &object.message) {
            (Action::None, _) => change(&file, target.dry_run)?,
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
        directory: target.directory.display().to_string(),
        dry_run: target.dry_run,
        objects: Vec::new(),
        managed: Some(managed),
        unevaluated: planned.unevaluated,
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
            let people = KINDS.map(|kinds| kinds.iter().map(|kind| of(kind)).sum::<usize>());
            let all = self.objects.iter().filter(|one| one.class == class).count();
            let [users, groups] = people;
            let others = all - users - groups;
            vec![
                class.words().to_owned(),
                users.to_string(),
                groups.to_string(),
                others.to_string(),
            ]
        };
        tables.push(Table {
            title: "Found",
            columns: vec!["class", "users", "groups", "others"],
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

    fn sentences(&self) -> Vec<String> {
        let directory = &self.directory;
        let sentence = match &self.managed {
            None => {
                let files = self.objects.iter().filter(|one| one.file.is_some()).count();
                export::wrote(directory, files, self.dry_run)
            }
            Some(outcomes) => {
                let files = outcomes.iter().filter(|one| one.managed).count();
                if self.dry_run {
                    format!(
                        "managementPolicy would change to Manage in {files} files of {directory}; nothing is written"
                    )
                } else {
                    format!("changed managementPolicy to Manage in {files} files of {directory}")
                }
            }
        };
        vec![sentence]
    }

    fn warnings(&self) -> Vec<String> {
        self.unevaluated.iter().map(ToString::to_string).collect()
    }
}
