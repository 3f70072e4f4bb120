//! The API group `dataiku-operator.io/v1alpha1`: types only, no I/O and no client.
//!
//! Doc comments in here are the reference manual that people read in `kubectl explain`.

pub mod common;
pub mod connection;
pub mod dss_group;
pub mod dss_instance;
pub mod dss_user;
pub mod status;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub use dss_group::DssGroup;
pub use dss_instance::DssInstance;
pub use dss_user::DssUser;

/// Every custom resource definition of this release, in the order in which they are documented.
pub fn all() -> Vec<CustomResourceDefinition> {
    vec![DssInstance::crd(), DssGroup::crd(), DssUser::crd()]
}
