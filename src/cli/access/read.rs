//! Reads what a report on access needs, of every product.

use jiff::SignedDuration;

use crate::{
    cli::{
        args::{Product, ReachArgs},
        cluster,
        connect::{self, Means, Reached},
        console::Console,
        progress::Progress,
    },
    crd::{DssInstance, GovernInstance, LaunchpadSpace},
    dataiku::dip::instance::InstanceDetails,
    engine::connect::ConnectionKey,
    kinds::{
        access::{self, Access, Missing, Scope},
        assigned,
        govern::lists::GovernLists,
        node::{NodeLists, Sweep, survey},
    },
};

/// Who may do what on the remote side of these arguments.
///
/// # Errors
/// Users or groups cannot be read. Any other list may be missing: the report names it under `read`.
pub(super) async fn access(
    args: &ReachArgs,
    dormant_after: Option<SignedDuration>,
    console: &mut Console<'_>,
) -> anyhow::Result<Access> {
    let means = Means::read(args, console).await?;
    let progress = Progress::of("reading the remote side");
    let missing = Missing::Named;
    let mut access = match args.product() {
        Product::Dss => {
            let Reached { connection, api } = connect::by::<DssInstance>(args, &means)?;
            let sweep = survey(&connection, &api, &NodeLists::default()).await?;
            let scope = Scope {
                personal_keys: Some(api.personal_keys().await),
                roles: None,
                ..scope(args, &sweep, dormant_after, missing)
            };
            access::of_node(&api, scope).await?
        }
        Product::Govern => {
            let Reached { connection, api } = connect::by::<GovernInstance>(args, &means)?;
            let sweep = survey(&connection, &api, &GovernLists::default()).await?;
            let scope = Scope {
                personal_keys: None,
                roles: Some(assigned(&api).await),
                ..scope(args, &sweep, dormant_after, missing)
            };
            access::of_node(&api, scope).await?
        }
        Product::Launchpad => {
            let Reached { api, .. } = connect::by::<LaunchpadSpace>(args, &means)?;
            let access = access::of_space(&api, args.place(), missing).await?;
            if let Some(why) = access.missing().iter().find(|one| !one.starts_with("invites")) {
                anyhow::bail!("the space cannot be read: {why}");
            }
            access
        }
    };
    drop(progress);
    if let Some(from) = &args.from {
        let connection = ConnectionKey::new(&from.namespace, &from.name);
        declared(&mut access, args.product(), &connection, console).await?;
    }
    Ok(access)
}

fn scope<'a>(args: &ReachArgs, sweep: &'a Sweep, dormant_after: Option<SignedDuration>, missing: Missing) -> Scope<'a> {
    let name = sweep.node.as_ref().and_then(named);
    Scope {
        node: name.unwrap_or_else(|| args.place()),
        users: &sweep.users,
        groups: &sweep.groups,
        personal_keys: None,
        roles: None,
        dormant_after,
        missing,
    }
}

fn named(node: &InstanceDetails) -> Option<String> {
    node.node_name.clone().or_else(|| node.node_id.clone())
}

/// Notes which users objects of the cluster declare, and marks the others. A right that is missing is one more list that was
/// not read.
async fn declared(
    access: &mut Access,
    product: Product,
    connection: &ConnectionKey,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let (kind, reference, key) = match product {
        Product::Dss => ("DssUser", "instanceRef", "login"),
        Product::Govern => ("GovernUser", "instanceRef", "login"),
        Product::Launchpad => ("LaunchpadUser", "spaceRef", "email"),
    };
    let client = console.client().await?;
    let list = "objects that declare users";
    let objects = match cluster::list(&client, kind, None).await {
        Ok(objects) => objects,
        Err(error) => {
            access.note(list, None, Some(error.to_string()));
            return Ok(());
        }
    };
    let objects: Vec<_> = objects
        .into_iter()
        .filter_map(|object| {
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
            let (namespace, name) = (
                text(&object["metadata"]["namespace"])?,
                text(&object["metadata"]["name"])?,
            );
            let referred = &object["spec"][reference];
            let at = ConnectionKey::new(
                referred["namespace"].as_str().unwrap_or(&namespace),
                referred["name"].as_str().unwrap_or_default(),
            );
            let login = text(&object["spec"][key]).unwrap_or_else(|| name.clone());
            (at == *connection).then(|| (login, format!("{namespace}/{name}")))
        })
        .collect();
    access.note(list, Some(objects.len()), None);
    access.declare(objects, product == Product::Launchpad);
    Ok(())
}
