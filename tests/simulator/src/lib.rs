//! A stateful server that speaks the APIs of Dataiku, for tests and for people without an instance.
//!
//! One [`Simulator`] serves many instances. Each [`Instance`] has its own port on 127.0.0.1, state, switches, faults,
//! log and clock, and is steered through its handle or through the control port.

use std::sync::{Arc, Mutex, PoisonError};

mod answer;
mod api;
mod call;
mod clock;
mod config;
mod dss;
mod edit;
mod fault;
mod instance;
mod launchpad;
mod listener;
mod log;
mod merge_patch;
mod operation;
mod route;
mod service;
mod switches;
mod wire;
mod world;

pub use config::{InstanceConfig, Product, Seed};
pub use instance::{Instance, Refused};
pub use log::{Entry, Requests};

use instance::Running;

/// The instances of one simulator.
#[derive(Default)]
pub(crate) struct Core {
    instances: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    running: Vec<Arc<Running>>,
    last: [usize; 3],
}

impl Core {
    fn next_id(&self, product: Product) -> String {
        let mut registry = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        let last = &mut registry.last[product as usize];
        *last += 1;
        format!("{}-{last}", product.name())
    }

    async fn start(&self, config: InstanceConfig) -> anyhow::Result<Arc<Running>> {
        let id = self.next_id(config.product);
        let running = Arc::new(Running::start(id, config).await?);
        self.instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .running
            .push(Arc::clone(&running));
        Ok(running)
    }
}

/// A simulator. Clones share it; the last handle, of it or of one of its instances, stops its servers.
#[derive(Clone)]
pub struct Simulator {
    core: Arc<Core>,
}

impl Simulator {
    /// Starts a simulator without instances on the runtime of the caller.
    #[expect(clippy::unused_async, reason = "the control port is bound here")]
    pub async fn start() -> anyhow::Result<Self> {
        Ok(Self {
            core: Arc::new(Core::default()),
        })
    }

    /// Starts an instance.
    pub async fn instance(&self, config: InstanceConfig) -> anyhow::Result<Instance> {
        let running = self.core.start(config).await?;
        Ok(Instance::new(running, Arc::clone(&self.core)))
    }
}
