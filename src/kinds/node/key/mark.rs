//! The mark in the description of a key, by which the object that created it is recognized (`api.md` 9):
//! `[dataiku-operator.io/owner: <cluster>/<namespace>/<name> <uid>]`. Earlier releases wrote no cluster; nor does an operator that
//! may not read what identifies its own.

use kube::ResourceExt;

use super::NodeKey;

const MARK: &str = "[dataiku-operator.io/owner:";

/// The object that a mark names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The cluster, where the mark has one.
    pub cluster: Option<String>,
    /// Namespace and name.
    pub object: String,
    uid: String,
}

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kin {
    /// This very object created it.
    Own,
    /// The object of this name in this cluster created it, before it was created anew: by a backup, or by somebody who applied
    /// its manifest again.
    Former,
    /// Somebody else, or nobody who left a mark.
    Other,
}

/// Identifies the keys of this object; part of their descriptions. `cluster`: `None` where it is unknown.
pub(super) fn mark<K: NodeKey>(object: &K, cluster: Option<&str>) -> String {
    let (namespace, uid) = (object.namespace().unwrap_or_default(), object.uid().unwrap_or_default());
    let cluster = cluster.map(|cluster| format!("{cluster}/")).unwrap_or_default();
    format!("{MARK} {cluster}{namespace}/{} {uid}]", object.name_any())
}

/// The last mark of a description. People may write before and after it; of several marks the last one counts, so that
/// nobody can declare the mark of somebody else.
pub(super) fn last(description: &str) -> Option<&str> {
    let found = &description[description.rfind(MARK)?..];
    Some(&found[..=found.find(']')?])
}

/// The object that a description names; `None`: it has no mark.
pub fn owner(description: &str) -> Option<Owner> {
    let mark = last(description)?.strip_prefix(MARK)?.strip_suffix(']')?;
    let mut words = mark.split_whitespace();
    let (path, uid) = (words.next()?, words.next()?);
    let (cluster, object) = match path.split('/').count() {
        2 => (None, path),
        3 => path
            .split_once('/')
            .map(|(cluster, object)| (Some(cluster.to_owned()), object))?,
        _ => return None,
    };
    words.next().is_none().then(|| Owner {
        cluster,
        object: object.to_owned(),
        uid: uid.to_owned(),
    })
}

impl Owner {
    /// Whether the object may be one of this cluster. Where either is unknown, it may.
    pub fn may_be_in(&self, cluster: Option<&str>) -> bool {
        let both = self.cluster.as_deref().zip(cluster);
        both.is_none_or(|(one, other)| one == other)
    }
}

/// Whose key it is, by its description.
pub(super) fn kin<K: NodeKey>(description: &str, object: &K, cluster: Option<&str>) -> Kin {
    let Some(owner) = owner(description) else {
        return Kin::Other;
    };
    let name = format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any());
    if owner.object != name || !owner.may_be_in(cluster) {
        return Kin::Other;
    }
    if owner.uid == object.uid().unwrap_or_default() {
        return Kin::Own;
    }
    // An object of the same name may exist in many clusters, and each has a key of its own.
    if owner.cluster.is_some() && cluster.is_some() {
        Kin::Former
    } else {
        Kin::Other
    }
}

/// The object that another mark names; `None`: the description has none, or one of this object.
pub(super) fn other_owner<K: NodeKey>(description: &str, object: &K, cluster: Option<&str>) -> Option<String> {
    if kin(description, object, cluster) != Kin::Other {
        return None;
    }
    let owner = owner(description)?;
    Some(match owner.cluster.filter(|found| Some(found.as_str()) != cluster) {
        Some(found) => format!("{} in the cluster {found}", owner.object),
        None => owner.object,
    })
}

/// A description with this mark.
pub(super) fn marked(text: &str, mark: &str) -> String {
    if text.is_empty() {
        mark.to_owned()
    } else {
        format!("{text} {mark}")
    }
}
