//! The node itself: who we are to it, what it is, what it is licensed for (contract sheet 2.16).

use std::collections::BTreeSet;

use serde_json::{Value, value::RawValue};

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation},
    document::Document,
    error::ApiError,
    fields::{Fields, Record, record},
    outcome::malformed,
};

/// Who the credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthInfo {
    /// Login, or id of the API key.
    pub auth_identifier: String,
    /// Groups, for a user. `None`: a key, or unreadable.
    pub groups: Option<Vec<String>>,
}

impl Record for AuthInfo {
    const KEY: &'static str = "authIdentifier";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            auth_identifier: fields.key(Self::KEY)?,
            groups: fields.value("groups"),
        })
    }
}

/// What the node says of itself. `None`: absent or unreadable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

impl InstanceDetails {
    fn read(document: &Document) -> Self {
        let mut fields = Fields::of(document);
        Self {
            node_id: fields.text("nodeId"),
            node_name: fields.text("nodeName"),
            node_type: fields.text("nodeType"),
            dss_version: fields.text("dssVersion"),
        }
    }
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
        let answer: Document = self.transport.json(call).await?;
        record(&answer).map_err(|error| malformed(Self::AUTH.name(), &error))
    }

    /// What the node is.
    ///
    /// # Errors
    /// The call fails; it may need a right that the key does not have.
    pub async fn instance_info(&self) -> Result<InstanceDetails, ApiError> {
        let answer = self.transport.json(Call::new(Self::INSTANCE)).await?;
        Ok(InstanceDetails::read(&answer))
    }

    /// User profiles that the licence offers, sorted; `None` where the edition's answer has an unknown layout.
    ///
    /// # Errors
    /// The call fails.
    pub async fn licensed_profiles(&self) -> Result<Option<Vec<String>>, ApiError> {
        let status: Box<RawValue> = self.transport.json(Call::new(Self::LICENSING)).await?;
        let status: Option<Document> = serde_json::from_str(status.get()).ok();
        Ok(status.as_ref().and_then(profiles))
    }
}

/// The union of both places: an edition fills one or both. `None` where a place has an unknown layout, since a part of the
/// profiles would make the others look unlicensed.
fn profiles(status: &Document) -> Option<Vec<String>> {
    let mut names = BTreeSet::new();
    for (part, member) in [("base", "userProfiles"), ("limits", "licensedProfiles")] {
        let found: Option<Value> = match status.nested(part).ok()? {
            Some(part) => part.get(member).ok()?,
            None => None,
        };
        match found.unwrap_or_default() {
            Value::Null => {}
            Value::Object(profiles) => names.extend(profiles.into_iter().map(|(name, _)| name)),
            Value::Array(profiles) => {
                for profile in profiles {
                    names.insert(profile.as_str()?.to_owned());
                }
            }
            _ => return None,
        }
    }
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
        let listed = r#"{"limits":{"licensedProfiles":["READER"]}}"#;
        assert_eq!(read(listed).unwrap(), ["READER"]);
        for unknown in [
            "{}",
            r#"{"base":null}"#,
            r#"{"base":{"userProfiles":[]}}"#,
            r#"{"base":[],"limits":{"licensedProfiles":{"READER":{}}}}"#,
            r#"{"base":{"userProfiles":["READER",7]},"limits":{"licensedProfiles":{"READER":{}}}}"#,
            r#"{"base":{"userProfiles":["READER"]},"limits":{"licensedProfiles":7}}"#,
            r#"{"base":{"userProfiles":["READER"]},"limits":{"licensedProfiles":{"READER":1e999}}}"#,
        ] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
    }
}
