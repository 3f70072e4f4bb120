//! A stateful server that speaks the APIs of Dataiku, for tests and for people without an instance.
//!
//! One [`Simulator`] serves many instances. Each [`Instance`] has its own port on 127.0.0.1, state, switches, faults,
//! log and clock, and is steered through its handle or through the control port.
//!
//! # Where things go
//!
//! - An operation is a handler `fn(&mut World, &Call) -> Result<Answer, Failure>` and a row (`reads(…)` or `writes(…)`)
//!   in the `OPERATIONS` of a file of its product; a new table is named in `Api::operations`.
//! - A switch is a row in the `SWITCHES` of its product, read as `world.switches.text("A6")`, a row in `tests/switches` that
//!   shows its answers, and the table in `docs/simulator.md`.
//! - A kind of fault is a variant of `Fault`, a row in `tests/core/kinds.rs` and one in `docs/simulator.md`.
//! - A part of the state is made in the product's `fresh`; a collection of documents by key is named in
//!   `Api::collections`, and `Api::edited` checks what a human edit left of one.
//! - A product is an `impl Api` and a row in `api::spoken`.

#![allow(
    clippy::unnecessary_wraps,
    reason = "every handler has the type that the tables of operations ask for"
)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

mod answer;
mod api;
mod call;
mod clock;
mod config;
mod control;
mod directory;
mod dss;
mod edit;
mod fault;
mod future;
mod govern;
mod instance;
mod launchpad;
mod listener;
mod log;
mod merge_patch;
mod operation;
mod quote;
mod route;
mod service;
mod switches;
mod wire;
mod world;

pub use config::{InstanceConfig, Product, Seed};
pub use instance::{Instance, Refused};
pub use log::{Entry, Requests};

use control::Control;
use instance::Running;

/// The instances of one simulator and its control port.
pub(crate) struct Core {
    instances: Mutex<Registry>,
    control: Control,
}

#[derive(Default)]
struct Registry {
    running: Vec<Arc<Running>>,
    last: [usize; 3],
}

impl Core {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_id(&self, product: Product) -> String {
        let last = &mut self.registry().last[product as usize];
        *last += 1;
        format!("{}-{last}", product.name())
    }

    /// Starts an instance and lists it.
    pub(crate) async fn start(&self, config: InstanceConfig) -> anyhow::Result<Arc<Running>> {
        let id = self.next_id(config.product);
        let running = Arc::new(Running::start(id, config).await?);
        self.registry().running.push(Arc::clone(&running));
        Ok(running)
    }

    /// Every instance, in the order of their start.
    pub(crate) fn all(&self) -> Vec<Arc<Running>> {
        self.registry().running.clone()
    }

    /// One instance.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Running>> {
        self.registry().running.iter().find(|running| running.id == id).cloned()
    }

    /// Takes an instance off the list.
    pub(crate) fn remove(&self, id: &str) -> Option<Arc<Running>> {
        let running = &mut self.registry().running;
        let place = running.iter().position(|running| running.id == id)?;
        Some(running.remove(place))
    }
}

/// A simulator. Clones share it; the last handle, of it or of one of its instances, stops its servers.
#[derive(Clone)]
pub struct Simulator {
    core: Arc<Core>,
}

impl Simulator {
    /// Starts a simulator without instances on the runtime of the caller, with its control port on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_on(0).await
    }

    /// The same with a control port of the caller's choice.
    pub async fn start_on(control_port: u16) -> anyhow::Result<Self> {
        let socket = control::bind(control_port).await?;
        let port = socket.local_addr()?.port();
        let core = Arc::new_cyclic(|core| Core {
            instances: Mutex::default(),
            control: control::serve(socket, port, core.clone()),
        });
        Ok(Self { core })
    }

    /// Where the control port listens: `http://127.0.0.1:PORT`.
    pub fn control_url(&self) -> &str {
        &self.core.control.url
    }

    /// Starts an instance.
    pub async fn instance(&self, config: InstanceConfig) -> anyhow::Result<Instance> {
        let running = self.core.start(config).await?;
        Ok(Instance::new(running, Arc::clone(&self.core)))
    }
}

/// The switches of every product, one a line: product, name, default, possible values, meaning.
pub fn switches() -> String {
    let lines = api::spoken().flat_map(|(product, api)| {
        api.switches()
            .iter()
            .map(move |switch| format!("{}\t{}", product.name(), switch.line()))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The same as a table of Markdown, with one row for a switch that products share.
pub fn switches_markdown() -> String {
    let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
    for (product, switch) in api::spoken().flat_map(|(product, api)| api.switches().iter().map(move |s| (product, s))) {
        let cells = switch.cells();
        match rows.iter_mut().find(|(known, _)| *known == cells) {
            Some((_, products)) => products.push(product.name()),
            None => rows.push((cells, vec![product.name()])),
        }
    }
    let head = "| Product | Switch | Default | Possible | What it decides |\n|---|---|---|---|---|".to_owned();
    let rows = rows
        .into_iter()
        .map(|(cells, products)| format!("| {} | {cells} |", products.join(", ")));
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}
