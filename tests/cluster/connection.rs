//! How the connection to each product is written.

use k8s_openapi::ByteString;
use serde_json::{Value, json};
use testbed::simulator::{Instance, Product};

/// The connection that a bed makes.
#[derive(Clone, Copy)]
pub struct Connection {
    /// Kind of the object.
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The call that every look at the remote side makes once.
    pub look: &'static str,
    /// The field by which objects name it.
    reference: &'static str,
}

impl Connection {
    /// The one to this product.
    pub fn to(product: Product) -> Self {
        let (kind, name, look, reference) = match product {
            Product::Dss => ("DssInstance", "design", "D1", "instanceRef"),
            Product::Govern => ("GovernInstance", "govern", "G1", "instanceRef"),
            Product::Launchpad => ("LaunchpadSpace", "space", "L15", "spaceRef"),
        };
        Self {
            kind,
            name,
            look,
            reference,
        }
    }

    /// The part of a spec that names it.
    pub fn reference(self) -> Value {
        json!({ self.reference: { "name": self.name } })
    }

    /// Name of the Secret that it reads.
    pub fn secret(self) -> String {
        format!("{}-admin", self.name)
    }

    /// What its spec says of where and who.
    pub fn access(self, remote: &Instance) -> Value {
        let secret = self.secret();
        match remote.product() {
            Product::Dss | Product::Govern => json!({
                "url": remote.url(),
                "credentials": { "apiKeySecretRef": { "name": secret } },
                "defaultUserProfile": "READER",
            }),
            Product::Launchpad => json!({
                "url": remote.url(),
                "spaceId": remote.space_id(),
                "credentials": { "secretRef": { "name": secret } },
            }),
        }
    }
}

/// The keys of the Secret that holds the credentials.
pub fn credentials(remote: &Instance) -> Vec<(&'static str, &str)> {
    match remote.product() {
        Product::Dss | Product::Govern => vec![("apiKey", remote.api_key())],
        Product::Launchpad => vec![
            ("apiKeyId", remote.api_key_id()),
            ("apiKeySecret", remote.api_key_secret()),
        ],
    }
}

/// The credentials in every form in which they could be seen.
pub fn secret_forms(remote: &Instance) -> Vec<String> {
    let (user, password) = match remote.product() {
        Product::Dss | Product::Govern => (remote.api_key(), ""),
        Product::Launchpad => (remote.api_key_id(), remote.api_key_secret()),
    };
    let secret = if password.is_empty() { user } else { password };
    vec![secret.to_owned(), base64(&format!("{user}:{password}"))]
}

/// A value as a Secret has it.
pub fn base64(text: &str) -> String {
    let encoded = serde_json::to_string(&ByteString(text.as_bytes().to_vec())).unwrap();
    encoded.trim_matches('"').to_owned()
}
