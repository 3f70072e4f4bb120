//! Who may do what (contract sheet 2.7).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation},
    document::DocumentError,
    error::ApiError,
    outcome::malformed,
};

/// What one user or group may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Login, or name of the group.
    pub name: String,
    /// Global permissions that are true, `admin` among them where the node shows it.
    pub permissions: BTreeSet<String>,
    /// Rights on projects that are true, by the key of the project.
    pub projects: BTreeMap<String, BTreeSet<String>>,
}

/// The authorization matrix of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// Users that may log in, and nobody else, by name.
    pub users: Vec<Access>,
    /// Groups, by name.
    pub groups: Vec<Access>,
}

impl Matrix {
    /// What a user may do; `None`: the matrix does not name the user.
    #[must_use]
    pub fn user(&self, login: &str) -> Option<&Access> {
        find(&self.users, login)
    }

    /// What a group may do.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Access> {
        find(&self.groups, name)
    }
}

fn find<'a>(rows: &'a [Access], name: &str) -> Option<&'a Access> {
    let found = rows.binary_search_by(|row| row.name.as_str().cmp(name));
    found.ok().map(|place| &rows[place])
}

impl<P: DipProduct> Node<P> {
    const MATRIX: Operation = Operation::list(P::PRODUCT, "GET /admin/authorization-matrix");

    /// Who may do what, computed by the node.
    ///
    /// # Errors
    /// The call fails, or the columns of the answer do not fit its names: no right is attributed by guess.
    pub async fn authorization_matrix(&self) -> Result<Matrix, ApiError> {
        let answer: Answer = self.transport.json(Call::new(Self::MATRIX)).await?;
        let read = rows(answer.per_user).and_then(|users| Ok((users, rows(answer.per_group)?)));
        let (users, groups) = read.map_err(|error| malformed(Self::MATRIX.name(), &error))?;
        Ok(Matrix { users, groups })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    per_user: Half,
    per_group: Half,
}

/// Rights that are true.
type Granted = BTreeSet<String>;

/// One half of the answer: a list of names, and beside it columns that run parallel to it. What is false, which is nearly all of
/// it, takes no memory beyond the text.
#[derive(Default)]
struct Half {
    names: Vec<String>,
    columns: Vec<(String, Vec<bool>)>,
    projects: Vec<Project>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    project_key: String,
    #[serde(deserialize_with = "grants")]
    grants: Vec<Granted>,
}

impl<'de> Deserialize<'de> for Half {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HalfVisitor)
    }
}

struct HalfVisitor;

impl<'de> Visitor<'de> for HalfVisitor {
    type Value = Half;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names with their rights")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Half, A::Error> {
        let mut half = Half::default();
        let mut names = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "users" | "groups" => names = Some(map.next_value()?),
                "projectsGrants" => half.projects = map.next_value()?,
                _ => {
                    if let Column(Some(column)) = map.next_value()? {
                        half.columns.push((key, column));
                    }
                }
            }
        }
        half.names = names.ok_or_else(|| A::Error::custom("missing field `users` or `groups`"))?;
        Ok(half)
    }
}

/// A flag for each name; `None`: something else, which is no permission.
struct Column(Option<Vec<bool>>);

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ColumnVisitor)
    }
}

struct ColumnVisitor;

impl<'de> Visitor<'de> for ColumnVisitor {
    type Value = Column;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flag for each name")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Column, A::Error> {
        let mut column = Vec::new();
        while let Some(flag) = list.next_element::<Option<bool>>()? {
            column.push(flag.unwrap_or_default());
        }
        Ok(Column(Some(column)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Column, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Column(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Column, E> {
        Ok(Column(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Column, E> {
        Ok(Column(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Column, E> {
        Ok(Column(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Column, E> {
        Ok(Column(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Column, E> {
        Ok(Column(None))
    }

    fn visit_unit<E>(self) -> Result<Column, E> {
        Ok(Column(None))
    }
}

fn grants<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Granted>, D::Error> {
    let all = Vec::<GrantedRights>::deserialize(deserializer)?;
    Ok(all.into_iter().map(|GrantedRights(granted)| granted).collect())
}

struct GrantedRights(Granted);

impl<'de> Deserialize<'de> for GrantedRights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(GrantedVisitor)
    }
}

struct GrantedVisitor;

impl<'de> Visitor<'de> for GrantedVisitor {
    type Value = GrantedRights;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rights")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GrantedRights, A::Error> {
        let mut granted = Granted::new();
        while let Some((right, value)) = map.next_entry::<std::borrow::Cow<'de, str>, Flag>()? {
            if value.0 {
                granted.insert(right.into_owned());
            }
        }
        Ok(GrantedRights(granted))
    }
}

/// Whether a value is `true`; anything else is no right.
struct Flag(bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(value == serde_json::Value::Bool(true)))
    }
}

/// What each of the names may do.
fn rows(half: Half) -> Result<Vec<Access>, DocumentError> {
    let count = half.names.len();
    let unfit = |key: &str| DocumentError {
        key: key.to_owned(),
        message: "as many values as names were expected".to_owned(),
    };
    let row = |name| Access {
        name,
        ..Access::default()
    };
    let mut rows: Vec<Access> = half.names.into_iter().map(row).collect();
    for (permission, column) in half.columns {
        if column.len() != count {
            return Err(unfit(&permission));
        }
        for (row, _) in rows.iter_mut().zip(column).filter(|(_, granted)| *granted) {
            row.permissions.insert(permission.clone());
        }
    }
    for project in half.projects {
        if project.grants.len() != count {
            return Err(unfit("projectsGrants"));
        }
        for (row, granted) in rows.iter_mut().zip(project.grants) {
            if !granted.is_empty() {
                row.projects
                    .entry(project.project_key.clone())
                    .or_default()
                    .extend(granted);
            }
        }
    }
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn part(half: &serde_json::Value) -> Option<Vec<Access>> {
        let half = serde_json::from_str(&half.to_string()).ok()?;
        rows(half).ok()
    }

    #[test]
    fn columns_belong_to_the_names_beside_them() {
        let rows = part(&json!({
            "users": ["admin", "jane"], "admin": [true, false], "mayCreateProjects": [true, true], "aNumber": 7,
            "projectsGrants": [{ "projectKey": "P", "projectName": "p", "grants": [{ "read": true, "write": false }, {}] }],
        }));
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
        let [admin, jane] = rows.unwrap().try_into().unwrap();
        assert_eq!((admin.name.as_str(), jane.name.as_str()), ("admin", "jane"));
        assert_eq!(admin.permissions, texts(&["admin", "mayCreateProjects"]));
        assert_eq!(jane.permissions, texts(&["mayCreateProjects"]));
        assert_eq!(admin.projects, BTreeMap::from([("P".to_owned(), texts(&["read"]))]));
        assert!(jane.projects.is_empty());
    }

    #[test]
    fn no_right_is_attributed_by_guess() {
        for odd in [
            json!({}),
            json!({ "users": ["a", 7] }),
            json!({ "users": ["a"], "admin": [true, false] }),
            json!({ "users": ["a"], "admin": ["yes"] }),
            json!({ "users": ["a"], "projectsGrants": [{ "projectKey": "P", "grants": [] }] }),
            json!({ "users": ["a"], "projectsGrants": [{ "grants": [{}] }] }),
        ] {
            assert!(part(&odd).is_none(), "{odd}");
        }
    }
}
