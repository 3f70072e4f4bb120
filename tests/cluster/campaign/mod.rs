//! The fault campaign: for every kind and operation, every call at which something can go wrong, and everything that can.
//!
//! A plan is one fault at one call of one operation. All plans are listed in a fixed order, shuffled by a seed, spread over
//! kinds, operations and faults, and the first of them are run, each on an object of its own. Whatever goes wrong goes wrong once, so each plan has to end
//! converged; what else is checked is in [`judge`].
//!
//! - `CAMPAIGN_PLANS`: how many plans are run; all of them if there are fewer.
//! - `CAMPAIGN_SEED`: another selection and order.
//! - `CAMPAIGN_ONLY`: only plans whose name contains this, for example `DssUser create remote 3`.

mod around;
mod judge;
mod moment;
mod plan;
mod run;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use self::plan::{Measure, Plan};
use crate::scenarios::{
    dss_general_settings::Settings, dss_global_api_key, dss_group, dss_impersonation_rule::DssImpersonationRule,
    dss_instance_variables::DssInstanceVariables, dss_personal_api_key::DssPersonalApiKey, dss_task, dss_user,
    govern_blueprint_permissions::OfBlueprint, govern_default_permissions, govern_global_api_key, govern_group,
    govern_role::GovernRole, govern_role_assignment::GovernRoleAssignment, govern_user,
    launchpad_group::LaunchpadGroup, launchpad_user, node_group::Group, node_key::Key, node_user::User,
    shared_map::Entries,
};

/// Plans without `CAMPAIGN_PLANS`; `make campaign` runs more.
const PLANS: usize = 150;
/// Plans that share a world, one after the other.
const BATCH: usize = 10;

/// Characters of what is shown of one failure.
const LINE: usize = 1500;

/// A plan, and what is wrong with it.
type Failure = (String, String);

/// What the campaign does with a kind.
struct Kind {
    name: &'static str,
    resource: &'static str,
    /// Whether several objects may declare one remote object.
    rivals: fn() -> bool,
    /// Each operation without a fault.
    measure: fn() -> Vec<Measure>,
    /// Runs plans; what is wrong with which of them.
    run: fn(&[Plan], &[Measure]) -> Vec<Failure>,
}

macro_rules! kinds {
    ($($kind:ty),* $(,)?) => {
        [$(Kind {
            name: <$kind as crate::scenarios::Scenario>::LABEL,
            resource: <$kind as crate::scenarios::Scenario>::KIND,
            rivals: || <$kind as crate::scenarios::Scenario>::same("any").is_some(),
            measure: run::measure::<$kind>,
            run: run::batch::<$kind>,
        }),*]
    };
}

const KINDS: [Kind; 20] = kinds![
    User<dss_user::Dss>,
    Group<dss_group::Dss>,
    Key<dss_global_api_key::Dss>,
    DssPersonalApiKey,
    DssInstanceVariables,
    Entries<Settings>,
    DssImpersonationRule,
    User<govern_user::Govern>,
    Group<govern_group::Govern>,
    Key<govern_global_api_key::Govern>,
    GovernRole,
    GovernRoleAssignment,
    Entries<OfBlueprint>,
    Entries<govern_default_permissions::Default>,
    LaunchpadGroup,
    launchpad_user::Person<launchpad_user::Invited>,
    launchpad_user::Person<launchpad_user::Active>,
    dss_task::Task<dss_task::WriteNotebook>,
    dss_task::Task<dss_task::PostDiscussion>,
    dss_task::Task<dss_task::ResyncUsers>,
];

/// Kinds of connections write nothing to the remote side but reports for its audit trail. Their calls are those of the sweeps in
/// every plan of the other kinds.
const CONNECTIONS: [&str; 3] = ["DssInstance", "GovernInstance", "LaunchpadSpace"];

#[test]
fn every_kind_is_in_the_campaign_and_has_the_scenarios() {
    let scenarios = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/scenarios");
    for crd in dataiku_operator::crd::all() {
        let kind = crd.spec.names.kind;
        if CONNECTIONS.contains(&kind.as_str()) {
            continue;
        }
        assert!(
            KINDS.iter().any(|one| one.resource == kind),
            "{kind} is not in the campaign"
        );
        let words = kind.chars().enumerate().map(|(at, letter)| {
            let separator = if at > 0 && letter.is_uppercase() { "_" } else { "" };
            format!("{separator}{}", letter.to_lowercase())
        });
        let file = scenarios.join(format!("{}.rs", words.collect::<String>()));
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(text.contains("scenarios!("), "{} makes no tests", file.display());
    }
}

#[test]
fn every_plan_ends_converged_and_touches_nothing_else() {
    let only = std::env::var("CAMPAIGN_ONLY").unwrap_or_default();
    let is_named = |kind: &&Kind| only.split(' ').next() == Some(kind.name);
    let any = !KINDS.iter().any(|kind| is_named(&kind));
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| any || is_named(kind)).collect();
    let measures = side_by_side(&kinds, |kind| (kind.measure)());
    let measures: BTreeMap<_, _> = kinds.iter().map(|kind| kind.name).zip(measures).collect();
    let mut plans = Vec::new();
    for kind in &kinds {
        plans.extend(plan::all(kind.name, (kind.rivals)(), &measures[kind.name]));
    }
    let total = plans.len();
    plans.retain(|plan| plan.to_string().contains(&only));
    plans.shuffle(&mut StdRng::seed_from_u64(number("CAMPAIGN_SEED", 1) as u64));
    plan::spread(&mut plans);
    plans.truncate(number("CAMPAIGN_PLANS", PLANS));
    let mut batches: Vec<(&Kind, Vec<Plan>)> = Vec::new();
    for kind in kinds {
        let of_kind: Vec<_> = plans.iter().filter(|plan| plan.kind == kind.name).copied().collect();
        batches.extend(of_kind.chunks(BATCH).map(|chunk| (kind, chunk.to_vec())));
    }
    let failures = side_by_side(&batches, |(kind, plans)| (kind.run)(plans, &measures[kind.name]));
    let failures: Vec<_> = failures.into_iter().flatten().collect();
    let line = |(plan, wrong): &Failure| format!("{plan}: {}", wrong.chars().take(LINE).collect::<String>());
    let lines: Vec<_> = failures.iter().map(line).collect();
    assert!(
        failures.is_empty(),
        "{} of {} plans ({total} in all) failed:\n{}",
        failures.len(),
        plans.len(),
        lines.join("\n")
    );
}

fn number(variable: &str, default: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
        Err(_) => default,
    }
}

/// Does the same with each, on every core.
fn side_by_side<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((at, one)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    all.get(at).map(|one| (at, one))
                } {
                    let result = work(one);
                    done.lock().unwrap().push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
