//! What happens to one request: routing, counting, faults, authentication, the handler, the answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, Response};
use rand::RngExt;
use serde_json::Value;

use crate::answer::{Answer, Failure};
use crate::api::Api;
use crate::call::Call;
use crate::config::Product;
use crate::edit;
use crate::fault::{self, Fault, Faults, LogNormal, Target, When};
use crate::log::{Entry, Log};
use crate::operation::Operation;
use crate::quote;
use crate::route::{self, Route};
use crate::wire::{self, Body, Cut};
use crate::world::World;

const LARGEST_BODY: usize = 64 << 20;

/// All that the listener of one instance shares with its handles.
pub(crate) struct Shared {
    /// Which product it is.
    pub product: Product,
    /// What the product says about itself.
    pub api: &'static dyn Api,
    /// Everything that changes.
    inside: Mutex<Inside>,
}

/// Everything that changes, behind one lock.
pub(crate) struct Inside {
    /// The memory of the product.
    pub world: World,
    /// What was asked.
    pub log: Log,
    /// What goes wrong.
    pub faults: Faults,
}

impl Shared {
    /// An instance that nobody has called yet.
    pub fn new(product: Product, api: &'static dyn Api, world: World) -> Self {
        let inside = Inside {
            world,
            log: Log::default(),
            faults: Faults::default(),
        };
        Self {
            product,
            api,
            inside: Mutex::new(inside),
        }
    }

    /// The lock. A handler that panicked in a test leaves it poisoned; the state is still worth a look. Whoever looks
    /// finds everything done that is due by the clock.
    pub fn lock(&self) -> MutexGuard<'_, Inside> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        self.api.settle(&mut inside.world);
        inside
    }
}

/// A request after routing.
struct Received {
    operation: Option<Operation>,
    refusal: Option<Failure>,
    call: Call,
    headers: HeaderMap,
    reused: bool,
}

/// A call under way; it no longer is when this is dropped.
struct UnderWay(Arc<Shared>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().log.leave();
    }
}

/// Serves one request, on a connection that has carried another or not.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    reused: bool,
) -> Result<Response<Body>, Cut> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_BODY)
        .collect()
        .await
        .map_err(|_| Cut)?
        .to_bytes();
    let received = receive(&shared, &parts, body, reused);
    let (seq, faults) = arrive(&shared, &parts, &received);
    let _under_way = UnderWay(Arc::clone(&shared));
    let wait = faults.iter().map(latency).sum::<Duration>();
    if !wait.is_zero() {
        // When the client goes away during this wait, hyper drops this future and nothing has been done.
        tokio::time::sleep(wait).await;
    }
    let (answer, cut) = match late(&faults) {
        None => handle(&shared, received, &faults),
        Some(wait) => handle_after(Arc::clone(&shared), received, faults.clone(), wait).await?,
    };
    if cut {
        return Err(Cut);
    }
    shared.lock().log.answer(seq, answer.status);
    wire::response(answer, &faults)
}

/// Handles the call in a task of its own, which goes on when hyper drops the caller.
async fn handle_after(
    shared: Arc<Shared>,
    received: Received,
    faults: Vec<Fault>,
    wait: Duration,
) -> Result<(Answer, bool), Cut> {
    let handled = tokio::spawn(async move {
        tokio::time::sleep(wait).await;
        handle(&shared, received, &faults)
    });
    handled.await.map_err(|_| Cut)
}

fn receive(shared: &Shared, parts: &hyper::http::request::Parts, body: Bytes, reused: bool) -> Received {
    let path = parts.uri.path();
    let found = route::find(shared.api.operations(), shared.api.bases(), &parts.method, path);
    let (operation, params, refusal) = match found {
        Route::Found(operation, params) => (Some(operation.with_body(&body)), params, None),
        Route::OtherMethod => (None, Vec::new(), Some(other_method(parts.method.as_str()))),
        Route::Unknown => (None, Vec::new(), Some(no_route(path))),
    };
    let call = Call {
        params,
        query: route::query(parts.uri.query()),
        body,
        ..Call::default()
    };
    Received {
        operation,
        refusal,
        call,
        headers: parts.headers.clone(),
        reused,
    }
}

fn other_method(method: &str) -> Failure {
    let class = "org.springframework.web.HttpRequestMethodNotSupportedException";
    Failure::new(405, class, format!("Request method '{method}' is not supported"))
}

fn no_route(path: &str) -> Failure {
    Failure::new(
        404,
        "org.springframework.web.servlet.NoHandlerFoundException",
        format!("No endpoint {path}"),
    )
}

/// The path for the log; its template where the path carries a secret, as in D40.
fn logged_path<'a>(path: &'a str, operation: Option<&Operation>) -> &'a str {
    match operation {
        Some(operation) if operation.path.contains("{secret}") => operation.path,
        _ => path,
    }
}

fn arrive(shared: &Shared, parts: &hyper::http::request::Parts, received: &Received) -> (u64, Vec<Fault>) {
    let method = parts.method.as_str();
    let operation = received.operation.as_ref();
    let target = Target {
        product: shared.product.name(),
        operation,
        method,
        params: &received.call.params,
        reused: received.reused,
    };
    let mut inside = shared.lock();
    let faults = inside.faults.fire(&target);
    let entry = Entry {
        seq: 0,
        at: inside.world.clock.millis(),
        operation: operation.map_or("unknown", |operation| operation.id).to_owned(),
        method: method.to_owned(),
        path: logged_path(parts.uri.path(), operation).to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        status: 0,
        writes: false,
        proxy_user: parts
            .headers
            .get("x-dku-proxyuser")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        fault: fault::kinds(&faults),
    };
    let seq = inside
        .log
        .arrive(entry, operation.is_some_and(|operation| operation.writes));
    (seq, faults)
}

/// Handles the call between the edits of its faults; the flag says that the connection is to be cut.
fn handle(shared: &Shared, mut received: Received, faults: &[Fault]) -> (Answer, bool) {
    received.call.half_failed = faults.iter().any(|fault| matches!(fault, Fault::HalfFailedBulk));
    let mut inside = shared.lock();
    let world = &mut inside.world;
    edits(shared, world, faults, When::Before);
    let replaced = faults.iter().find_map(|fault| instead(shared, world, &received, fault));
    let (mut answer, cut) = if let Some(replaced) = replaced {
        replaced
    } else {
        let answer = perform(shared, world, received).unwrap_or_else(|failure| shared.api.failure(world, &failure));
        (
            wire::changed(answer, faults),
            faults.iter().any(|fault| matches!(fault, Fault::DropAfter)),
        )
    };
    edits(shared, world, faults, When::After);
    answer.headers.extend(shared.api.headers(world));
    (answer, cut)
}

fn perform(shared: &Shared, world: &mut World, mut received: Received) -> Result<Answer, Failure> {
    received.call.caller = shared.api.authenticate(world, &received.headers)?;
    if let Some(refusal) = received.refusal {
        return Err(refusal);
    }
    let Some(operation) = received.operation else {
        return Err(no_route(""));
    };
    shared.api.authorize(world, &received.call.caller, operation.right)?;
    shared.api.admit(world, &received.call)?;
    (operation.handler)(world, &received.call)
}

/// What a fault puts in the place of handling.
fn instead(shared: &Shared, world: &World, received: &Received, fault: &Fault) -> Option<(Answer, bool)> {
    match fault {
        Fault::DropBefore => Some((Answer::no_content(), true)),
        Fault::Html { page, status } => Some((wire::page(*page, *status), false)),
        Fault::Quote { status, of, encoding } => {
            let secret = quote::secret(&received.headers, &received.call.body, of);
            let message = format!("Not accepted: {} is refused", encoding.of(&secret));
            let class = "com.dataiku.dip.exceptions.CodedException";
            let failure = Failure::new(*status, class, message);
            Some((shared.api.failure(world, &failure), false))
        }
        Fault::Status {
            status,
            retry_after,
            body,
        } => {
            let class = "com.dataiku.dip.exceptions.UnavailableException";
            let own = || {
                shared
                    .api
                    .failure(world, &Failure::new(*status, class, "A fault of the simulator"))
            };
            let mut answer = body.as_ref().map_or_else(own, |body| Answer::status(*status, body));
            answer
                .headers
                .extend(retry_after.clone().map(|value| ("Retry-After", value)));
            Some((answer, false))
        }
        _ => None,
    }
}

fn edits(shared: &Shared, world: &mut World, faults: &[Fault], side: When) {
    for fault in faults {
        if let Fault::Edit { when, patch } = fault
            && *when == side
            && let Err(reason) = edit::apply(shared.api, world, patch)
        {
            tracing::warn!(reason, "the edit of a fault was refused");
        }
    }
}

/// The wait before a call that is handled whatever becomes of its client.
fn late(faults: &[Fault]) -> Option<Duration> {
    let wait = faults.iter().filter_map(|fault| match fault {
        Fault::Late { millis } => Some(Duration::from_millis(*millis)),
        _ => None,
    });
    wait.reduce(|one, other| one + other)
}

fn latency(fault: &Fault) -> Duration {
    let Fault::Latency { millis, log_normal } = fault else {
        return Duration::ZERO;
    };
    let drawn = log_normal.map_or(0.0, draw);
    Duration::from_millis(millis.unwrap_or_default()) + Duration::from_secs_f64(drawn / 1000.0)
}

fn draw(percentiles: LogNormal) -> f64 {
    // The 99th percentile of the standard normal distribution.
    const Z99: f64 = 2.326_347_874;
    let (p50, p99) = (
        percentiles.p50_millis.max(0.001),
        percentiles.p99_millis.max(percentiles.p50_millis),
    );
    let sigma = (p99 / p50).ln().max(0.0) / Z99;
    let mut random = rand::rng();
    let (first, second): (f64, f64) = (random.random_range(f64::EPSILON..1.0), random.random());
    let normal = (-2.0 * first.ln()).sqrt() * (std::f64::consts::TAU * second).cos();
    // An hour is longer than any test, and keeps the number finite.
    (p50 * (sigma * normal).exp()).min(3_600_000.0)
}

/// The state as the control port shows it.
pub(crate) fn shown(api: &dyn Api, world: &World) -> Value {
    let collections = api.collections();
    let part = |name: &String, value: &Value| match value {
        Value::Object(members) if collections.contains(&name.as_str()) => members
            .iter()
            .map(|(key, document)| (key.clone(), api.shown(world, name, document)))
            .collect(),
        _ => api.shown(world, name, value),
    };
    Value::Object(
        world
            .state
            .iter()
            .map(|(name, value)| (name.clone(), part(name, value)))
            .collect(),
    )
}

/// A part of that state by JSON pointer, without building the rest.
pub(crate) fn shown_at(api: &dyn Api, world: &World, pointer: &str) -> Option<Value> {
    let (name, rest) = edit::first_token(pointer)?;
    let value = world.state.get(&name)?;
    if !api.collections().contains(&name.as_str()) {
        return api.shown(world, &name, value).pointer(rest).cloned();
    }
    let Some((key, rest)) = edit::first_token(rest) else {
        return shown(api, world).get(&name).cloned();
    };
    api.shown(world, &name, value.get(&key)?).pointer(rest).cloned()
}
