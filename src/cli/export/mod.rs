//! `export`: manifests of what a remote side has, which change nothing there when they are applied.

mod draw;
mod folder;
mod group;
mod key;
mod permissions;
mod personal;
mod report;
mod role;
mod rule;
mod settings;
mod space;
mod user;
mod write;

use std::{collections::HashSet, future::Future, sync::Arc};

use anyhow::bail;

pub(super) use self::report::{Exported, LeftOut, Written, wrote};
use self::{folder::Folder, write::Writing};
use super::{
    args::{ExportArgs, ExportKind, Instance, Product, ReachArgs, TargetArgs},
    connect::{self, Means},
    console::Console,
    progress::Progress,
};
use crate::{
    crd::{
        DssGlobalApiKey, DssGroup, DssInstance, DssPersonalApiKey, DssUser, GovernGlobalApiKey, GovernGroup,
        GovernInstance, GovernUser, LaunchpadSpace,
    },
    dataiku::error::{ApiError, ErrorKind},
    engine::{
        Error,
        connect::{ConnectionKind, delegation::Privileges, single::Bench},
        shared::entries::Keep,
    },
    kinds::{
        dss::{GENERAL_SETTINGS, ImpersonationRule, Settings, VARIABLES, Variables},
        govern::{
            BlueprintPermissions, DefaultPermissions, Role, RoleAssignment, lists::GovernLists, read_permissions,
        },
        launchpad,
        node::{Group, Key, NodeLists, Snapshot, User},
    },
};

/// What is exported.
pub(super) struct Job<'a> {
    /// How the remote side is reached.
    pub reach: &'a ReachArgs,
    /// The connection that the manifests refer to.
    pub instance: Instance,
    /// What is written, and where.
    pub target: &'a TargetArgs,
    /// The kinds.
    pub kinds: &'a [ExportKind],
    /// Whether manifests refer to the Secrets that are to be created.
    pub secret_references: bool,
    /// Whether manifests declare the preferences of users.
    pub preferences: bool,
}

/// Names in a set, for lookups.
type Names = HashSet<String>;

/// Reads the remote side and writes the directory.
///
/// # Errors
/// The remote side cannot be read or the directory cannot be written; nothing is left in its place.
pub(super) async fn export(args: &ExportArgs, console: &mut Console<'_>) -> anyhow::Result<Exported> {
    let job = Job {
        reach: &args.manifests.show.reach,
        instance: args.manifests.instance(),
        target: &args.target,
        kinds: &args.kinds,
        secret_references: args.secret_references,
        preferences: args.preferences,
    };
    run(&job, console).await
}

/// The same for a command that exports on its way.
pub(super) async fn run(job: &Job<'_>, console: &mut Console<'_>) -> anyhow::Result<Exported> {
    let folder = Folder::create(&job.target.directory)?;
    let means = Means::read(job.reach, console).await?;
    match job.reach.product() {
        Product::Dss => Box::pin(of::<DssInstance>(job, &means, folder)).await,
        Product::Govern => Box::pin(of::<GovernInstance>(job, &means, folder)).await,
        Product::Launchpad => Box::pin(of::<LaunchpadSpace>(job, &means, folder)).await,
    }
}

async fn of<C: Exports>(job: &Job<'_>, means: &Means, folder: Folder) -> anyhow::Result<Exported> {
    let wanted = wanted::<C>(job.kinds)?;
    let connection = connect::connection::<C>(job.reach, &job.instance, &job.target.namespace, None, means)?;
    let api = connect::reach(job.reach, &connection, means)?;
    let bench = Bench::new(connection, api, Arc::<Privileges>::default()).without_terms();
    let progress = Progress::of("reading the remote side");
    bench.survey(&draw::readers::<C>(&wanted)).await?;
    drop(progress);
    let mut writing = Writing::new(job, &bench, folder)?;
    for kind in wanted {
        match C::check(kind, &bench).await? {
            Read::Done => C::draw(kind, &mut writing).await?,
            Read::NotOffered => writing.not_offered(kind),
        }
    }
    writing.finish()
}

/// The kinds that are asked for, in the order of the table.
fn wanted<C: Exports>(asked: &[ExportKind]) -> anyhow::Result<Vec<ExportKind>> {
    if asked.contains(&ExportKind::All) {
        return Ok(C::KINDS.to_vec());
    }
    if let Some(other) = asked.iter().find(|kind| !C::KINDS.contains(kind)) {
        let kind = crate::engine::object::kind::<C>();
        let names: Vec<String> = C::KINDS.iter().map(|kind| kind.name()).collect();
        bail!(
            "a {kind} has no {} to export; --kinds takes all, or some of {}",
            other.name(),
            names.join(", ")
        );
    }
    Ok(C::KINDS.iter().copied().filter(|kind| asked.contains(kind)).collect())
}

/// How the read ended that a kind is drawn from.
enum Read {
    /// It is there.
    Done,
    /// The release has no such list.
    NotOffered,
}

/// A survey leaves out a list that it cannot read. An export must not: it says why, in the words of the remote side.
async fn checked<T>(is_read: bool, again: impl Future<Output = Result<T, ApiError>>) -> anyhow::Result<Read> {
    if is_read {
        return Ok(Read::Done);
    }
    match again.await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Read::NotOffered),
        Err(error) => Err(Error::from(error).into()),
        Ok(_) => bail!("a list could not be read at first, and can be now: run the command again"),
    }
}

/// Whether a list was read.
fn is_listed<T: PartialEq>(list: &Snapshot<T>) -> bool {
    list.is_complete() || !list.is_empty()
}

/// A kind of connection whose objects can be exported.
trait Exports: ConnectionKind {
    /// Kinds of its objects, each after those that it refers to.
    const KINDS: &'static [ExportKind];
    /// Field with the reference to the connection.
    const REFERENCE: &'static str;

    /// Kinds by which the survey tells which documents and lists it has to read.
    fn reads(kind: ExportKind) -> Option<&'static str>;
    /// Whether what a kind is drawn from was read by the survey.
    ///
    /// # Errors
    /// It cannot be read.
    async fn check(kind: ExportKind, bench: &Bench<Self>) -> anyhow::Result<Read>;
    /// Writes the objects of a kind.
    async fn draw(kind: ExportKind, writing: &mut Writing<'_, Self>) -> anyhow::Result<()>;
}

impl Exports for DssInstance {
    const KINDS: &'static [ExportKind] = &[
        ExportKind::Groups,
        ExportKind::Users,
        ExportKind::GlobalKeys,
        ExportKind::PersonalKeys,
        ExportKind::Variables,
        ExportKind::Settings,
        ExportKind::Rules,
    ];
    const REFERENCE: &'static str = "instanceRef";

    fn reads(kind: ExportKind) -> Option<&'static str> {
        match kind {
            ExportKind::GlobalKeys => Some("DssGlobalApiKey"),
            ExportKind::PersonalKeys => Some("DssPersonalApiKey"),
            ExportKind::Variables => Some("DssInstanceVariables"),
            ExportKind::Settings => Some("DssGeneralSettings"),
            ExportKind::Rules => Some("DssImpersonationRule"),
            _ => None,
        }
    }

    async fn check(kind: ExportKind, bench: &Bench<Self>) -> anyhow::Result<Read> {
        let (lists, api) = (&bench.live.lists, &bench.live.api);
        match kind {
            ExportKind::GlobalKeys => checked(is_listed(&lists.keys), api.global_keys()).await,
            ExportKind::PersonalKeys => checked(is_listed(&lists.personal_keys), api.personal_keys()).await,
            ExportKind::Variables => checked(lists.documents.get(VARIABLES).is_some(), api.variables()).await,
            ExportKind::Settings | ExportKind::Rules => {
                checked(lists.documents.get(GENERAL_SETTINGS).is_some(), api.general_settings()).await
            }
            _ => Ok(Read::Done),
        }
    }

    async fn draw(kind: ExportKind, writing: &mut Writing<'_, Self>) -> anyhow::Result<()> {
        match kind {
            ExportKind::Groups => writing.all::<Group<DssGroup>>().await,
            ExportKind::Users => writing.all::<User<DssUser>>().await,
            ExportKind::GlobalKeys => writing.all::<Key<DssGlobalApiKey>>().await,
            ExportKind::PersonalKeys => writing.all::<Key<DssPersonalApiKey>>().await,
            ExportKind::Variables => writing.all::<Keep<Variables>>().await,
            ExportKind::Settings => writing.all::<Keep<Settings>>().await,
            ExportKind::Rules => writing.all::<ImpersonationRule>().await,
            _ => Ok(()),
        }
    }
}

impl Exports for GovernInstance {
    const KINDS: &'static [ExportKind] = &[
        ExportKind::Groups,
        ExportKind::Users,
        ExportKind::GlobalKeys,
        ExportKind::Roles,
        ExportKind::Assignments,
        ExportKind::Permissions,
    ];
    const REFERENCE: &'static str = "instanceRef";

    fn reads(kind: ExportKind) -> Option<&'static str> {
        (kind == ExportKind::GlobalKeys).then_some("GovernGlobalApiKey")
    }

    async fn check(kind: ExportKind, bench: &Bench<Self>) -> anyhow::Result<Read> {
        match kind {
            ExportKind::GlobalKeys => {
                let lists: &GovernLists = &bench.live.lists;
                let lists: &NodeLists = lists.as_ref();
                checked(is_listed(&lists.keys), bench.live.api.global_keys()).await
            }
            _ => Ok(Read::Done),
        }
    }

    async fn draw(kind: ExportKind, writing: &mut Writing<'_, Self>) -> anyhow::Result<()> {
        match kind {
            ExportKind::Groups => writing.all::<Group<GovernGroup>>().await,
            ExportKind::Users => writing.all::<User<GovernUser>>().await,
            ExportKind::GlobalKeys => writing.all::<Key<GovernGlobalApiKey>>().await,
            ExportKind::Roles => writing.all::<Role>().await,
            ExportKind::Assignments => writing.all::<RoleAssignment>().await,
            ExportKind::Permissions => {
                let live = writing.live();
                let unreadable = read_permissions(&live.api, &live.lists).await?;
                writing.all::<Keep<BlueprintPermissions>>().await?;
                writing.unreadable::<Keep<BlueprintPermissions>>(unreadable);
                writing.all::<Keep<DefaultPermissions>>().await
            }
            _ => Ok(()),
        }
    }
}

impl Exports for LaunchpadSpace {
    const KINDS: &'static [ExportKind] = &[ExportKind::Groups, ExportKind::Users];
    const REFERENCE: &'static str = "spaceRef";

    fn reads(_: ExportKind) -> Option<&'static str> {
        None
    }

    async fn check(_: ExportKind, _: &Bench<Self>) -> anyhow::Result<Read> {
        Ok(Read::Done)
    }

    async fn draw(kind: ExportKind, writing: &mut Writing<'_, Self>) -> anyhow::Result<()> {
        match kind {
            ExportKind::Groups => writing.all::<launchpad::Group>().await,
            ExportKind::Users => writing.all::<launchpad::User>().await,
            _ => Ok(()),
        }
    }
}
