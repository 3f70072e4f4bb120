//! The mark of an object in its remote object: proof of who created it, for a cluster that was restored without status
//! (`api.md` 9).

use std::fmt;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};

use super::object::{Object, ObjectName};

/// A namespace that every cluster has exactly once; its uid identifies the cluster.
const KUBE_SYSTEM: &str = "kube-system";

/// Names one object of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The cluster.
    pub cluster: String,
    /// Namespace and name of the object.
    pub object: ObjectName,
    uid: String,
}

/// What a remote object says of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marked {
    /// This answer does not show the place of the mark.
    Unread,
    /// There is no mark.
    No,
    /// There is this one.
    By(Mark),
}

impl Mark {
    /// The mark of an object in this cluster.
    pub fn of<K: Object>(cluster: &str, object: &K) -> Self {
        Self {
            cluster: cluster.to_owned(),
            object: ObjectName::of(object),
            uid: object.uid().unwrap_or_default(),
        }
    }

    /// Reads a mark; `None`: the text is none.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let [cluster, namespace, name, uid] = [(); 4].map(|()| parts.next().unwrap_or_default());
        let whole = parts.next().is_none() && ![cluster, namespace, name, uid].contains(&"");
        whole.then(|| Self {
            cluster: cluster.to_owned(),
            object: ObjectName {
                namespace: namespace.into(),
                name: name.into(),
            },
            uid: uid.to_owned(),
        })
    }

    /// Whether both name the same object; its uid changes when it is restored.
    pub fn names_same(&self, other: &Self) -> bool {
        self.cluster == other.cluster && self.object == other.object
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ObjectName { namespace, name } = &self.object;
        write!(f, "{}/{namespace}/{name}/{}", self.cluster, self.uid)
    }
}

/// Identifies this cluster; `None` where the operator may not read the namespace, and no mark is set or trusted then.
pub async fn cluster(client: &Client) -> Option<String> {
    match Api::<Namespace>::all(client.clone()).get_opt(KUBE_SYSTEM).await {
        Ok(namespace) => namespace.and_then(|namespace| namespace.metadata.uid),
        Err(error) => {
            tracing::warn!(%error, "namespace kube-system cannot be read: remote objects get no ownership mark");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_another_text_is_none() {
        let text = "c0ffee/team-a/jane.doe/uid-1";
        let mark = Mark::read(text).unwrap();
        assert_eq!(mark.to_string(), text);
        assert!(mark.names_same(&Mark::read("c0ffee/team-a/jane.doe/uid-2").unwrap()));
        for other in [
            "beef/team-a/jane.doe/uid-1",
            "c0ffee/team-b/jane.doe/uid-1",
            "c0ffee/team-a/max/uid-1",
        ] {
            assert!(!mark.names_same(&Mark::read(other).unwrap()));
        }
        for odd in ["", "a/b/c", "a/b/c/d/e", "a//c/d", "jane"] {
            assert_eq!(Mark::read(odd), None);
        }
    }
}
