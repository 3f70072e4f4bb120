//! Who may do what (contract sheet 2.7).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

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
        let answer: Value = self.transport.json(Call::new(Self::MATRIX)).await?;
        let part = |key: &str, names: &str| part(&answer[key], names);
        let read = part("perUser", "users").and_then(|users| Ok((users, part("perGroup", "groups")?)));
        let (users, groups) = read.map_err(|error| malformed(Self::MATRIX.name(), &error))?;
        Ok(Matrix { users, groups })
    }
}

/// One part: a list of names, and beside it columns that run parallel to it.
fn part(part: &Value, title: &str) -> Result<Vec<Access>, DocumentError> {
    const PROJECTS: &str = "projectsGrants";
    let unfit = |key: &str, message: &str| DocumentError {
        key: key.to_owned(),
        message: message.to_owned(),
    };
    let names = part[title].as_array().ok_or_else(|| unfit(title, "not a list"))?;
    let row = |name: &Value| {
        let name = name.as_str().ok_or_else(|| unfit(title, "a name is no text"))?;
        Ok(Access {
            name: name.to_owned(),
            ..Access::default()
        })
    };
    let mut rows: Vec<Access> = names.iter().map(row).collect::<Result<_, _>>()?;
    for (permission, column) in part.as_object().into_iter().flatten() {
        let column = match column.as_array() {
            Some(column) if permission != title && permission != PROJECTS => column,
            _ => continue,
        };
        if column.len() != rows.len() {
            return Err(unfit(permission, "as many values as names were expected"));
        }
        for (row, value) in rows.iter_mut().zip(column) {
            match value {
                Value::Bool(true) => _ = row.permissions.insert(permission.clone()),
                Value::Bool(false) | Value::Null => {}
                _ => return Err(unfit(permission, "a value is neither true nor false")),
            }
        }
    }
    for project in part[PROJECTS].as_array().into_iter().flatten() {
        let key = project["projectKey"].as_str();
        let key = key.ok_or_else(|| unfit(PROJECTS, "a project has no key"))?;
        let column = project["grants"].as_array().filter(|column| column.len() == rows.len());
        let column = column.ok_or_else(|| unfit(PROJECTS, "as many values as names were expected"))?;
        for (row, grants) in rows.iter_mut().zip(column) {
            let granted = grants.as_object().into_iter().flatten();
            let granted = granted.filter(|(_, value)| **value == Value::Bool(true));
            let granted: BTreeSet<String> = granted.map(|(right, _)| right.clone()).collect();
            if !granted.is_empty() {
                row.projects.entry(key.to_owned()).or_default().extend(granted);
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

    #[test]
    fn columns_belong_to_the_names_beside_them() {
        let rows = part(
            &json!({
                "users": ["admin", "jane"], "admin": [true, false], "mayCreateProjects": [true, true], "aNumber": 7,
                "projectsGrants": [{ "projectKey": "P", "projectName": "p", "grants": [{ "read": true, "write": false }, {}] }],
            }),
            "users",
        );
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
            assert!(part(&odd, "users").is_err(), "{odd}");
        }
    }
}
