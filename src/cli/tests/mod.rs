//! Commands against the simulator.

mod export;
