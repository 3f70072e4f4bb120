//! `export`: manifests of what a node has, which change nothing there when they are applied.

mod check;
mod folder;
mod group;
mod report;
mod user;

use std::{collections::HashSet, io::Read, sync::Arc};

use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

pub(super) use self::report::{Exported, LeftOut, Written};
use self::{
    check::{Check, Verdict},
    folder::Folder,
};
use super::{
    args::{ExportArgs, ExportKind},
    connect, names,
    progress::Progress,
    schema::Bounds,
};
use crate::{
    crd::{
        DssGroup, DssInstance, DssUser,
        common::{GROUP, VERSION},
    },
    dataiku::dip::{groups::GroupRecord, users::UserRecord},
    kinds::node::{NodeLists, survey},
};

/// What is exported, and what everything is drawn from.
struct Scene<'a> {
    args: &'a ExportArgs,
    connection: &'a DssInstance,
    lists: &'a NodeLists,
}

/// Reads the node and writes the directory.
///
/// # Errors
/// The node cannot be read or the directory cannot be written; nothing is left in its place.
pub(super) async fn export(args: &ExportArgs, input: &mut dyn Read) -> anyhow::Result<Exported> {
    let mut folder = Folder::create(&args.directory)?;
    let (connection, api) = connect::node(&args.node, &args.instance, &args.namespace, input)?;
    let lists = NodeLists::default();
    let progress = Progress::of("reading the node");
    let sweep = survey(&connection, &api, &lists).await?;
    drop(progress);
    let scene = Scene {
        args,
        connection: &connection,
        lists: &lists,
    };
    let mut report = Exported::new(&args.directory);
    if args.kinds.contains(&ExportKind::Groups) {
        scene.groups(&sweep.groups.items, &mut folder, &mut report)?;
        report.unreadable("DssGroup", sweep.groups.unreadable);
    }
    if args.kinds.contains(&ExportKind::Users) {
        scene.users(&sweep.users.items, &mut folder, &mut report)?;
        report.unreadable("DssUser", sweep.users.unreadable);
    }
    folder.finish(&report, args.dry_run)?;
    Ok(report)
}

impl Scene<'_> {
    fn groups(&self, found: &[Arc<GroupRecord>], folder: &mut Folder, report: &mut Exported) -> anyhow::Result<()> {
        let bounds = Bounds::of::<DssGroup>()?;
        let mut check = Check::<crate::kinds::node::Group<DssGroup>>::new(self.connection, self.lists);
        let mut found: Vec<_> = found.iter().filter(|group| self.selects(&group.name)).collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        for group in found {
            let (name, spec) = (names::object_name(&group.name), group::spec(group));
            let drawn = Drawn {
                kind: "DssGroup",
                key: "name",
                remote: &group.name,
                name,
                spec,
                from_directory: group::is_mapped(group),
            };
            let protected = group::protected(self.connection, self.lists, &group.name);
            self.write(
                drawn,
                &bounds,
                protected,
                |object| check.judge(object, group),
                folder,
                report,
            )?;
        }
        Ok(())
    }

    fn users(&self, found: &[Arc<UserRecord>], folder: &mut Folder, report: &mut Exported) -> anyhow::Result<()> {
        let bounds = Bounds::of::<DssUser>()?;
        let mut check = Check::<crate::kinds::node::User<DssUser>>::new(self.connection, self.lists);
        let mapped = user::filled_by_a_directory(self.lists);
        let is_wanted = |user: &&Arc<UserRecord>| {
            let mut groups = user.groups.iter().flatten();
            self.args.select.is_empty() || groups.any(|group| self.selects(group))
        };
        let mut found: Vec<_> = found.iter().filter(is_wanted).collect();
        found.sort_by(|one, other| one.login.cmp(&other.login));
        for user in found {
            let (name, spec) = (names::object_name(&user.login), user::spec(user, &mapped));
            let needed = user::secrets(user, &name);
            let drawn = Drawn {
                kind: "DssUser",
                key: "login",
                remote: &user.login,
                name,
                spec,
                from_directory: user::is_from_a_directory(user),
            };
            let protected = user::protected(self.connection, self.lists, user);
            if self.write(
                drawn,
                &bounds,
                protected,
                |object| check.judge(object, user),
                folder,
                report,
            )? {
                report.secrets.extend(needed);
            }
        }
        Ok(())
    }

    /// Whether the group is to be exported.
    fn selects(&self, group: &str) -> bool {
        let select = &self.args.select;
        select.is_empty() || select.iter().any(|one| one.matches(group))
    }

    /// Writes one object, unless there is a reason against it; true if it is written.
    fn write<K: serde::de::DeserializeOwned + CustomResourceExt>(
        &self,
        drawn: Drawn<'_>,
        bounds: &Bounds,
        protected: Option<String>,
        judge: impl FnOnce(&K) -> Verdict,
        folder: &mut Folder,
        report: &mut Exported,
    ) -> anyhow::Result<bool> {
        let Drawn {
            kind,
            key,
            remote,
            name,
            mut spec,
            from_directory,
        } = drawn;
        let is_protected = protected.is_some();
        let mut left = |why: String| {
            report.left_out.push(LeftOut {
                kind,
                remote: remote.to_owned(),
                why,
                is_protected,
            });
            Ok(false)
        };
        if let Some(why) = protected {
            return left(why);
        }
        let omitted = bounds.fit(&mut spec);
        if omitted.iter().any(|field| field == key) {
            return left(format!("the operator manages no {key} of this form"));
        }
        if name == remote {
            spec.remove(key);
        }
        let manifest = self.manifest(kind, &name, spec);
        let object: K = serde_json::from_value(manifest.clone())?;
        if let Verdict::Refused(why) = judge(&object) {
            return left(why);
        }
        let Some(file) = folder.write(kind, &name, &manifest)? else {
            return left(format!("another object has the name {name}"));
        };
        report.written.push(Written {
            kind,
            name,
            remote: remote.to_owned(),
            file,
            omitted,
            from_directory,
        });
        Ok(true)
    }

    fn manifest(&self, kind: &str, name: &str, fields: Map<String, Value>) -> Value {
        let instance = &self.args.instance;
        let mut reference = json!({ "name": instance.name });
        if let Some(namespace) = instance.namespace.as_ref().filter(|one| **one != self.args.namespace) {
            reference["namespace"] = json!(namespace);
        }
        let mut spec = Map::new();
        spec.insert("instanceRef".to_owned(), reference);
        spec.insert("managementPolicy".to_owned(), json!("Observe"));
        spec.insert("adoptionPolicy".to_owned(), json!("Adopt"));
        spec.extend(fields);
        json!({
            "apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind,
            "metadata": { "name": name, "namespace": self.args.namespace },
            "spec": spec,
        })
    }
}

/// One object before anybody judged it.
struct Drawn<'a> {
    kind: &'static str,
    /// The field with the key of the remote object.
    key: &'static str,
    remote: &'a str,
    name: String,
    spec: Map<String, Value>,
    from_directory: bool,
}

/// Names in a set, for lookups.
type Names = HashSet<String>;
