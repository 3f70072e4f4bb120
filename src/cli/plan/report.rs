//! What a plan shows, for people and for scripts.

use serde::Serialize;

use crate::{
    cli::{
        output::{Report, Table},
        schema::Unevaluated,
    },
    engine::keep::preview::{Effect, Preview, Step, Writing},
};

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) enum Action {
    /// Nothing.
    None,
    /// The remote object is created.
    Create,
    /// It is changed.
    Change,
    /// Access is taken away, and nothing else happens.
    Withdraw,
    /// It differs, and the object only observes.
    Observe,
    /// Something has to wait.
    Wait,
    /// Nothing is written, for a reason.
    Blocked,
}

/// A plan.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Planned {
    /// Every object, those in sync too.
    pub objects: Vec<Object>,
    /// Manifests that are not planned.
    pub skipped: Vec<Skipped>,
    /// Rules of CRDs that only the apiserver evaluates.
    pub unevaluated: Vec<Unevaluated>,
    /// How many manifests are not ours.
    pub others: usize,
}

/// What happens to one object.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Object {
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    /// The remote object, such as `user jane`.
    pub remote: String,
    pub action: Action,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Shown>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Reason that the status would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One step.
#[derive(Serialize)]
pub(in crate::cli) struct Shown {
    /// `+`, `~` or `-`.
    pub sign: &'static str,
    pub text: String,
    /// What it replaces, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A manifest that is not planned.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(in crate::cli) struct Skipped {
    pub kind: String,
    pub name: String,
    pub why: String,
}

impl Object {
    pub(super) fn new(kind: &'static str, preview: Preview) -> Self {
        let action = action(&preview);
        let (reason, message) = preview.refusal.map(|(reason, why)| (reason.as_str(), why)).unzip();
        Self {
            kind,
            namespace: preview.name.namespace.to_string(),
            name: preview.name.name.to_string(),
            remote: preview.remote,
            action,
            steps: preview.writes.into_iter().flat_map(shown).collect(),
            waits: preview.waits,
            notes: preview.notes,
            reason,
            message,
        }
    }
}

fn action(preview: &Preview) -> Action {
    let effect = preview.writes.first().map(|write| write.effect);
    match (&preview.refusal, effect) {
        (Some(_), _) => Action::Blocked,
        _ if preview.is_in_sync() => Action::None,
        _ if preview.observes => Action::Observe,
        (None, None) => Action::Wait,
        (None, Some(Effect::Creates)) => Action::Create,
        (None, Some(Effect::Changes)) => Action::Change,
        (None, Some(Effect::Withdraws)) => Action::Withdraw,
    }
}

fn shown(write: Writing) -> Vec<Shown> {
    let sign = match write.effect {
        Effect::Creates => "+",
        Effect::Changes => "~",
        Effect::Withdraws => "-",
    };
    let steps = write.steps.into_iter().map(|Step { text, replaces }| Shown {
        sign,
        text,
        from: replaces,
    });
    let sources = write.sources.into_iter().map(|source| Shown {
        sign,
        text: format!("send a value (from {source})"),
        from: None,
    });
    steps.chain(sources).collect()
}

impl Planned {
    /// Whether there is anything to do, or to decide.
    pub(in crate::cli) fn differs(&self) -> bool {
        self.objects.iter().any(|object| object.action != Action::None)
    }

    fn count(&self, action: Action) -> String {
        self.objects
            .iter()
            .filter(|object| object.action == action)
            .count()
            .to_string()
    }
}

impl Report for Planned {
    fn tables(&self) -> Vec<Table> {
        let counts = [
            ("in sync", Action::None),
            ("create", Action::Create),
            ("change", Action::Change),
            ("withdraw", Action::Withdraw),
            ("observe", Action::Observe),
            ("wait", Action::Wait),
            ("blocked", Action::Blocked),
        ];
        let mut tables = vec![Table {
            title: "Plan",
            columns: counts.iter().map(|(name, _)| *name).collect(),
            rows: vec![counts.iter().map(|(_, action)| self.count(*action)).collect()],
        }];
        let mut rows = Vec::new();
        for object in &self.objects {
            let place = format!("{} {}/{}", object.kind, object.namespace, object.name);
            let mut row = |sign: &str, what: String| {
                rows.push(vec![sign.to_owned(), place.clone(), object.remote.clone(), what]);
            };
            if let (Some(reason), Some(message)) = (object.reason, &object.message) {
                row("!", format!("{reason}: {message}"));
            }
            for step in &object.steps {
                let was = step.from.as_ref().map(|from| match from.as_str() {
                    "" => " (was empty)".to_owned(),
                    from => format!(" (was {from})"),
                });
                let sign = if object.action == Action::Observe {
                    "="
                } else {
                    step.sign
                };
                row(sign, format!("{}{}", step.text, was.unwrap_or_default()));
            }
            for wait in &object.waits {
                row("?", format!("waits: {wait}"));
            }
            if object.action != Action::None {
                object.notes.iter().for_each(|note| row("", note.clone()));
            }
        }
        let mut table = |title, columns, rows: Vec<Vec<String>>| {
            if !rows.is_empty() {
                tables.push(Table { title, columns, rows });
            }
        };
        table("Changes", vec!["", "object", "remote", "what"], rows);
        let skipped = self.skipped.iter();
        let skipped = skipped.map(|one| vec![one.kind.clone(), one.name.clone(), one.why.clone()]);
        table("Not planned", vec!["kind", "object", "why"], skipped.collect());
        tables
    }

    fn warnings(&self) -> Vec<String> {
        self.unevaluated.iter().map(ToString::to_string).collect()
    }
}
