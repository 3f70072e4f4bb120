//! All that one instance remembers: its documents, switches and clock. A handler gets exactly this.

use rand::RngExt;
use serde_json::{Map, Value};

use crate::clock::Clock;
use crate::config::Product;
use crate::switches::{Switch, Switches};

/// The memory of one instance.
#[derive(Debug)]
pub(crate) struct World {
    /// Which product it is.
    pub product: Product,
    /// Collections and single documents by name, secrets in the clear.
    pub state: Map<String, Value>,
    /// What the instance does where the sheet is unsure.
    pub switches: Switches,
    /// The clock.
    pub clock: Clock,
    /// The name given when the instance was created.
    pub name: String,
    /// The state of another node, which takes turns with this one behind the same address.
    pub other: Option<Map<String, Value>>,
}

impl World {
    /// An empty memory.
    pub fn new(product: Product, name: &str, switches: &'static [Switch]) -> Self {
        Self {
            product,
            state: Map::new(),
            switches: Switches::new(switches),
            clock: Clock::default(),
            name: name.to_owned(),
            other: None,
        }
    }

    /// A collection to read; an absent one is empty.
    pub fn read(&self, collection: &str) -> &Map<String, Value> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        self.state.get(collection).and_then(Value::as_object).unwrap_or(&EMPTY)
    }

    /// A collection to change, made when absent.
    pub fn collection(&mut self, name: &str) -> &mut Map<String, Value> {
        let entry = self.state.entry(name.to_owned()).or_insert(Value::Null);
        if !entry.is_object() {
            *entry = Value::Object(Map::new());
        }
        match entry {
            Value::Object(map) => map,
            _ => unreachable!("made an object above"),
        }
    }

    /// One document of a collection.
    pub fn document(&self, collection: &str, key: &str) -> Option<&Map<String, Value>> {
        self.read(collection).get(key).and_then(Value::as_object)
    }

    /// The spelling under which a key is stored, if it is.
    pub fn stored_key(&self, collection: &str, key: &str, any_case: bool) -> Option<String> {
        let all = self.read(collection);
        match all.contains_key(key) {
            true => Some(key.to_owned()),
            false if any_case => all.keys().find(|stored| stored.eq_ignore_ascii_case(key)).cloned(),
            false => None,
        }
    }

    /// A new random text of letters and digits, for ids and keys.
    pub fn random(length: usize) -> String {
        let mut random = rand::rng();
        (0..length)
            .map(|_| char::from(random.sample(rand::distr::Alphanumeric)))
            .collect()
    }
}
