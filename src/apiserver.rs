//! The client for the apiserver. Each call has a deadline, so that a connection that hangs delays one reconcile and blocks
//! none; and the process knows when it last heard from the apiserver.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tower::{BoxError, Layer, Service, limit::ConcurrencyLimitLayer};
use tower_http::timeout::TimeoutBody;

/// Requests that wait for an answer at once; an open watch is none. The apiserver refuses a client of which it has a few
/// hundred, and watches that it refuses cost more than waiting here.
const REQUESTS: usize = 64;
/// Pages of lists that are read at once. Others decide how large their objects are: a page may have tens of MiB.
const PAGES: usize = 2;
/// Secrets and `ConfigMap`s that are read at once: each may have 1 MiB.
const VALUES: usize = 8;
/// Longest wait for the head of an answer, and for each further part of one that is not a watch.
const ANSWER: Duration = Duration::from_secs(15);
/// Longest silence of a watch. The operator asks the apiserver to end each watch earlier.
const WATCH: Duration = Duration::from_secs(90);

/// When the process last had an answer from the apiserver, whatever it said.
#[derive(Clone, Debug)]
pub struct Heard(Arc<(Instant, AtomicU64)>);

impl Default for Heard {
    fn default() -> Self {
        Self(Arc::new((Instant::now(), AtomicU64::new(0))))
    }
}

impl Heard {
    fn now(&self) {
        let elapsed = self.0.0.elapsed().as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.0.1.fetch_max(elapsed, Ordering::Relaxed);
    }

    /// Time since the last answer, or since the start.
    pub fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.0.1.load(Ordering::Relaxed));
        self.0.0.elapsed().saturating_sub(last)
    }
}

/// A client for the cluster, and the operator's own namespace.
///
/// # Errors
/// There is no cluster configuration.
pub async fn client(namespace: Option<String>, heard: Heard) -> anyhow::Result<(Client, String)> {
    let mut config = Config::infer().await.context("find a cluster")?;
    // The engine has a back-off of its own; the client's would hold a reconcile for minutes.
    config.default_retry = false;
    let home = namespace.unwrap_or_else(|| config.default_namespace.clone());
    let builder = ClientBuilder::try_from(config).context("make a client for the cluster")?;
    let client = builder
        .with_layer(&DeadlineLayer::new(heard))
        // Outside of the deadline: waiting for a place is no fault of the apiserver.
        .with_layer(&ConcurrencyLimitLayer::new(REQUESTS))
        .build();
    Ok((client, home))
}

struct DeadlineLayer {
    heard: Heard,
    bounds: Arc<Bounds>,
}

impl DeadlineLayer {
    fn new(heard: Heard) -> Self {
        Self {
            heard,
            bounds: Arc::new(Bounds {
                pages: Arc::new(Semaphore::new(PAGES)),
                values: Arc::new(Semaphore::new(VALUES)),
            }),
        }
    }
}

/// How many answers of a kind are read at once.
struct Bounds {
    pages: Arc<Semaphore>,
    values: Arc<Semaphore>,
}

impl Bounds {
    /// What bounds the answer to this request; `None`: it is small.
    fn of(&self, request: &Request<Body>) -> Option<Arc<Semaphore>> {
        if is_watch(request) || request.method() != http::Method::GET {
            return None;
        }
        let query = request.uri().query().unwrap_or_default();
        if query.split('&').any(|part| part.starts_with("limit=")) {
            return Some(self.pages.clone());
        }
        let mut parts = request.uri().path().rsplit('/');
        let (_name, plural) = (parts.next(), parts.next());
        matches!(plural, Some("secrets" | "configmaps")).then(|| self.values.clone())
    }
}

/// An answer, with its place among those that are read at once.
struct Bounded<B> {
    body: Pin<Box<B>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl<B: HttpBody> HttpBody for Bounded<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<B::Data>, B::Error>>> {
        self.get_mut().body.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline {
            inner,
            heard: self.heard.clone(),
            bounds: self.bounds.clone(),
        }
    }
}

/// Ends calls that the apiserver does not answer.
struct Deadline<S> {
    inner: S,
    heard: Heard,
    bounds: Arc<Bounds>,
}

impl<S, B> Service<Request<Body>> for Deadline<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<TimeoutBody<Bounded<B>>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let part = if is_watch(&request) { WATCH } else { ANSWER };
        let bound = self.bounds.of(&request);
        let (answer, heard) = (self.inner.call(request), self.heard.clone());
        Box::pin(async move {
            let answer = tokio::time::timeout(ANSWER, answer)
                .await
                .map_err(|_| format!("the apiserver did not answer within {} s", ANSWER.as_secs()))?
                .map_err(Into::into)?;
            heard.now();
            // Once the head is here: an apiserver that does not answer takes no place.
            let place = match bound {
                Some(bound) => bound.acquire_owned().await.ok(),
                None => None,
            };
            Ok(answer.map(|body| {
                let body = Bounded {
                    body: Box::pin(body),
                    _place: place,
                };
                TimeoutBody::new(part, body)
            }))
        })
    }
}

fn is_watch(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query.split('&').any(|part| part == "watch=true" || part == "watch=1")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{BodyExt, StreamBody};
    use tower::ServiceExt;

    use super::*;

    /// An apiserver that answers after `head`, and sends each part of the answer after `part`.
    fn server(
        head: Duration,
        part: Duration,
    ) -> impl Service<
        Request<Body>,
        Response = Response<impl HttpBody<Data = Bytes, Error = Infallible> + Send + 'static>,
        Error = BoxError,
        Future: Send + 'static,
    > {
        tower::service_fn(move |_| async move {
            tokio::time::sleep(head).await;
            let parts = futures::stream::unfold(0, move |sent| async move {
                tokio::time::sleep(part).await;
                let frame = http_body::Frame::data(Bytes::from_static(b"x"));
                (sent < 2).then_some((Ok::<_, Infallible>(frame), sent + 1))
            });
            Ok(Response::new(StreamBody::new(parts)))
        })
    }

    async fn call(path: &str, first: u64, part: u64) -> (Result<Bytes, BoxError>, Heard) {
        let heard = Heard::default();
        let inner = server(Duration::from_secs(first), Duration::from_secs(part));
        let service = DeadlineLayer::new(heard.clone()).layer(inner);
        let request = Request::get(path).body(Body::empty()).unwrap();
        let read = async {
            let answer = service.oneshot(request).await?;
            Ok(answer.into_body().collect().await?.to_bytes())
        };
        (read.await, heard)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_begin_or_go_on_is_an_error() {
        let began = Instant::now();
        let (answer, heard) = call("/api/v1/secrets", 3600, 0).await;
        assert_eq!(
            answer.unwrap_err().to_string(),
            "the apiserver did not answer within 15 s"
        );
        assert_eq!(heard.silence(), Duration::from_secs(15), "nothing was heard");
        let (answer, heard) = call("/api/v1/secrets", 1, 3600).await;
        assert!(answer.is_err());
        assert_eq!(heard.silence(), Duration::from_secs(15), "the head was heard");
        assert!(began.elapsed() < Duration::from_secs(40));
        assert_eq!(call("/api/v1/secrets", 14, 14).await.0.unwrap(), "xx");
    }

    /// How long twenty such calls at once take, each of which takes 2 s.
    async fn twenty(path: &str) -> Duration {
        let layer = DeadlineLayer::new(Heard::default());
        let began = Instant::now();
        let calls = (0..20).map(|_| {
            let service = layer.layer(server(Duration::ZERO, Duration::from_secs(1)));
            let request = Request::get(path).body(Body::empty()).unwrap();
            async move {
                let answer = service.oneshot(request).await.unwrap();
                answer.into_body().collect().await.unwrap();
            }
        });
        futures::future::join_all(calls).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn few_answers_that_others_may_make_large_are_read_at_once() {
        let one = twenty("/apis/dataiku-operator.io/v1alpha1/namespaces/a/dssusers/jane").await;
        assert_eq!(twenty("/api/v1/secrets?limit=50&watch=true").await, one);
        let pages = twenty("/api/v1/secrets?&limit=50&continue=x").await;
        assert_eq!(pages, one * 10, "two pages at once");
        for path in ["/api/v1/namespaces/a/secrets/b", "/api/v1/namespaces/a/configmaps/b"] {
            assert_eq!(twenty(path).await, one * 3, "eight values at once");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_may_be_silent_for_longer_and_not_for_ever() {
        assert_eq!(call("/api/v1/secrets?watch=true", 1, 80).await.0.unwrap(), "xx");
        assert!(call("/api/v1/secrets?limit=50&watch=true", 1, 3600).await.0.is_err());
        assert!(call("/api/v1/secrets?watch=false", 1, 80).await.0.is_err());
    }
}
