//! `/livez`, `/readyz` and `/metrics`.
//!
//! Anybody who reaches the port may connect, so each connection carries one request and ends soon, and their number is
//! bounded.

use std::{
    collections::BTreeMap,
    fmt::Write,
    future::Future,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    http::header::CONTENT_TYPE,
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

use crate::{apiserver::Heard, metrics::SharedMetrics};

/// Connections at once. Further ones wait.
const CONNECTIONS: usize = 256;
/// Longest time that a client may take for the head of its request.
const HEAD: Duration = Duration::from_secs(5);
/// Longest time of a connection.
const LONGEST: Duration = Duration::from_secs(15);
/// After this long without an answer from the apiserver the process is not alive: it leads nothing and sees nothing. Longer
/// than an apiserver takes to restart.
const SILENCE: Duration = Duration::from_mins(5);

/// What the endpoints tell.
#[derive(Clone)]
pub struct Health {
    /// Metrics.
    pub metrics: SharedMetrics,
    /// Whether every kind has its first complete list, or no CRD.
    pub ready: Arc<AtomicBool>,
    /// When the apiserver last answered.
    pub heard: Heard,
}

/// Serves until `stop`.
pub async fn serve(
    address: SocketAddr,
    health: Health,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving /livez, /readyz and /metrics");
    accept(listener, router(health), stop).await;
    Ok(())
}

async fn accept(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let answered = answer(stream, router.clone());
                connections.spawn(async move {
                    answered.await;
                    drop(place);
                });
            }
            Err(error) => {
                // No file descriptor is left, or the client has gone.
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // Whoever reads the last metrics may finish.
    let _ = tokio::time::timeout(LONGEST, connections.join_all()).await;
}

async fn answer(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // What a client does to its own connection is nobody else's problem.
    let _ = tokio::time::timeout(LONGEST, connection).await;
}

fn router(health: Health) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn live(State(health): State<Health>) -> (StatusCode, String) {
    let silence = health.heard.silence();
    if silence > SILENCE {
        let text = format!("the apiserver has not answered for {} s\n", silence.as_secs());
        return (StatusCode::INTERNAL_SERVER_ERROR, text);
    }
    (StatusCode::OK, "ok\n".to_owned())
}

async fn ready(State(health): State<Health>, RawQuery(query): RawQuery) -> (StatusCode, String) {
    if !health.ready.load(Ordering::Relaxed) {
        let mut text = refused(&health);
        text.push_str("waiting for the first list of every kind\n");
        return (StatusCode::SERVICE_UNAVAILABLE, text);
    }
    let verbose = query.is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let mut text = String::new();
    if verbose {
        for kind in health.metrics.missing() {
            let _ = writeln!(text, "[-] {kind}: its CRD is not installed; objects of this kind wait");
        }
        text.push_str(&refused(&health));
    }
    text.push_str("ok\n");
    (StatusCode::OK, text)
}

/// Namespaces in which the operator lacks rights, one a line with the kinds.
fn refused(health: &Health) -> String {
    let mut kinds: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (namespace, kind) in health.metrics.refused() {
        kinds.entry(namespace).or_default().push(kind);
    }
    let mut text = String::new();
    for (namespace, kinds) in kinds {
        let kinds = kinds.join(", ");
        let _ = writeln!(
            text,
            "[-] namespace {namespace}: the operator may not list or watch {kinds}"
        );
    }
    text
}

async fn metrics(State(health): State<Health>) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, form)], health.metrics.text())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn served() -> (SocketAddr, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let health = Health {
            metrics: Arc::default(),
            ready: Arc::default(),
            heard: Heard::default(),
        };
        let serving = tokio::spawn(accept(listener, router(health), std::future::pending()));
        (address, serving)
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_connection_carries_one_request() {
        let (address, serving) = served().await;
        assert!(get(address, "/livez").await.starts_with("HTTP/1.1 200 OK"));
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503"));
        assert!(get(address, "/metrics").await.contains("# EOF"));
        serving.abort();
    }

    #[tokio::test]
    async fn a_client_that_sends_no_request_is_disconnected() {
        let (address, serving) = served().await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET /livez HTTP/1.1\r\nhost:").await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(HEAD * 2, slow.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the connection is still open");
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
        serving.abort();
    }

    #[tokio::test]
    async fn readiness_names_the_namespaces_that_the_operator_may_not_read() {
        let health = Health {
            metrics: Arc::default(),
            ready: Arc::default(),
            heard: Heard::default(),
        };
        let refusals = crate::engine::refusals::Refusals::default();
        health.metrics.observe_refusals(refusals.clone());
        refusals.refused("vault", "DssUser", false);
        refusals.refused("vault", "Secret", false);
        let line = "[-] namespace vault: the operator may not list or watch DssUser, Secret\n";
        let (status, text) = ready(State(health.clone()), RawQuery(None)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.starts_with(line), "{text}");
        health.ready.store(true, Ordering::Relaxed);
        let (status, text) = ready(State(health.clone()), RawQuery(Some("verbose".into()))).await;
        assert_eq!((status, text), (StatusCode::OK, format!("{line}ok\n")));
        let series = "namespace_refused{namespace=\"vault\",kind=\"Secret\"} 1";
        assert!(health.metrics.text().contains(series));
        assert_eq!(ready(State(health), RawQuery(None)).await.1, "ok\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_hears_nothing_is_not_alive() {
        let health = Health {
            metrics: Arc::default(),
            ready: Arc::default(),
            heard: Heard::default(),
        };
        tokio::time::advance(SILENCE).await;
        assert_eq!(live(State(health.clone())).await.0, StatusCode::OK);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(live(State(health)).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
