//! dataiku-operator: makes people's access to Dataiku declarative.

pub mod dataiku;
