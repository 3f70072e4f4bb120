//! Connections to remote products: the objects that define them, the live connections, and who may use them.

pub mod admission;
pub mod audit;
pub mod connections;
mod consent;
pub mod delegation;
pub mod guard;
pub mod key;
pub mod kind;
pub mod lists;
pub mod live;
pub mod orphans;
pub mod single;
mod tenants;
pub mod windows;
pub mod work;

pub use connections::{Connections, Lookup, Readiness};
pub use delegation::{Declared, Delegable};
pub use guard::{Effect, Held};
pub use key::{ConnectionKey, Dependent, Shares};
pub use kind::{Api, ConnectionKind, Terms};
pub use live::{Live, Place, Remote};
pub use orphans::{Left, Remains};
pub use work::Connecting;
