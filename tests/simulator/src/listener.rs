//! The TCP listener of one instance. It works below axum so that a fault can cut a connection without an answer.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use crate::service::{self, Shared};

/// A listener and its connections; dropping it closes them all.
pub(crate) struct Listener {
    /// The port on 127.0.0.1.
    pub port: u16,
    task: AbortHandle,
}

impl Listener {
    /// Starts to listen on 127.0.0.1, on a free port for 0.
    pub async fn start(port: u16, shared: Arc<Shared>) -> anyhow::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = socket.local_addr()?.port();
        let task = tokio::spawn(accept(socket, shared)).abort_handle();
        Ok(Self { port, task })
    }

    /// Closes the listener and its connections.
    pub fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn accept(socket: TcpListener, shared: Arc<Shared>) {
    // The set belongs to this task, so that aborting the task ends the connections too.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                // Without this a small answer after a small request waits for a delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                let shared = Arc::clone(&shared);
                let used = AtomicBool::new(false);
                let service = service_fn(move |request| {
                    service::serve(Arc::clone(&shared), request, used.swap(true, Ordering::Relaxed))
                });
                let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move {
                    // An error here is a cut connection, ours or the client's.
                    let _ = connection.await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
