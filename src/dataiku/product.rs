//! What differs between the products on one transport: where the API starts, and how it words an error.

/// A product that the transport can speak to.
pub struct Product {
    /// Name in metrics.
    pub name: &'static str,
    /// Name in messages, such as `DSS`.
    pub title: &'static str,
    /// Form of the address that users give, for messages.
    pub url_form: &'static str,
    /// Path of the API below the address of the endpoint; empty where the address already holds it.
    pub base: &'static str,
    /// Reads the body of an answer with status 400 or more.
    pub(super) read_error: fn(&[u8]) -> Option<RemoteError>,
}

/// An error in the product's own words. `None` instead of this means that something else answered.
#[derive(Default)]
pub(super) struct RemoteError {
    /// The most telling text there is; may be empty.
    pub(super) message: String,
    /// Whether the product says that the object does not exist, whatever the status.
    pub(super) not_found: bool,
    /// Whether the product says that the object exists already, whatever the status.
    pub(super) already_exists: bool,
    /// Who wrote this.
    pub(super) author: Author,
}

/// Who may have written an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Author {
    /// Any service that speaks JSON. Never quoted: the address may lead to any service of the network, whose answers are
    /// not for the users of this operator.
    #[default]
    Anybody,
    /// The product, or a gateway before it that words errors in the same way.
    ProductOrGateway,
    /// The product itself.
    Product,
}
