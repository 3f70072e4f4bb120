//! What a product must say about itself to be served: its routes, rights, error bodies, first state and hooks.

use anyhow::Context as _;
use hyper::HeaderMap;
use serde_json::Value;

use crate::answer::{Answer, Failure};
use crate::call::{Call, Caller};
use crate::config::{Product, Seed};
use crate::future;
use crate::operation::{Operation, Right};
use crate::switches::Switch;
use crate::world::World;

/// What a client needs to sign in. Fields that a product does not have are empty.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    /// A key with every right (DSS, Govern).
    pub api_key: String,
    /// A key without any right (DSS, Govern).
    pub non_admin_api_key: String,
    /// The space (Launchpad).
    pub space_id: String,
    /// The id of the key (Launchpad).
    pub api_key_id: String,
    /// The secret of the key (Launchpad).
    pub api_key_secret: String,
}

/// One product.
pub(crate) trait Api: Send + Sync {
    /// The path prefixes under which all operations are served.
    fn bases(&self) -> &'static [&'static str];

    /// What follows the authority in the URL that a client is given.
    fn url_suffix(&self) -> &'static str {
        ""
    }

    /// The tables of operations.
    fn operations(&self) -> &'static [&'static [Operation]];

    /// The switches.
    fn switches(&self) -> &'static [Switch];

    /// Fills the memory of a fresh instance.
    fn fresh(&self, world: &mut World) -> Credentials;

    /// Adds made-up objects.
    fn seed(&self, world: &mut World, seed: &Seed);

    /// Who calls.
    fn authenticate(&self, world: &World, headers: &HeaderMap) -> Result<Caller, Failure>;

    /// Whether a caller may use an operation.
    fn authorize(&self, world: &World, caller: &Caller, right: Right) -> Result<(), Failure>;

    /// A failure as an answer.
    fn failure(&self, world: &World, failure: &Failure) -> Answer;

    /// Headers on every answer.
    fn headers(&self, _world: &World) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Does what the clock has made due, such as the work of long tasks.
    fn settle(&self, world: &mut World) {
        future::settle(world);
    }

    /// Which parts of the state are collections of documents by key; the others are single documents.
    fn collections(&self) -> &'static [&'static str];

    /// A stored document as the control port shows it, and as a merge patch of the control port starts from.
    fn shown(&self, world: &World, collection: &str, document: &Value) -> Value {
        let _ = (world, collection);
        document.clone()
    }

    /// Whether a call that is allowed concerns this instance at all.
    fn admit(&self, _world: &World, _call: &Call) -> Result<(), Failure> {
        Ok(())
    }

    /// What people and directories do outside of the API; the error is for the person who asked.
    fn act(&self, _world: &mut World, action: &str, _asked: &Value) -> Result<Value, String> {
        Err(format!("this product knows no action {action}"))
    }

    /// What goes along with a document that a human edit has deleted.
    fn deleted(&self, _world: &mut World, _collection: &str, _key: &str) {}

    /// What goes along with a document that a human edit has written.
    fn written(&self, _world: &mut World, _collection: &str, _key: &str) {}

    /// Checks what a human edit left behind and completes it; the error is for the person who edits.
    fn edited(&self, world: &World, collection: &str, key: &str, document: Value) -> Result<Value, String>;
}

/// The products that the simulator speaks.
pub(crate) fn spoken() -> impl Iterator<Item = (Product, &'static dyn Api)> {
    let all: [(Product, &'static dyn Api); 3] = [
        (Product::Dss, &crate::dss::Dss),
        (Product::Govern, &crate::govern::Govern),
        (Product::Launchpad, &crate::launchpad::Launchpad),
    ];
    all.into_iter()
}

/// The product behind a name.
pub(crate) fn of(product: Product) -> anyhow::Result<&'static dyn Api> {
    let found = spoken().find(|(spoken, _)| *spoken == product);
    found
        .map(|(_, api)| api)
        .with_context(|| format!("the simulator does not speak {} yet", product.name()))
}
