//! `export`: manifests of what a remote side has, which change nothing there when they are applied.

mod draw;
mod folder;
mod group;
mod key;
mod report;
mod role;
mod rule;
mod settings;
mod space;
mod user;
mod write;

use std::{collections::HashSet, sync::Arc};

use anyhow::bail;

pub(super) use self::report::{Exported, LeftOut, Written};
use self::{folder::Folder, write::Writing};
use super::{
    args::{ExportArgs, ExportKind, Instance, Product, SideArgs, TargetArgs},
    connect::{self, Means},
    console::Console,
    progress::Progress,
};
use crate::{
    crd::{
        DssGlobalApiKey, DssGroup, DssInstance, DssPersonalApiKey, DssUser, GovernGlobalApiKey, GovernGroup,
        GovernInstance, GovernUser, LaunchpadSpace,
    },
    engine::connect::{ConnectionKind, delegation::Privileges, single::Bench},
    engine::shared::entries::Keep,
    kinds::{
        dss::{ImpersonationRule, Settings, Variables},
        govern::{Role, RoleAssignment},
        launchpad,
        node::{Group, Key, User},
    },
};

/// What is exported.
pub(super) struct Job<'a> {
    /// How the remote side is reached.
    pub side: &'a SideArgs,
    /// The connection that the manifests refer to.
    pub instance: Instance,
    /// What is written, and where.
    pub target: &'a TargetArgs,
    /// The kinds.
    pub kinds: &'a [ExportKind],
    /// Whether manifests refer to the Secrets that are to be created.
    pub secret_references: bool,
}

/// Names in a set, for lookups.
type Names = HashSet<String>;

/// Reads the remote side and writes the directory.
///
/// # Errors
/// The remote side cannot be read or the directory cannot be written; nothing is left in its place.
pub(super) async fn export(args: &ExportArgs, console: &mut Console<'_>) -> anyhow::Result<Exported> {
    let job = Job {
        side: &args.manifests.show.side,
        instance: args.manifests.instance(),
        target: &args.target,
        kinds: &args.kinds,
        secret_references: args.secret_references,
    };
    run(&job, console).await
}

/// The same for a command that exports on its way.
pub(super) async fn run(job: &Job<'_>, console: &mut Console<'_>) -> anyhow::Result<Exported> {
    let folder = Folder::create(&job.target.directory)?;
    let means = Means::read(job.side, console).await?;
    match job.side.product() {
        Product::Dss => Box::pin(of::<DssInstance>(job, &means, folder)).await,
        Product::Govern => Box::pin(of::<GovernInstance>(job, &means, folder)).await,
        Product::Launchpad => Box::pin(of::<LaunchpadSpace>(job, &means, folder)).await,
    }
}

async fn of<C: Exports>(job: &Job<'_>, means: &Means, folder: Folder) -> anyhow::Result<Exported> {
    let wanted = wanted::<C>(job.kinds)?;
    let connection = connect::connection::<C>(job.side, &job.instance, &job.target.namespace, None, means)?;
    let api = connect::reach(job.side, &connection, means)?;
    let bench = Bench::new(connection, api, Arc::<Privileges>::default()).without_terms();
    let progress = Progress::of("reading the remote side");
    bench.survey(&draw::readers::<C>(&wanted)).await?;
    drop(progress);
    let mut writing = Writing::new(job, &bench, folder)?;
    for kind in wanted {
        C::draw(kind, &mut writing).await?;
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
        bail!("a {kind} has no {other:?} to export; it has {:?}", C::KINDS);
    }
    Ok(C::KINDS.iter().copied().filter(|kind| asked.contains(kind)).collect())
}

/// A kind of connection whose objects can be exported.
trait Exports: ConnectionKind {
    /// Kinds of its objects, each after those that it refers to.
    const KINDS: &'static [ExportKind];
    /// Field with the reference to the connection.
    const REFERENCE: &'static str;

    /// Kinds by which the survey tells which documents and lists it has to read.
    fn reads(kind: ExportKind) -> Option<&'static str>;
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
    ];
    const REFERENCE: &'static str = "instanceRef";

    fn reads(kind: ExportKind) -> Option<&'static str> {
        (kind == ExportKind::GlobalKeys).then_some("GovernGlobalApiKey")
    }

    async fn draw(kind: ExportKind, writing: &mut Writing<'_, Self>) -> anyhow::Result<()> {
        match kind {
            ExportKind::Groups => writing.all::<Group<GovernGroup>>().await,
            ExportKind::Users => writing.all::<User<GovernUser>>().await,
            ExportKind::GlobalKeys => writing.all::<Key<GovernGlobalApiKey>>().await,
            ExportKind::Roles => writing.all::<Role>().await,
            ExportKind::Assignments => writing.all::<RoleAssignment>().await,
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

    async fn draw(kind: ExportKind, writing: &mut Writing<'_, Self>) -> anyhow::Result<()> {
        match kind {
            ExportKind::Groups => writing.all::<launchpad::Group>().await,
            ExportKind::Users => writing.all::<launchpad::User>().await,
            _ => Ok(()),
        }
    }
}
