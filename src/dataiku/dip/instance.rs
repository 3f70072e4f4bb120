//! The node itself: who we are to it, what it is, what it is licensed for (contract sheet 2.16).

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation},
    document::Document,
    error::ApiError,
};

/// Who the credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthInfo {
    /// Login, or id of the API key.
    pub auth_identifier: String,
    /// Groups, when it is a user.
    pub groups: Option<Vec<String>>,
}

/// What the node says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceDetails {
    /// Id.
    pub node_id: Option<String>,
    /// Name.
    pub node_name: Option<String>,
    /// `DESIGN`, `AUTOMATION`, `DEPLOYER`, `GOVERN`; an open set.
    pub node_type: Option<String>,
    /// Release.
    pub dss_version: Option<String>,
}

impl<P: DipProduct> Node<P> {
    const AUTH: Operation = Operation::read(P::PRODUCT, "GET /auth/info");
    const INSTANCE: Operation = Operation::read(P::PRODUCT, "GET /instance-info");
    const LICENSING: Operation = Operation::read(P::PRODUCT, "GET /admin/licensing/status");

    /// Who we are. The cheapest proof that the credentials are good.
    ///
    /// # Errors
    /// The call fails.
    pub async fn auth_info(&self) -> Result<AuthInfo, ApiError> {
        let call = Call::new(Self::AUTH);
        let call = if P::TELLS_OWN_SECRETS {
            call.query("withSecrets", &false)
        } else {
            call
        };
        self.transport.json(call).await
    }

    /// What the node is.
    ///
    /// # Errors
    /// The call fails; it may need a right that the key does not have.
    pub async fn instance_info(&self) -> Result<InstanceDetails, ApiError> {
        self.transport.json(Call::new(Self::INSTANCE)).await
    }

    /// User profiles that the licence offers, sorted; `None` when this edition does not tell in a known layout.
    ///
    /// # Errors
    /// The call fails.
    pub async fn licensed_profiles(&self) -> Result<Option<Vec<String>>, ApiError> {
        let status: Document = self.transport.json(Call::new(Self::LICENSING)).await?;
        Ok(profiles(&status))
    }
}

/// The union of both places: an edition fills the one, the other or both.
fn profiles(status: &Document) -> Option<Vec<String>> {
    let part = |key| status.nested(key).ok().flatten();
    let listed = part("base").and_then(|base| base.get::<Vec<String>>("userProfiles").ok().flatten());
    let limited = part("limits").and_then(|limits| limits.nested("licensedProfiles").ok().flatten());
    let mut names: BTreeSet<String> = listed.into_iter().flatten().collect();
    names.extend(limited.iter().flat_map(Document::keys).map(str::to_owned));
    (!names.is_empty()).then(|| names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::profiles;

    #[test]
    fn profiles_are_read_from_either_place_and_unknown_layouts_say_nothing() {
        let read = |text: &str| profiles(&serde_json::from_str(text).unwrap());
        let both =
            r#"{"base":{"userProfiles":["READER","DESIGNER"]},"limits":{"licensedProfiles":{"NONE":{},"READER":{}}}}"#;
        assert_eq!(read(both).unwrap(), ["DESIGNER", "NONE", "READER"]);
        assert_eq!(read(r#"{"base":{"userProfiles":["READER"]}}"#).unwrap(), ["READER"]);
        assert_eq!(
            read(r#"{"limits":{"licensedProfiles":{"READER":1}}}"#).unwrap(),
            ["READER"]
        );
        for unknown in [
            "{}",
            r#"{"base":null}"#,
            r#"{"base":{"userProfiles":[]}}"#,
            r#"{"base":[],"limits":{"licensedProfiles":[]}}"#,
        ] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
    }
}
