//! `DssInstance`: the connection to a DSS node.

use crate::{
    crd::{DssInstance, connection::NodeSpec},
    dataiku::dss::{Dss, DssNode},
    engine::{Error, connect::Dependent},
    kinds::{
        dss::{impersonation, settings, variables},
        node::{NodeKind, NodeLists, Own, Personal, Reading, Rules, Running, Sweep, sweep_keys},
    },
};

impl NodeKind for DssInstance {
    type Product = DssNode;
    type Lists = NodeLists;

    const READY: &'static str = "reachable, with an admin key";
    const PRODUCT: &'static str = "DSS";
    const DECLARING: (&'static str, &'static str) = ("DssUser", "DssGroup");
    const KEYS: Option<&'static str> = Some("DssGlobalApiKey");
    const PERSONAL_KEYS: Option<&'static str> = Some("DssPersonalApiKey");

    fn node(&self) -> &NodeSpec {
        &self.spec.node
    }

    async fn sweep_own(api: &Dss, _: &NodeLists, known: bool) -> Result<Own, Error> {
        // Only a node that hides its type costs this call.
        let fits = if known {
            Some(true)
        } else {
            api.serves_roles().await.map(|roles| !roles)
        };
        Ok(Own { architect: None, fits })
    }

    async fn sweep_documents(api: &Dss, lists: &NodeLists, dependents: &[Dependent]) {
        variables::sweep(api, lists, dependents).await;
        let personal = dependents.iter().any(|one| one.kind == "DssPersonalApiKey");
        sweep_keys::<Personal>(api, lists, personal).await;
        settings::sweep(api, lists, dependents).await;
    }

    async fn read_inventory(api: &Dss, reading: Reading<'_>) {
        reading.personal_keys(reading.part(api.personal_keys()).await);
        reading.usage(reading.part(api.usage()).await);
        let rules = async {
            let document = api.general_settings().await?;
            Ok(impersonation::marks(&document, true).and_then(|user| {
                let group = impersonation::marks(&document, false)?;
                Ok(Rules { user, group })
            }))
        };
        reading.rules(reading.part(rules).await);
    }

    async fn read_running(api: &Dss, reading: Reading<'_>, running: &mut Running) {
        running.jobs = Some(reading.part(api.running_jobs()).await);
        running.notebooks = Some(reading.part(api.running_notebooks()).await);
    }

    fn lacks(sweep: &Sweep) -> Option<&'static str> {
        (!sweep.admin).then_some("admin right")
    }
}

#[cfg(test)]
#[path = "instance_tests.rs"]
mod tests;
