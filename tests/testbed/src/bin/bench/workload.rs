//! What is declared: one object a user, and what the node has to hold for it.

use serde_json::{Value, json};
use testbed::simulator::Instance;

use crate::args::Args;

/// Name of the connection.
pub const INSTANCE: &str = "design";
/// Groups that every DSS has, and that the users are spread over.
const GROUPS: [&str; 2] = ["data_team", "readers"];
const PROFILES: [&str; 4] = ["READER", "READER", "READER", "FULL_DESIGNER"];

/// One declared user.
pub struct User {
    number: usize,
    has_password: bool,
    has_properties: bool,
    edited: bool,
}

impl User {
    /// All users of a run.
    pub fn all(args: &Args, users: usize) -> Vec<Self> {
        let user = |number| Self {
            number,
            has_password: number % 100 < usize::from(args.passwords),
            has_properties: args.properties,
            edited: false,
        };
        (0..users).map(user).collect()
    }

    /// Name of the object and login.
    pub fn login(&self) -> String {
        format!("user-{:05}", self.number)
    }

    /// Declares another display name from now on, and gives the patch of the object that says so.
    pub fn edit(&mut self) -> Value {
        self.edited = true;
        json!({ "spec": { "displayName": self.display_name() } })
    }

    /// The Secret of the user, if there is one.
    pub fn secret(&self) -> Option<Value> {
        let password = self.password()?;
        Some(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": self.login() },
            "stringData": { "password": password },
        }))
    }

    /// The object.
    pub fn object(&self) -> Value {
        let mut spec = json!({
            "instanceRef": { "name": INSTANCE },
            "sourceType": self.source_type(),
            "displayName": self.display_name(),
            "email": self.email(),
            "userProfile": self.profile(),
            "groups": [{ "name": self.group() }],
        });
        if self.has_password {
            spec["passwordSecretRef"] = json!({ "name": self.login() });
        }
        if self.has_properties {
            spec["userProperties"] = json!({ "team": "risk" });
            spec["adminProperties"] = json!({ "costCenter": self.number.to_string() });
        }
        json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "DssUser",
            "metadata": { "name": self.login(), "labels": { "app.kubernetes.io/part-of": "people" } },
            "spec": spec,
        })
    }

    /// What the node has to hold: these members of the user's document.
    pub fn expected(&self) -> Value {
        let mut expected = json!({
            "login": self.login(),
            "sourceType": self.source_type(),
            "displayName": self.display_name(),
            "email": self.email(),
            "userProfile": self.profile(),
            "groups": [self.group()],
            "enabled": true,
        });
        if let Some(password) = self.password() {
            expected["password"] = json!(password);
        }
        if self.has_properties {
            expected["userProperties"] = json!({ "team": "risk" });
            expected["adminProperties"] = json!({ "costCenter": self.number.to_string() });
        }
        expected
    }

    /// The address that is declared.
    pub fn email(&self) -> String {
        format!("{}@example.com", self.login())
    }

    fn display_name(&self) -> String {
        let suffix = if self.edited { ", edited" } else { "" };
        format!("User Number {}{suffix}", self.number)
    }

    fn password(&self) -> Option<String> {
        self.has_password.then(|| format!("correct-horse-{}", self.number))
    }

    fn source_type(&self) -> &'static str {
        if self.has_password { "LOCAL" } else { "LOCAL_NO_AUTH" }
    }

    fn profile(&self) -> &'static str {
        PROFILES[self.number % PROFILES.len()]
    }

    fn group(&self) -> &'static str {
        GROUPS[self.number % GROUPS.len()]
    }
}

/// The connection to the node, with the default drift interval.
pub fn connection(args: &Args, dss: &Instance) -> Value {
    let mut spec = json!({
        "url": dss.url(),
        "credentials": { "apiKeySecretRef": { "name": INSTANCE } },
        "tls": { "allowInsecureHttp": true },
    });
    if !args.default_limits {
        let (concurrency, per_second) = args.limits();
        spec["limits"] = json!({ "concurrency": concurrency, "requestsPerSecond": per_second });
    }
    json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "DssInstance",
        "metadata": { "name": INSTANCE },
        "spec": spec,
    })
}
