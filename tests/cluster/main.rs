//! The operator as a whole against the simulator: as a process with the rights that ship on a real control plane, or in the
//! process of the test on an apiserver in memory, in simulated time.
//!
//! One control plane serves the whole run; each test has a namespace, a simulated node and an operator of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// Makes a test of a function that takes a ground: one without a cluster.
macro_rules! in_memory {
    ($test:ident) => {
        mod $test {
            #[test]
            fn in_memory() {
                crate::memory::test(async |ground| super::$test(&ground).await);
            }
        }
    };
}

/// The same on a real control plane.
macro_rules! in_cluster {
    ($test:ident) => {
        mod $test {
            #[tokio::test(flavor = "multi_thread")]
            async fn in_cluster() {
                super::$test(&crate::ground::Ground::Cluster).await;
            }
        }
    };
}

mod adopting;
mod alone;
mod bad_input;
mod bed;
mod campaign;
mod chart;
mod connection;
mod convergence;
mod crash;
mod deletion;
mod drift;
mod govern;
mod ground;
mod history;
mod identity;
mod launchpad;
mod likeness;
mod memory;
mod memory_limit;
mod metrics;
mod missing_crd;
mod names;
mod outage;
mod ownership;
mod password;
mod queued;
mod redaction;
mod refused_namespace;
mod rules;
mod scale;
mod scenarios;
mod schema;
mod secrets;
mod status_writes;
mod tls;
mod upgrade;
mod whole_namespace;
