//! The handle of one instance: what a test asks, changes and breaks.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::Core;
use crate::api::{self, Credentials};
use crate::config::{InstanceConfig, Product};
use crate::edit;
use crate::fault::Rule;
use crate::listener::Listener;
use crate::log::Requests;
use crate::service::{self, Shared};
use crate::world::World;

/// Why a request of a test was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// One instance at work.
pub(crate) struct Running {
    /// The id on the control port.
    pub id: String,
    name: String,
    url: String,
    credentials: Credentials,
    /// State, log and faults.
    pub shared: Arc<Shared>,
    listener: Listener,
}

impl Running {
    /// Builds the state and starts to listen.
    pub async fn start(id: String, config: InstanceConfig) -> anyhow::Result<Self> {
        let api = api::of(config.product)?;
        let name = config.name.unwrap_or_else(|| id.clone());
        let mut world = World::new(config.product, &name, api.switches());
        for (switch, value) in config.switches {
            world.switches.set(&switch, value).map_err(Refused)?;
        }
        let credentials = api.fresh(&mut world);
        api.seed(&mut world, &config.seed);
        let shared = Arc::new(Shared::new(config.product, api, world));
        let listener = Listener::start(config.port, Arc::clone(&shared)).await?;
        let url = format!("http://127.0.0.1:{}{}", listener.port, api.url_suffix());
        Ok(Self {
            id,
            name,
            url,
            credentials,
            shared,
            listener,
        })
    }

    /// Closes the port and the connections.
    pub fn stop(&self) {
        self.listener.stop();
    }

    /// The description that the control port gives.
    pub fn describe(&self) -> Value {
        let mut text = Map::new();
        text.insert("id".to_owned(), json!(self.id));
        text.insert("product".to_owned(), json!(self.shared.product));
        text.insert("name".to_owned(), json!(self.name));
        text.insert("url".to_owned(), json!(self.url));
        let credentials = [
            ("apiKey", &self.credentials.api_key),
            ("nonAdminApiKey", &self.credentials.non_admin_api_key),
            ("spaceId", &self.credentials.space_id),
            ("apiKeyId", &self.credentials.api_key_id),
            ("apiKeySecret", &self.credentials.api_key_secret),
        ];
        let filled = credentials.into_iter().filter(|(_, value)| !value.is_empty());
        text.extend(filled.map(|(key, value)| (key.to_owned(), json!(value))));
        Value::Object(text)
    }
}

/// One instance. Clones share it; it lives as long as any handle of it or of its [`Simulator`](crate::Simulator).
#[derive(Clone)]
pub struct Instance {
    running: Arc<Running>,
    _simulator: Arc<Core>,
}

impl Instance {
    pub(crate) fn new(running: Arc<Running>, simulator: Arc<Core>) -> Self {
        Self {
            running,
            _simulator: simulator,
        }
    }

    /// The id on the control port: `dss-1`.
    pub fn id(&self) -> &str {
        &self.running.id
    }

    /// The product it speaks.
    pub fn product(&self) -> Product {
        self.running.shared.product
    }

    /// Id, product, name, URL and credentials as the control port shows them.
    pub fn describe(&self) -> Value {
        self.running.describe()
    }

    /// The URL to give to a client.
    pub fn url(&self) -> &str {
        &self.running.url
    }

    /// A key with every right (DSS, Govern).
    pub fn api_key(&self) -> &str {
        &self.running.credentials.api_key
    }

    /// A key that is accepted and has no right to administer (DSS, Govern).
    pub fn non_admin_api_key(&self) -> &str {
        &self.running.credentials.non_admin_api_key
    }

    /// The id of the space (Launchpad).
    pub fn space_id(&self) -> &str {
        &self.running.credentials.space_id
    }

    /// The id of the key (Launchpad).
    pub fn api_key_id(&self) -> &str {
        &self.running.credentials.api_key_id
    }

    /// The secret of the key (Launchpad).
    pub fn api_key_secret(&self) -> &str {
        &self.running.credentials.api_key_secret
    }

    /// Everything that was asked since the start or the last reset.
    pub fn requests(&self) -> Requests {
        self.running.shared.lock().log.requests(true)
    }

    /// Forgets what was asked.
    pub fn reset_requests(&self) {
        self.running.shared.lock().log.reset();
    }

    /// Calls of one operation of the contract sheet, answered or cut.
    pub fn count(&self, operation: &str) -> u64 {
        self.running.shared.lock().log.count(operation)
    }

    /// Calls of all operations, answered or cut.
    pub fn calls(&self) -> u64 {
        self.running.shared.lock().log.total()
    }

    /// Calls of operations that change the state, answered or cut.
    pub fn writes(&self) -> u64 {
        self.running.shared.lock().log.writes()
    }

    /// The whole state, secrets in the clear.
    pub fn state(&self) -> Value {
        service::shown(self.running.shared.api, &self.running.shared.lock().world)
    }

    /// A part of the state by JSON pointer: `/users/jdoe`.
    pub fn state_at(&self, pointer: &str) -> Option<Value> {
        service::shown_at(self.running.shared.api, &self.running.shared.lock().world, pointer)
    }

    /// Changes the state as somebody would in the UI: a JSON merge patch, all of it or nothing.
    #[expect(clippy::needless_pass_by_value, reason = "callers write the patch in place")]
    pub fn patch_state(&self, patch: Value) -> Result<(), Refused> {
        let patch = &patch;
        edit::apply(self.running.shared.api, &mut self.running.shared.lock().world, patch).map_err(Refused)
    }

    /// Adds a fault rule and gives its id.
    ///
    /// # Panics
    ///
    /// When the rule is not one: a test with a rule that never fires would pass for the wrong reason.
    pub fn fault(&self, rule: Value) -> u64 {
        self.try_fault(rule).expect("a well-formed fault rule")
    }

    /// Adds a fault rule, or says what is wrong with it.
    pub fn try_fault(&self, rule: Value) -> Result<u64, Refused> {
        let rule: Rule = serde_json::from_value(rule).map_err(|error| Refused(error.to_string()))?;
        Ok(self.running.shared.lock().faults.add(rule))
    }

    /// Drops one fault rule; whether it existed.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.running.shared.lock().faults.remove(id)
    }

    /// Drops every fault rule.
    pub fn clear_faults(&self) {
        self.running.shared.lock().faults.clear();
    }

    /// The fault rules with how often each matched (`seen`) and fired (`hits`).
    pub fn faults(&self) -> Value {
        self.running.shared.lock().faults.list()
    }

    /// Sets a switch.
    pub fn switch(&self, name: &str, value: Value) -> Result<(), Refused> {
        self.running
            .shared
            .lock()
            .world
            .switches
            .set(name, value)
            .map_err(Refused)
    }

    /// The switches and their values.
    pub fn switches(&self) -> Value {
        self.running.shared.lock().world.switches.all()
    }

    /// Does what people and directories do outside of the API: `acceptInvite`, `resync`.
    pub fn act(&self, action: &str, asked: &Value) -> Result<Value, Refused> {
        let shared = &self.running.shared;
        shared.api.act(&mut shared.lock().world, action, asked).map_err(Refused)
    }

    /// Moves the clock of the instance.
    pub fn advance(&self, by: Duration) {
        self.running.shared.lock().world.clock.advance(by);
    }
}
