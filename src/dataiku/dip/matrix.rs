//! The authorization matrix: what the node itself says that users and groups may do (contract sheet 2.7).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation},
    document::Document,
    error::ApiError,
};

/// Rights by the name of whoever has them.
pub type Rights = BTreeMap<String, BTreeSet<String>>;

/// Rights in one project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectRights {
    /// Key of the project.
    pub key: String,
    /// Who has which rights; only those who have one.
    pub rights: Rights,
}

/// One half of the matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Global permission flags that are true. Everybody whom the matrix names is here, with or without a flag.
    pub flags: Rights,
    /// Rights in projects.
    pub projects: Vec<ProjectRights>,
}

/// The matrix. A half, column or project that cannot be read is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// Enabled users.
    pub users: Part,
    /// Groups.
    pub groups: Part,
}

const PROJECTS: &str = "projectsGrants";

impl Matrix {
    fn read(document: &Document) -> Self {
        let part = |name: &str, of: &str| {
            let part: Option<Value> = document.get(name).ok().flatten();
            part.map(|part| self::part(&part, of)).unwrap_or_default()
        };
        Self {
            users: part("perUser", "users"),
            groups: part("perGroup", "groups"),
        }
    }
}

fn part(part: &Value, of: &str) -> Part {
    let names: Vec<&str> = part[of].as_array().into_iter().flatten().map(text).collect();
    let mut flags: Rights = names.iter().map(|name| ((*name).to_owned(), BTreeSet::new())).collect();
    for (flag, column) in part.as_object().into_iter().flatten() {
        let column = column.as_array().filter(|_| flag != of && flag != PROJECTS);
        for (name, granted) in names.iter().zip(column.into_iter().flatten()) {
            if granted == true {
                flags.entry((*name).to_owned()).or_default().insert(flag.clone());
            }
        }
    }
    let project = |project: &Value| {
        let mut rights = Rights::new();
        for (name, grants) in names.iter().zip(project["grants"].as_array().into_iter().flatten()) {
            let granted = grants
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(_, granted)| **granted == true);
            let granted: BTreeSet<String> = granted.map(|(right, _)| right.clone()).collect();
            if !granted.is_empty() {
                rights.insert((*name).to_owned(), granted);
            }
        }
        ProjectRights {
            key: text(&project["projectKey"]).to_owned(),
            rights,
        }
    };
    let projects = part[PROJECTS].as_array().into_iter().flatten().map(project).collect();
    Part { flags, projects }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl<P: DipProduct> Node<P> {
    const MATRIX: Operation = Operation::list(P::PRODUCT, "GET /admin/authorization-matrix");

    /// The authorization matrix.
    ///
    /// # Errors
    /// The call fails.
    pub async fn authorization_matrix(&self) -> Result<Matrix, ApiError> {
        let document: Document = self.transport.json(Call::new(Self::MATRIX)).await?;
        Ok(Matrix::read(&document))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_read_by_the_names_and_what_is_odd_is_left_out() {
        let matrix = json!({
            "perUser": { "users": ["admin", "jane"], "admin": [true, false], "mayX": [true, true, true], "odd": 7, "short": [null],
                "projectsGrants": [{ "projectKey": "P", "grants": [{ "write": false }, { "read": true, "write": false }] }, 3] },
            "perGroup": "odd",
        });
        let matrix = Matrix::read(&serde_json::from_value(matrix).unwrap());
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(matrix.users.flags["admin"], names(&["admin", "mayX"]));
        assert_eq!(matrix.users.flags["jane"], names(&["mayX"]));
        assert_eq!(matrix.users.projects[0].rights["jane"], names(&["read"]));
        assert_eq!(matrix.groups, Part::default());
    }
}
