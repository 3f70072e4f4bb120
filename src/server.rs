//! `/livez`, `/readyz` and `/metrics`.

use std::{
    fmt::Write,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    http::header::CONTENT_TYPE,
    routing::get,
};
use tokio::net::TcpListener;

use crate::metrics::SharedMetrics;

/// What the endpoints tell.
#[derive(Clone)]
pub struct Health {
    /// Metrics.
    pub metrics: SharedMetrics,
    /// Whether every kind has its first complete list, or no CRD.
    pub ready: Arc<AtomicBool>,
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
    axum::serve(listener, router(health))
        .with_graceful_shutdown(stop)
        .await
        .context("serve")
}

fn router(health: Health) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn ready(State(health): State<Health>, RawQuery(query): RawQuery) -> (StatusCode, String) {
    if !health.ready.load(Ordering::Relaxed) {
        let text = "waiting for the first list of every kind\n".to_owned();
        return (StatusCode::SERVICE_UNAVAILABLE, text);
    }
    let verbose = query.is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let mut text = String::new();
    if verbose {
        for kind in health.metrics.missing() {
            let _ = writeln!(text, "[-] {kind}: its CRD is not installed; objects of this kind wait");
        }
    }
    text.push_str("ok\n");
    (StatusCode::OK, text)
}

async fn metrics(State(health): State<Health>) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, form)], health.metrics.text())
}
