//! A request as an apiserver understands it: verb, resource, parameters and body.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, header};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use crate::rejection::Rejection;

const METADATA_ONLY: &str = "as=PartialObjectMetadata";

/// A request that was read to its end.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) parameters: BTreeMap<String, String>,
    /// `None` for a path that leads to no resource.
    pub(crate) resource: Option<Resource>,
    pub(crate) content_type: String,
    /// Whether the answer has the metadata of objects only.
    pub(crate) metadata_only: bool,
    body: Bytes,
}

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Call {
    pub(crate) async fn read(request: http::Request<Body>) -> Result<Self, kube::Error> {
        let (parts, body) = request.into_parts();
        let header = |name| {
            let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self {
            resource: Resource::parse(parts.uri.path()),
            path: parts.uri.path().to_owned(),
            parameters: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            query: query.to_owned(),
            content_type: header(header::CONTENT_TYPE),
            metadata_only: header(header::ACCEPT).contains(METADATA_ONLY),
            method: parts.method,
            body: body.collect().await?.to_bytes(),
        })
    }

    /// A parameter of the query; `None` also where it is empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let value = self.parameters.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Whether a parameter of the query is set to `true` or `1`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.parameter(name), Some("true" | "1"))
    }

    /// The body; `None` where there is none or where it is no JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body, or 400.
    pub(crate) fn required_json(&self) -> Result<Value, Rejection> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Rejection::bad_request(format!("the body is not JSON: {error}")))
    }
}

impl Resource {
    /// `None` for a path that leads to no resource.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let (group, version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => ("", version, rest),
            ["apis", group, version, rest @ ..] => (*group, version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
            rest => (None, rest),
        };
        let (plural, name, subresource) = match rest {
            [plural] => (plural, None, None),
            [plural, name] => (plural, Some(*name), None),
            [plural, name, subresource] => (plural, Some(*name), Some(*subresource)),
            _ => return None,
        };
        Some(Self {
            group: group.to_owned(),
            version: (*version).to_owned(),
            plural: (*plural).to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            subresource: subresource.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Resource;

    fn parsed(path: &str) -> [String; 6] {
        let Resource {
            group,
            version,
            plural,
            namespace,
            name,
            subresource,
        } = Resource::parse(path).unwrap();
        let or_dash = |part: Option<String>| part.unwrap_or_else(|| "-".into());
        [
            group,
            version,
            plural,
            or_dash(namespace),
            or_dash(name),
            or_dash(subresource),
        ]
    }

    #[test]
    fn a_path_names_group_version_plural_namespace_name_and_subresource() {
        assert_eq!(
            parsed("/apis/example.com/v1/namespaces/team/widgets/one/status"),
            ["example.com", "v1", "widgets", "team", "one", "status"]
        );
        assert_eq!(
            parsed("/apis/example.com/v1/widgets"),
            ["example.com", "v1", "widgets", "-", "-", "-"]
        );
        assert_eq!(
            parsed("/api/v1/namespaces/team/secrets/one"),
            ["", "v1", "secrets", "team", "one", "-"]
        );
    }

    #[test]
    fn a_namespace_is_a_resource_too() {
        assert_eq!(parsed("/api/v1/namespaces"), ["", "v1", "namespaces", "-", "-", "-"]);
        assert_eq!(
            parsed("/api/v1/namespaces/team"),
            ["", "v1", "namespaces", "-", "team", "-"]
        );
        assert_eq!(
            parsed("/api/v1/namespaces/team/status"),
            ["", "v1", "namespaces", "-", "team", "status"]
        );
    }

    #[test]
    fn other_paths_lead_to_no_resource() {
        for path in ["/", "/version", "/apis", "/apis/example.com/v1", "/api/v1"] {
            assert_eq!(Resource::parse(path), None, "{path}");
        }
    }
}
