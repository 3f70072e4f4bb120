//! What the status of a connection shows of its lists. Pure.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Found, Inventory, KeyFacts, Lack, Part, Running, in_use::in_use};
use crate::kinds::node::Presence;
use crate::{
    crd::inventory::{
        AdminCounts, ApiKeyCounts, ImpersonationRuleCounts, InventoryStatus, NotebookCounts, TaskCounts, UsageCounts,
    },
    dataiku::{
        dip::{activity::ActivityRecord, groups::GroupRecord, running::RunningTask, users::UserRecord},
        dss::{running::RunningNotebook, usage::UsageSummary},
        listed::Listed,
    },
    engine::{connect::Dependent, status::ExtraCondition},
    kinds::node::{NodeLists, declared, length},
};

/// A key that expires within this time expires soon.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How much later than it is due what runs may be read before it counts as unknown.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long after a start of the operator the condition `InUse` of the process before stands, while what runs is read.
const FIRST_READING: Duration = Duration::from_secs(10);

/// What one sweep counted.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// The parts of the status.
    pub status: InventoryStatus,
    /// Enabled users who never logged in.
    pub never_logged_in: Option<i64>,
    /// Enabled users who were not seen for long.
    pub dormant: Option<i64>,
    /// Lists that could not be read, in words.
    pub missing: Vec<String>,
    /// Whether this process has asked for every list once. Until then, the status shows what it showed before.
    pub complete: bool,
    /// Whether the first reading of what runs is under way, and began a moment ago.
    pub running_is_read: bool,
    /// The condition `InUse`; `None`: nothing was swept.
    pub in_use: Option<ExtraCondition>,
}

/// What a census is taken of.
pub(in crate::kinds::node) struct Scene<'a> {
    pub(in crate::kinds::node) users: &'a Listed<Arc<UserRecord>>,
    pub(in crate::kinds::node) groups: &'a Listed<Arc<GroupRecord>>,
    pub(in crate::kinds::node) dependents: &'a [Dependent],
    /// Kind of the objects that declare users.
    pub(in crate::kinds::node) user_kind: &'static str,
    /// Kinds of the objects that declare keys.
    pub(in crate::kinds::node) key_kinds: &'a [&'static str],
    /// Whether the product has personal keys.
    pub(in crate::kinds::node) personal_keys: bool,
    /// Id of the key, or login of the account, that the operator uses.
    pub(in crate::kinds::node) own: &'a str,
    pub(in crate::kinds::node) dormant_after: SignedDuration,
    /// Time between two reads of what runs.
    pub(in crate::kinds::node) running_interval: Duration,
    pub(in crate::kinds::node) now: Timestamp,
    /// Identifies this cluster in marks; `None`: unknown.
    pub(in crate::kinds::node) cluster: Option<&'a str>,
}

impl Census {
    /// Counts, and makes the numbers known to whoever asks the inventory.
    pub(in crate::kinds::node) fn take(lists: &NodeLists, scene: &Scene<'_>) -> Arc<Self> {
        let inventory: &Inventory = &lists.inventory;
        let (found, running) = (inventory.found.get(), inventory.running.get());
        let activity = lists.activity.all();
        let activity = found.activity.read().and((*activity).as_ref());
        let admins = Admins::of(scene);
        let stale = running
            .at
            .is_none_or(|at| at.elapsed() > scene.running_interval + PATIENCE);
        let seen = activity.map(|activity| seen(scene, activity));
        let census = Arc::new(Self {
            status: InventoryStatus {
                admins: Some(admins.counts(scene)),
                api_keys: keys(scene, &found, &admins),
                tasks: running.tasks.read().map(tasks),
                notebooks: running.notebooks.as_ref().and_then(Part::read).map(notebooks),
                impersonation_rules: found.rules.read().map(|rules| {
                    let declared: HashSet<&str> = entries(scene.dependents, "DssImpersonationRule");
                    let undeclared = rules.user.iter().chain(&rules.group);
                    ImpersonationRuleCounts {
                        user: length(rules.user.len()),
                        group: length(rules.group.len()),
                        undeclared: length(undeclared.filter(|mark| !declared.contains(mark.as_str())).count()),
                    }
                }),
                usage: found.usage.read().map(usage),
                roles: None,
                assignments: None,
            },
            never_logged_in: seen.map(|(never, _)| never),
            dormant: seen.map(|(_, dormant)| dormant),
            missing: missing(&found, &running),
            complete: found.complete && running.at.is_some(),
            running_is_read: running.at.is_none() && inventory.quick.began_within(FIRST_READING),
            in_use: Some(in_use(scene.users, (!stale).then_some(&*running))),
        });
        inventory.census.set(census.clone());
        census
    }
}

/// Entries of shared documents that objects of this kind declare.
pub fn entries<'a>(dependents: &'a [Dependent], kind: &str) -> HashSet<&'a str> {
    let of_kind = dependents.iter().filter(|one| one.kind == kind);
    of_kind.flat_map(|one| &one.entries).map(String::as_str).collect()
}

/// Who has the admin right.
struct Admins<'a> {
    users: BTreeSet<&'a str>,
    groups: HashSet<&'a str>,
}

impl<'a> Admins<'a> {
    fn of(scene: &Scene<'a>) -> Self {
        let groups = scene.groups.items.iter().filter(|group| group.admin == Some(true));
        let groups: HashSet<&str> = groups.map(|group| group.name.as_str()).collect();
        let users = scene.users.items.iter().filter(|user| {
            let mut joined = user.groups.iter().flatten();
            user.enabled != Some(false) && joined.any(|group| groups.contains(group.as_str()))
        });
        Self {
            users: users.map(|user| user.login.as_str()).collect(),
            groups,
        }
    }

    fn counts(&self, scene: &Scene<'_>) -> AdminCounts {
        let declared = declared(scene.dependents, scene.user_kind);
        AdminCounts {
            users: length(self.users.len()),
            groups: length(self.groups.len()),
            undeclared: length(self.users.iter().filter(|login| !declared.contains(*login)).count()),
        }
    }

    fn include(&self, key: &KeyFacts) -> bool {
        let of_group = key.groups.iter().any(|group| self.groups.contains(group.as_str()));
        let of_user = key.user.as_ref().is_some_and(|user| self.users.contains(user.as_str()));
        key.admin || of_group || of_user
    }
}

/// Enabled users who never logged in, and those who were not seen for long.
fn seen(scene: &Scene<'_>, activity: &HashMap<String, ActivityRecord>) -> (i64, i64) {
    let limit = scene.now.checked_sub(scene.dormant_after).unwrap_or(Timestamp::MIN);
    let (mut never, mut dormant) = (0, 0);
    for user in scene.users.items.iter().filter(|user| user.enabled != Some(false)) {
        match Presence::of(activity.get(&user.login), limit) {
            Presence::Never => never += 1,
            Presence::Dormant => dormant += 1,
            Presence::Seen => {}
        }
    }
    (never, dormant)
}

fn keys(scene: &Scene<'_>, found: &Found, admins: &Admins<'_>) -> Option<ApiKeyCounts> {
    let global = found.global_keys.read();
    let personal = found.personal_keys.read().filter(|_| scene.personal_keys);
    let total = |keys: &Listed<KeyFacts>| length(keys.items.len() + keys.unreadable);
    let complete = global.is_some() && personal.is_some() == scene.personal_keys;
    let declared: HashSet<String> = scene
        .dependents
        .iter()
        .filter(|one| scene.key_kinds.contains(&one.kind))
        .flat_map(|one| {
            let name = format!("{}/{}", one.namespace, one.name);
            [Some(name), Some(one.key.clone()), one.id.clone()]
        })
        .flatten()
        .collect();
    let is_declared = |key: &KeyFacts| {
        let mut marked = key.owner.iter().filter(|owner| owner.may_be_in(scene.cluster));
        let marked = marked.any(|owner| declared.contains(&owner.object));
        marked || declared.contains(&key.id) || key.id == scene.own
    };
    let (now, soon) = (
        scene.now.as_millisecond(),
        scene.now.checked_add(SOON).unwrap_or(Timestamp::MAX).as_millisecond(),
    );
    let count = |wanted: &dyn Fn(&KeyFacts) -> bool| {
        let all = global.into_iter().chain(personal).flat_map(|keys| &keys.items);
        complete.then(|| length(all.filter(|key| wanted(key)).count()))
    };
    (global.is_some() || personal.is_some()).then(|| ApiKeyCounts {
        global: global.map(total),
        personal: personal.map(total),
        admin: count(&|key| admins.include(key)),
        undeclared: count(&|key| !is_declared(key)),
        expiring_soon: count(&|key| key.expires.is_some_and(|end| end > now && end <= soon)),
    })
}

fn tasks(tasks: &Listed<RunningTask>) -> TaskCounts {
    let oldest = tasks.items.iter().filter_map(|task| task.started).min();
    TaskCounts {
        running: length(tasks.items.len() + tasks.unreadable),
        oldest_started_at: oldest.and_then(|at| Timestamp::from_second(at / 1000).ok()).map(Time),
    }
}

fn notebooks(notebooks: &Listed<RunningNotebook>) -> NotebookCounts {
    let running = notebooks.items.iter().filter(|one| one.sessions != Some(0));
    NotebookCounts {
        running: length(running.count() + notebooks.unreadable),
        sessions: length(notebooks.items.iter().filter_map(|one| one.sessions).sum()),
        busy: length(notebooks.items.iter().map(|one| one.busy).sum()),
    }
}

fn usage(usage: &UsageSummary) -> UsageCounts {
    let both = usage.jupyter_notebooks.zip(usage.sql_notebooks);
    UsageCounts {
        projects: usage.projects,
        datasets: usage.datasets,
        recipes: usage.recipes,
        notebooks: both.map(|(jupyter, sql)| jupyter.saturating_add(sql)),
        jupyter_notebooks: usage.jupyter_notebooks,
        sql_notebooks: usage.sql_notebooks,
        scenarios: usage.scenarios,
        active_scenarios: usage.active_scenarios,
    }
}

/// Lists that could not be read, in words.
fn missing(found: &Found, running: &Running) -> Vec<String> {
    let parts: [(&str, Option<Lack>); 8] = [
        ("activity of users", found.activity.lack()),
        ("global API keys", found.global_keys.lack()),
        ("personal API keys", found.personal_keys.lack()),
        ("usage", found.usage.lack()),
        ("impersonation rules", found.rules.lack()),
        ("tasks", running.tasks.lack()),
        ("jobs", running.jobs.as_ref().and_then(Part::lack)),
        ("notebooks", running.notebooks.as_ref().and_then(Part::lack)),
    ];
    let missing = parts.into_iter().filter_map(|(list, lack)| Some((list, lack?)));
    missing.map(|(list, lack)| format!("{list} ({lack})")).collect()
}
