//! Where a test runs: on a real control plane, or without a cluster.

use anyhow::Result;
use testbed::{
    Namespace,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};

use crate::{
    bed::{Bed, LOG},
    memory::{self, World},
};

/// Where a test runs.
pub enum Ground {
    /// etcd and kube-apiserver, with the operator as a process that has the rights that ship.
    Cluster,
    /// An apiserver in memory, with the operator in this process. It knows no schemas, no admission and no rights.
    Memory(World),
}

impl Ground {
    /// A DSS node, with the operator running and the connection ready.
    pub async fn ready(&self, hint: &str) -> Bed {
        Bed::ready_on(self, Product::Dss, hint, LOG).await
    }

    /// A DSS node, with the operator running and no connection yet.
    pub async fn start(&self, hint: &str, arguments: &[&str]) -> Bed {
        Bed::start_on(self, Product::Dss, hint, arguments, LOG).await
    }

    /// A Govern node, with the operator running and the connection ready.
    pub async fn govern(&self, hint: &str) -> Bed {
        Bed::ready_on(self, Product::Govern, hint, LOG).await
    }

    /// A space, with the operator running and the connection ready.
    pub async fn launchpad(&self, hint: &str, arguments: &[&str]) -> Bed {
        let bed = Bed::start_on(self, Product::Launchpad, hint, arguments, LOG).await;
        bed.connect().await;
        bed
    }

    /// Any product, with the operator running and no connection yet.
    pub async fn start_for(&self, product: Product, hint: &str, arguments: &[&str], log: &str) -> Bed {
        Bed::start_on(self, product, hint, arguments, log).await
    }

    /// A namespace, whose name starts with the hint where many tests share an apiserver.
    pub async fn namespace(&self, hint: &str) -> Namespace {
        match self {
            Self::Cluster => Namespace::create(hint).await.unwrap(),
            Self::Memory(world) => Namespace::at(world.client(), "team"),
        }
    }

    /// The remote side of a test.
    pub async fn remote(&self, simulator: &Simulator, config: InstanceConfig) -> Instance {
        let remote = simulator.instance(config).await.unwrap();
        if let Self::Memory(world) = self {
            world.add(&remote);
        }
        remote
    }

    /// An operator that watches this namespace, once it is ready.
    pub async fn operator(&self, namespace: &Namespace, arguments: &[&str], log: &str) -> Operator {
        match self {
            Self::Cluster => {
                let operator = testbed::Operator::builder(env!("CARGO_BIN_EXE_dataiku-operator"))
                    .namespace(namespace)
                    .args(arguments.iter().copied())
                    .log(log)
                    .start()
                    .await;
                Operator::Process(operator.unwrap())
            }
            Self::Memory(world) => {
                let operator = memory::Operator::start(world, namespace.name(), arguments, log).await;
                Operator::InProcess(operator.unwrap())
            }
        }
    }
}

/// A running operator.
pub enum Operator {
    /// A process of its own.
    Process(testbed::Operator),
    /// In this process.
    InProcess(memory::Operator),
}

impl Operator {
    /// Everything it logged, restarts included.
    pub fn logs(&self) -> String {
        match self {
            Self::Process(operator) => operator.logs(),
            Self::InProcess(operator) => operator.logs(),
        }
    }

    /// What it answers at `/metrics`.
    pub async fn metrics(&self) -> Result<String> {
        match self {
            Self::Process(operator) => operator.metrics().await,
            Self::InProcess(operator) => operator.metrics().await,
        }
    }

    /// Ends it at once, as a node that goes down does.
    pub async fn kill(&mut self) -> Result<()> {
        match self {
            Self::Process(operator) => operator.kill().await,
            Self::InProcess(operator) => operator.kill().await,
        }
    }

    /// Asks it to stop and returns its exit code.
    pub async fn terminate(&mut self) -> Result<i32> {
        match self {
            Self::Process(operator) => operator.terminate().await,
            Self::InProcess(operator) => operator.terminate().await,
        }
    }

    /// Its exit code, once it has ended by itself. Of an operator in this process alone.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Process(_) => None,
            Self::InProcess(operator) => operator.exit_code(),
        }
    }

    /// Starts it again and waits until it is ready; one that still runs is stopped first.
    pub async fn restart(&mut self) -> Result<()> {
        match self {
            Self::Process(operator) => operator.restart().await,
            Self::InProcess(operator) => operator.restart().await,
        }
    }
}
