//! A call as data: operation, path parameters, query and body. Reads and writes are different types, so that no write
//! can be sent by the functions that read.

use std::{io, marker::PhantomData};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use super::product::Product;

/// Longest path segment that is sent; remote names end at 80 characters.
const SEGMENT_LIMIT: usize = 1024;
/// Everything but RFC 3986's unreserved characters. `;` above all: servlet containers cut a path there.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Marks operations that change nothing, whatever their method.
pub(super) enum Read {}
/// Marks operations that write; their calls need a permit.
pub(super) enum Write {}

/// One operation of a product's API.
pub(super) struct Operation<K = Read> {
    pub(super) spec: OperationSpec,
    kind: PhantomData<fn() -> K>,
}

/// What an operation does, which decides about its limits and whether it may be repeated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It reads one object.
    ReadsObject,
    /// It reads a whole list.
    ReadsList,
    /// It writes.
    Writes,
    /// It writes many objects, and the answer is a list with the outcome of each, whatever its status.
    WritesMany,
}

/// An operation without its kind in the type.
#[derive(Clone, Copy)]
pub(super) struct OperationSpec {
    pub(super) product: &'static Product,
    /// Method and path template, such as `PUT /admin/users/{login}`.
    pub(super) name: &'static str,
    pub(super) effect: Effect,
}

impl<K> Clone for Operation<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Operation<K> {}

impl<K> Operation<K> {
    /// Method and path template, such as `PUT /admin/users/{login}`.
    pub(super) const fn name(&self) -> &'static str {
        self.spec.name
    }

    const fn with(product: &'static Product, name: &'static str, effect: Effect) -> Self {
        Self {
            spec: OperationSpec { product, name, effect },
            kind: PhantomData,
        }
    }
}

impl Operation<Read> {
    /// An operation that reads one object.
    pub(super) const fn read(product: &'static Product, name: &'static str) -> Self {
        Self::with(product, name, Effect::ReadsObject)
    }

    /// An operation that reads a whole list.
    pub(super) const fn list(product: &'static Product, name: &'static str) -> Self {
        Self::with(product, name, Effect::ReadsList)
    }
}

impl Operation<Write> {
    /// An operation that writes.
    pub(super) const fn write(product: &'static Product, name: &'static str) -> Self {
        Self::with(product, name, Effect::Writes)
    }

    /// An operation that writes many objects and answers with the outcome of each.
    pub(super) const fn write_many(product: &'static Product, name: &'static str) -> Self {
        Self::with(product, name, Effect::WritesMany)
    }
}

impl OperationSpec {
    pub(super) fn writes(&self) -> bool {
        matches!(self.effect, Effect::Writes | Effect::WritesMany)
    }

    /// Whether it reads something that every server of the product has, so that a 404 speaks against the address.
    pub(super) fn is_always_there(&self) -> bool {
        let mut parameters = self.template().split('/').filter(|part| part.starts_with('{'));
        !self.writes() && parameters.all(|part| part == "{space}")
    }

    pub(super) fn method(&self) -> reqwest::Method {
        let method = self.name.split(' ').next().unwrap_or_default();
        method.parse().expect("the name of an operation starts with its method")
    }

    fn template(&self) -> &'static str {
        self.name.split_once(' ').map_or("", |(_, template)| template)
    }
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One call of an operation. Neither Debug nor Display: the body may hold secrets.
pub(super) struct Call<K = Read> {
    pub(super) operation: OperationSpec,
    /// Overwritten when it is dropped.
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
    /// What must not come back in an error message.
    pub(super) secrets: Vec<SecretString>,
    /// Whether an error message may hold the remote side's words.
    pub(super) quoted: bool,
    segments: Vec<(&'static str, String)>,
    query: Vec<(&'static str, String)>,
    kind: PhantomData<fn() -> K>,
}

impl<K> Call<K> {
    pub(super) fn new(operation: Operation<K>) -> Self {
        Self {
            operation: operation.spec,
            body: None,
            secrets: Vec::new(),
            quoted: true,
            segments: Vec::new(),
            query: Vec::new(),
            kind: PhantomData,
        }
    }

    /// Fills `{name}` of the path template.
    pub(super) fn segment(mut self, name: &'static str, value: &str) -> Self {
        self.segments.push((name, value.to_owned()));
        self
    }

    pub(super) fn query(mut self, name: &'static str, value: &impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(super) fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        let mut length = Length(0);
        let form = "a request body has a JSON form";
        serde_json::to_writer(&mut length, body).expect(form);
        // A buffer that grew would leave copies of its beginning behind.
        let mut text = Zeroizing::new(Vec::with_capacity(length.0));
        serde_json::to_writer(&mut *text, body).expect(form);
        self.body = Some(text);
        self
    }

    pub(super) fn secrets(mut self, secrets: impl IntoIterator<Item = SecretString>) -> Self {
        self.secrets.extend(secrets);
        self
    }

    /// Of a call whose body or answer is the users' own content: the remote side's words may repeat any part of it.
    pub(super) fn unquoted(mut self) -> Self {
        self.quoted = false;
        self
    }

    /// The URL below `base`; an error says why there is none.
    pub(super) fn url(&self, base: &Url) -> Result<Url, &'static str> {
        let mut path = base.path().trim_end_matches('/').to_owned();
        path.push_str(self.operation.product.base);
        for part in self.operation.template().split('/').skip(1) {
            path.push('/');
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => path.extend(utf8_percent_encode(self.value(name)?, SEGMENT)),
                None => path.push_str(part),
            }
        }
        let mut url = base.clone();
        url.set_path(&path);
        // A URL is normalised when it is put together; a path that this changes is not the path that was meant.
        if url.path() != path {
            return Err("a name in the path is not sent as it is");
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    fn value(&self, name: &str) -> Result<&str, &'static str> {
        let value = self
            .segments
            .iter()
            .find(|(segment, _)| *segment == name)
            .map(|(_, value)| value.as_str());
        match value {
            None => Err("a path parameter has no value"),
            Some("") => Err("an empty name has no path"),
            Some("." | "..") => Err("a name of dots alone has no path"),
            Some(value) if value.len() > SEGMENT_LIMIT => Err("a name is too long for a path"),
            Some(value) if value.chars().any(char::is_control) => Err("a name has control characters"),
            Some(value) => Ok(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Call, Operation};
    use crate::dataiku::launchpad::LAUNCHPAD;

    #[test]
    fn the_buffer_of_a_body_never_grows() {
        let body = json!({"password": "x".repeat(10_000), "more": ["é", 1, null]});
        let call = Call::new(Operation::write(&LAUNCHPAD, "PUT /x")).json(&body);
        let text = call.body.unwrap();
        assert_eq!((text.len(), text.capacity()), (body.to_string().len(), text.len()));
    }
}
