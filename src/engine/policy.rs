//! What whoever runs the operator decides for every connection and every object.

use crate::crd::common::DeletionPolicy;

/// The rules of `run`. The default is the strictest.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Whether a Secret has to name the hosts that its values may be sent to.
    pub require_host_consent: bool,
    /// Whether connections may skip the verification of certificates, or use `http`.
    pub allow_insecure_tls: bool,
    /// What happens to a remote object whose object has no `deletionPolicy`, and whose namespace has no annotation. `None`: what its
    /// kind says.
    pub default_deletion: Option<DeletionPolicy>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            require_host_consent: true,
            allow_insecure_tls: false,
            default_deletion: None,
        }
    }
}
