//! How much a DSS node holds (contract sheet 2.12).

use super::{DipProduct, Dss, DssNode};
use crate::dataiku::{
    call::{Call, Operation},
    document::Document,
    error::ApiError,
    fields::Fields,
};

const SUMMARY: Operation = Operation::list(DssNode::PRODUCT, "GET /admin/monitoring/global-usage-summary");

/// Numbers of objects on the node. `None`: the node does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageSummary {
    /// Projects.
    pub projects: Option<i64>,
    /// Datasets.
    pub datasets: Option<i64>,
    /// Recipes.
    pub recipes: Option<i64>,
    /// Jupyter notebooks.
    pub jupyter_notebooks: Option<i64>,
    /// SQL notebooks.
    pub sql_notebooks: Option<i64>,
    /// Scenarios.
    pub scenarios: Option<i64>,
    /// Scenarios that are active and have a trigger.
    pub active_scenarios: Option<i64>,
}

impl Dss {
    /// Numbers of objects on the node, without its projects one by one.
    ///
    /// # Errors
    /// The call fails.
    pub async fn usage(&self) -> Result<UsageSummary, ApiError> {
        let summary: Document = self
            .transport
            .json(Call::new(SUMMARY).query("withPerProject", &false))
            .await?;
        let mut fields = Fields::of(&summary);
        let mut number = |part: &'static str, member: &'static str| fields.nested(part)?.number(member);
        Ok(UsageSummary {
            datasets: number("datasets", "all"),
            recipes: number("recipes", "all"),
            jupyter_notebooks: number("notebooks", "nbJupyterNotebooks"),
            sql_notebooks: number("notebooks", "nbSqlNotebooks"),
            scenarios: number("scenarios", "all"),
            active_scenarios: number("scenarios", "activeWithTriggers"),
            projects: fields.number("projects"),
        })
    }
}
