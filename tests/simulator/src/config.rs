//! What a new instance is made from.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A product of Dataiku.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// Dataiku DSS: a design, automation or deployer node.
    Dss,
    /// Dataiku Govern.
    Govern,
    /// The Launchpad of Dataiku Cloud.
    Launchpad,
}

impl Product {
    /// The word used in ids and on the control port.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dss => "dss",
            Self::Govern => "govern",
            Self::Launchpad => "launchpad",
        }
    }
}

/// How many made-up objects an instance starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    /// Users, `user00001` and on.
    pub users: usize,
    /// Groups, `group001` and on; the users are spread over them.
    pub groups: usize,
}

/// What a new instance is made from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceConfig {
    /// The product it speaks.
    pub product: Product,
    /// A name for people; the id when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The TCP port on 127.0.0.1; 0 takes a free one.
    #[serde(default)]
    pub port: u16,
    /// Switches that differ from their defaults.
    #[serde(default)]
    pub switches: Map<String, Value>,
    /// Objects to start with.
    #[serde(default)]
    pub seed: Seed,
}

impl InstanceConfig {
    /// A fresh instance on a free port.
    pub fn new(product: Product) -> Self {
        Self {
            product,
            name: None,
            port: 0,
            switches: Map::new(),
            seed: Seed::default(),
        }
    }

    /// The same with a name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The same on a port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The same with a switch set.
    #[must_use]
    pub fn switch(mut self, name: &str, value: Value) -> Self {
        self.switches.insert(name.to_owned(), value);
        self
    }

    /// The same with objects to start with.
    #[must_use]
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }
}
