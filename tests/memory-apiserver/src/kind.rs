//! The kinds that an apiserver serves.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// A kind and the path under which it is served. One version per kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// API group; empty for the core group.
    pub group: String,
    /// Version, such as `v1alpha1`.
    pub version: String,
    /// Kind, such as `DssUser`.
    pub kind: String,
    /// Plural in paths, such as `dssusers`.
    pub plural: String,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// Whether the status is a subresource: then other writes leave it alone, and its writes leave the rest alone.
    pub status: bool,
}

impl Registered {
    /// The kind of a custom resource definition, in its storage version.
    pub fn from_crd(crd: &CustomResourceDefinition) -> Self {
        let spec = &crd.spec;
        let version = spec.versions.iter().find(|version| version.storage);
        let subresources = version.and_then(|version| version.subresources.as_ref());
        Self {
            group: spec.group.clone(),
            version: version.map(|version| version.name.clone()).unwrap_or_default(),
            kind: spec.names.kind.clone(),
            plural: spec.names.plural.clone(),
            namespaced: spec.scope == "Namespaced",
            status: subresources.is_some_and(|subresources| subresources.status.is_some()),
        }
    }

    /// `group/version`, or the version alone in the core group.
    pub fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// `plural.group`, as messages name it.
    pub(crate) fn resource(&self) -> String {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// Whether the kind is compiled into the apiserver. Those served here have no generation, and their lists leave out the
    /// type of each item.
    pub(crate) fn is_builtin(&self) -> bool {
        self.group.is_empty() || self.group.ends_with(".k8s.io")
    }

    /// Whether a replacement may leave out the resource version.
    pub(crate) fn allows_unconditional_update(&self) -> bool {
        self.group.is_empty()
    }
}

/// The built-in kinds that every server starts with.
pub(crate) fn builtin() -> impl Iterator<Item = Registered> {
    [
        ("", "Namespace", "namespaces", false),
        ("", "Secret", "secrets", true),
        ("", "ConfigMap", "configmaps", true),
        ("events.k8s.io", "Event", "events", true),
        ("coordination.k8s.io", "Lease", "leases", true),
    ]
    .into_iter()
    .map(|(group, kind, plural, namespaced)| Registered {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespaced,
        status: false,
    })
}
