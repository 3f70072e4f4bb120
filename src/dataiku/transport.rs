//! One connection to a remote product, and the only user of the HTTP client. A write is sent once: whether to send it
//! again depends on what it was for, and that is known above. A read that is lost with its connection is sent again once,
//! since servers close idle connections without a word.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{Client, Request, StatusCode, header};
use secrecy::{SecretSlice, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use super::{
    address::AddressPolicy,
    answer::{Answer, Fault},
    body::BodyLimit,
    call::{Call, Effect, OperationSpec, Read, Write},
    error::{ApiError, ErrorKind},
    fields::Record,
    gate::{Breaker, Gate, Lane},
    http::{self, Timing},
    list_memory::Kept,
    listed::Listed,
    memory::{Budgets, Share},
    permit::WritePermit,
    receive::{Each, Lent, Receive, Whole, health},
    redact::quotable,
};
pub use super::{
    credentials::Credentials,
    gate::Limits,
    list_memory::{Evicted, ListAccount, Loan},
};

/// Where a product is and how to talk to it.
pub struct Endpoint {
    /// Address of the node; may have a path and a trailing slash.
    pub url: String,
    /// Who we are.
    pub credentials: Credentials,
    /// How the connection is secured.
    pub tls: Tls,
    /// The proxy that calls go through; `None`: none, whatever the environment says.
    pub proxy: Option<Proxy>,
    /// What the remote side may be asked for at most.
    pub limits: Limits,
}

/// An HTTP proxy.
pub struct Proxy {
    /// Its address; `http` or `https`, without a path.
    pub url: String,
    /// User name and password.
    pub credentials: Option<(SecretString, SecretString)>,
}

impl Proxy {
    /// The address of a proxy, checked like that of a node. No name is resolved.
    ///
    /// # Errors
    /// `BadAddress`: the address is refused.
    pub fn base(url: &str, addresses: &AddressPolicy) -> Result<Url, ApiError> {
        http::proxy_base(url, addresses).map_err(|message| ApiError::new("connection", ErrorKind::BadAddress, message))
    }
}

/// How the connection is secured.
#[derive(Default)]
pub struct Tls {
    /// CA certificates to trust beside the system's.
    pub ca_bundle_pem: Option<Vec<u8>>,
    /// Certificate and private key to present.
    pub client_identity_pem: Option<SecretSlice<u8>>,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
    /// Accept `http://`.
    pub allow_insecure_http: bool,
}

/// One finished call, for metrics.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// Method and path template.
    pub operation: &'static str,
    /// Product, such as `dss`.
    pub product: &'static str,
    /// `2xx`, or the label of the error kind.
    pub outcome: &'static str,
    /// Status of the answer, if there was one.
    pub status: Option<u16>,
    /// Time from sending to the end of the answer, without the wait at the gate.
    pub duration: Duration,
    /// Whether the operation writes.
    pub write: bool,
}

/// Told of every call, those that were not sent included.
pub trait CallObserver: Send + Sync {
    /// A call is over.
    fn called(&self, call: &CallRecord);
}

/// A connection. Clones share its gate and its pool.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
    lane: Lane,
    /// The user in whose name calls are made; `None`: the owner of the credentials.
    identity: Option<Arc<str>>,
}

/// Names the user in whose name a call is made (contract sheet 1.1).
const PROXY_USER: &str = "X-DKU-ProxyUser";
/// Stands in place of a message about a call whose content is the users' own.
const UNQUOTED: &str = "[message withheld: it may quote the content]";

struct Shared {
    base: Url,
    client: Client,
    credentials: Credentials,
    /// What must not come back in any message.
    secrets: Vec<SecretString>,
    /// Rules for the addresses behind `base`, where a proxy resolves its name.
    proxied: Option<Arc<AddressPolicy>>,
    /// How long the resolution of a name may take.
    connect: Duration,
    gate: Gate,
    /// Time and size of an answer about one object.
    object: Bounds,
    /// Time and size of a list.
    list: Bounds,
    memory: Share,
    observer: Arc<dyn CallObserver>,
}

/// What one call may take.
#[derive(Clone, Copy)]
struct Bounds {
    /// From sending to the last byte of the answer.
    time: Duration,
    /// Longest answer.
    bytes: usize,
}

/// Longest answer about one object that is read.
const OBJECT_BYTES: usize = 4 << 20;
/// Least time and size for lists.
const SHORTEST_LIST_TIMEOUT: Duration = Duration::from_secs(1);
const SMALLEST_LIST: usize = 64 << 10;
/// Longest list that is read, in bytes.
const LONGEST_LIST: usize = 1 << 30;

impl Transport {
    /// The address below which calls go, as [`Self::new`] reads it from `url`. No name is resolved.
    ///
    /// # Errors
    /// `BadAddress`: the address is refused.
    pub fn base(url: &str, allow_insecure_http: bool, addresses: &AddressPolicy) -> Result<Url, ApiError> {
        http::base(url, allow_insecure_http, addresses)
            .map_err(|message| ApiError::new("connection", ErrorKind::BadAddress, message))
    }

    /// A connection that has not been used yet; nothing is sent.
    ///
    /// # Errors
    /// `BadAddress`: the address is refused, or the TLS material cannot be used.
    pub fn new(
        endpoint: Endpoint,
        addresses: Arc<AddressPolicy>,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, ApiError> {
        Self::with_timing(endpoint, addresses, observer, Timing::default())
    }

    pub(super) fn with_timing(
        endpoint: Endpoint,
        addresses: Arc<AddressPolicy>,
        observer: Arc<dyn CallObserver>,
        timing: Timing,
    ) -> Result<Self, ApiError> {
        Self::with_memory(endpoint, addresses, observer, timing, Budgets::of_process())
    }

    pub(super) fn with_memory(
        endpoint: Endpoint,
        addresses: Arc<AddressPolicy>,
        observer: Arc<dyn CallObserver>,
        timing: Timing,
        memory: Budgets,
    ) -> Result<Self, ApiError> {
        let base = Self::base(&endpoint.url, endpoint.tls.allow_insecure_http, &addresses)?;
        let refused = |message| ApiError::new("connection", ErrorKind::BadAddress, message);
        let proxied = endpoint.proxy.is_some().then(|| addresses.clone());
        let client = http::client(&base, &endpoint.tls, endpoint.proxy.as_ref(), addresses, &timing);
        let client = client.map_err(refused)?;
        let proxy_password = endpoint.proxy.and_then(|proxy| proxy.credentials);
        let mut secrets = endpoint.credentials.secrets();
        secrets.extend(proxy_password.map(|(_, password)| password));
        let shared = Shared {
            secrets,
            proxied,
            connect: timing.connect,
            base,
            client,
            credentials: endpoint.credentials,
            gate: Gate::new(endpoint.limits),
            object: Bounds {
                time: timing.total,
                bytes: OBJECT_BYTES,
            },
            list: Bounds {
                time: endpoint.limits.list_timeout.max(SHORTEST_LIST_TIMEOUT),
                bytes: endpoint.limits.list_bytes.clamp(SMALLEST_LIST, LONGEST_LIST),
            },
            memory: Share::new(memory),
            observer,
        };
        Ok(Self {
            shared: Arc::new(shared),
            lane: Lane::Interactive,
            identity: None,
        })
    }

    /// The same connection for calls of another urgency. A new connection is interactive.
    #[must_use]
    pub fn with_lane(&self, lane: Lane) -> Self {
        Self {
            shared: self.shared.clone(),
            lane,
            identity: self.identity.clone(),
        }
    }

    /// The same connection for calls in the name of a user.
    #[must_use]
    pub(super) fn acting_as(&self, login: &str) -> Self {
        Self {
            identity: Some(login.into()),
            ..self.clone()
        }
    }

    /// The lists of this connection, as the memory budget sees them.
    #[must_use]
    pub fn lists(&self) -> ListAccount {
        ListAccount::new(self.shared.memory.lists.clone())
    }

    /// Whether calls go out.
    #[must_use]
    pub fn breaker(&self) -> Breaker {
        self.shared.gate.breaker()
    }

    /// A read whose answer is a value.
    pub(super) async fn json<T: DeserializeOwned + Send>(&self, call: Call<Read>) -> Result<T, ApiError> {
        self.run(call, None, Whole(Answer::json)).await
    }

    /// A read whose answer is a list. Each element is handed to `take` as soon as it arrived, so that no long list is in
    /// memory as a whole. A read that is sent again begins with an empty collection. `held`: the connection holds the list until
    /// the next one of this operation, which the memory budget takes into account.
    pub(super) async fn each<T: DeserializeOwned, L: Default + Send>(
        &self,
        call: Call<Read>,
        held: bool,
        take: impl FnMut(&mut L, T) -> Kept + Send,
    ) -> Result<L, ApiError> {
        let read = Each {
            take,
            held,
            of: PhantomData,
        };
        self.run(call, None, read).await
    }

    /// The same for elements that outlive the call: the loan is to be dropped after them.
    pub(super) async fn lent<T: DeserializeOwned, L: Default + Send>(
        &self,
        call: Call<Read>,
        take: impl FnMut(&mut L, T) -> Kept + Send,
    ) -> Result<(L, Loan), ApiError> {
        let (held, of) = (false, PhantomData);
        self.run(call, None, Lent(Each { take, held, of })).await
    }

    /// A read whose answer is a list of records, which the connection holds.
    pub(super) async fn list<T: Record + Send>(&self, call: Call<Read>) -> Result<Listed<T>, ApiError> {
        self.each(call, true, Listed::take).await
    }

    /// The same for a list that is dropped soon, since it is about one thing of many.
    pub(super) async fn some<T: Record + Send>(&self, call: Call<Read>) -> Result<Listed<T>, ApiError> {
        self.each(call, false, Listed::take).await
    }

    /// A write whose answer is a value. `Withdrawn`: the permit was no longer valid when the gate admitted the call.
    pub(super) async fn write<T: DeserializeOwned + Send>(
        &self,
        call: Call<Write>,
        permit: WritePermit,
    ) -> Result<T, ApiError> {
        self.run(call, Some(permit), Whole(Answer::json)).await
    }

    /// A write whose answer does not matter once it says success.
    pub(super) async fn write_done(&self, call: Call<Write>, permit: WritePermit) -> Result<(), ApiError> {
        self.run(call, Some(permit), Whole(Answer::done)).await
    }

    /// The remote side's words in an answer that says success, withheld if they expose the credentials or one of `secrets`.
    pub(super) fn quote(&self, text: &str, secrets: &[SecretString]) -> String {
        quotable(text, &[secrets, &self.shared.secrets].concat())
    }

    async fn run<K, R: Receive>(
        &self,
        mut call: Call<K>,
        permit: Option<WritePermit>,
        read: R,
    ) -> Result<R::Value, ApiError> {
        let operation = call.operation;
        let (result, duration) = match self.request(&mut call) {
            Ok(request) => self.through_gate(request, operation, permit, read).await,
            Err(fault) => (Err(fault), Duration::ZERO),
        };
        self.tell(operation, &result, duration);
        match result {
            Ok((value, _)) => Ok(value),
            Err(fault) => Err(self.present(operation, &fault, call.secrets, call.quoted)),
        }
    }

    async fn through_gate<R: Receive>(
        &self,
        request: Request,
        operation: OperationSpec,
        permit: Option<WritePermit>,
        mut read: R,
    ) -> (Result<(R::Value, StatusCode), Fault>, Duration) {
        let gate = &self.shared.gate;
        let _pass = match gate.enter(self.lane).await {
            Ok(pass) => pass,
            Err(closed) => return (Err(closed.into()), Duration::ZERO),
        };
        if permit.is_some_and(|permit| !permit.is_valid()) {
            return (Err(Fault::new(ErrorKind::Withdrawn, "")), Duration::ZERO);
        }
        let started = Instant::now();
        let result = self.exchange(request, operation, &mut read).await;
        if self.lane != Lane::Inventory {
            gate.record(health(operation, &result));
        }
        if let Err(fault) = &result
            && let (Some(429 | 503), Some(wait)) = (fault.status.map(|status| status.as_u16()), fault.retry_after)
        {
            gate.hold(wait);
        }
        (result, started.elapsed())
    }

    /// Sends the request; once more if it is a read that was lost with its connection. Both attempts share the time.
    async fn exchange<R: Receive>(
        &self,
        mut request: Request,
        operation: OperationSpec,
        read: &mut R,
    ) -> Result<(R::Value, StatusCode), Fault> {
        let bounds = self.bounds(operation);
        let started = Instant::now();
        *request.timeout_mut() = Some(bounds.time);
        let again = if operation.writes() { None } else { request.try_clone() };
        let limit = BodyLimit {
            bytes: bounds.bytes,
            deadline: started + bounds.time,
        };
        match (self.attempt(request, operation, limit, read).await, again) {
            (Err(fault), Some(mut again)) if fault.kind == ErrorKind::Lost => {
                tracing::debug!(operation = operation.name, "a lost read is sent again");
                *again.timeout_mut() = Some(bounds.time.saturating_sub(started.elapsed()));
                self.attempt(again, operation, limit, read).await
            }
            (result, _) => result,
        }
    }

    async fn attempt<R: Receive>(
        &self,
        request: Request,
        operation: OperationSpec,
        limit: BodyLimit,
        read: &mut R,
    ) -> Result<(R::Value, StatusCode), Fault> {
        if let Some(addresses) = &self.shared.proxied {
            http::check_proxied(&self.shared.base, addresses, self.shared.connect).await?;
        }
        let response = self.shared.client.execute(request).await?;
        read.receive(response, operation, &self.shared.memory, limit).await
    }

    fn bounds(&self, operation: OperationSpec) -> Bounds {
        match operation.effect {
            Effect::ReadsList => self.shared.list,
            Effect::ReadsObject | Effect::Writes | Effect::WritesMany => self.shared.object,
        }
    }

    /// Takes the body out of the call.
    fn request<K>(&self, call: &mut Call<K>) -> Result<Request, Fault> {
        let refused = |message: &str| Fault::new(ErrorKind::BadAddress, message);
        let url = call.url(&self.shared.base).map_err(refused)?;
        let builder = self.shared.client.request(call.operation.method(), url);
        let mut builder = self
            .shared
            .credentials
            .authorize(builder)
            .header(header::ACCEPT, "application/json");
        if let Some(login) = &self.identity {
            builder = builder.header(PROXY_USER, &**login);
        }
        if let Some(body) = call.body.take() {
            builder = builder
                .header(header::CONTENT_TYPE, "application/json")
                .body(Bytes::from_owner(body));
        }
        builder
            .build()
            .map_err(|_| refused("the request cannot be put together"))
    }

    fn tell<T>(&self, operation: OperationSpec, result: &Result<(T, StatusCode), Fault>, duration: Duration) {
        let (outcome, status) = match result {
            Ok((_, status)) => ("2xx", Some(*status)),
            Err(fault) => (fault.kind.label(), fault.status),
        };
        let status = status.map(|status| status.as_u16());
        let record = CallRecord {
            operation: operation.name,
            product: operation.product.name,
            outcome,
            status,
            duration,
            write: operation.writes(),
        };
        tracing::debug!(
            operation = record.operation,
            product = record.product,
            outcome,
            status,
            milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            "remote call"
        );
        self.shared.observer.called(&record);
    }

    fn present(
        &self,
        operation: OperationSpec,
        fault: &Fault,
        mut secrets: Vec<SecretString>,
        quoted: bool,
    ) -> ApiError {
        secrets.extend_from_slice(&self.shared.secrets);
        // How a connection failed is told by this side.
        let of_answer = fault.status.is_some() || fault.kind == ErrorKind::Malformed;
        let mut message = if fault.remote && of_answer && !quoted {
            UNQUOTED.to_owned()
        } else if fault.remote {
            quotable(&fault.message, &secrets)
        } else {
            fault.message.clone()
        };
        if fault.status == Some(StatusCode::NOT_FOUND) && operation.is_always_there() {
            let separator = if message.is_empty() { "" } else { "; " };
            let form = operation.product.url_form;
            message = format!("{message}{separator}check the field url, its form is {form}");
        }
        ApiError {
            operation: operation.name,
            kind: fault.kind,
            status: fault.status.map(|status| status.as_u16()),
            message,
            // Judged here since the message may be withheld.
            says_exists: fault.message.to_ascii_lowercase().contains("already exist"),
            own_words: fault.own_words,
            retry_after: fault.retry_after,
        }
    }
}
