//! What whoever runs the operator decides for every connection and every object.

/// The rules of `run`. The default is the strictest.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Whether a Secret has to name the hosts that its values may be sent to.
    pub require_host_consent: bool,
    /// Whether connections may skip the verification of certificates, or use `http`.
    pub allow_insecure_tls: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            require_host_consent: true,
            allow_insecure_tls: false,
        }
    }
}
