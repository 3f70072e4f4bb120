//! Servers that do not keep to HTTP, and what is never followed.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use wiremock::{MockServer, ResponseTemplate};

use super::{KEY, always, dss, failure, hasty, launchpad, permit, requests};
use crate::dataiku::{document::Document, error::ErrorKind};

/// A server that ends with its test.
struct Raw {
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn raw<F, S>(serve: S) -> Raw
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
    S: Fn(TcpStream) -> F + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            // An error is a client that has had enough and hung up.
            connections.spawn(serve(stream));
        }
    });
    Raw { url, task }
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_connection_is_unreachable_and_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = failure(&dss(&url)).await;
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(!error.is_ambiguous());
    assert!(
        error
            .to_string()
            .starts_with("GET /admin/users/{login}: cannot connect: Connection refused"),
        "{error}"
    );
    assert!(!error.to_string().contains("127.0.0.1"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_unreachable() {
    let error = failure(&dss("http://no-such-host.invalid")).await;
    assert_eq!(error.kind, ErrorKind::Unreachable);
}

#[tokio::test]
async fn a_failed_tls_handshake_is_unreachable() {
    let server = raw(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        stream.shutdown().await
    })
    .await;
    let error = failure(&dss(&server.url.replace("http:", "https:"))).await;
    assert_eq!(error.kind, ErrorKind::Unreachable);
}

#[tokio::test]
async fn a_connection_dropped_before_the_answer_is_ambiguous() {
    let server = raw(|mut stream| async move { read_request(&mut stream).await }).await;
    let error = failure(&dss(&server.url)).await;
    assert_eq!((error.kind, error.status), (ErrorKind::Lost, None));
    assert!(error.is_ambiguous());
}

#[tokio::test]
async fn a_connection_dropped_before_the_request_was_read_is_ambiguous_too() {
    let server = raw(|stream| async move {
        drop(stream);
        Ok(())
    })
    .await;
    assert!(failure(&dss(&server.url)).await.is_ambiguous());
}

/// Answers the first request of all, keeps that connection open, and hangs up on every later one once it has read it.
async fn answering_once() -> (Raw, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let server = raw(move |mut stream| {
        let requests = counted.clone();
        async move {
            loop {
                read_request(&mut stream).await?;
                if requests.fetch_add(1, Ordering::SeqCst) > 0 {
                    return Ok(());
                }
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
                    .await?;
            }
        }
    });
    (server.await, requests)
}

#[tokio::test]
async fn a_read_that_is_lost_on_a_reused_connection_is_sent_again() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    // Answers once per connection, and hangs up on the next request of the connection once it has read it.
    let server = raw(move |mut stream| {
        let requests = counted.clone();
        async move {
            read_request(&mut stream).await?;
            requests.fetch_add(1, Ordering::SeqCst);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
                .await?;
            read_request(&mut stream).await?;
            requests.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    })
    .await;
    let dss = dss(&server.url);
    dss.groups().await.unwrap();
    dss.groups().await.unwrap();
    assert_eq!(
        requests.load(Ordering::SeqCst),
        3,
        "the second read is lost, and sent again"
    );
    // The search of the Launchpad is a read, though a POST.
    let launchpad = launchpad(&server.url);
    launchpad.groups().await.unwrap();
    launchpad.groups().await.unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 6);
    dss.put_group(permit(), "analysts", &Document::new()).await.unwrap_err();
    assert_eq!(requests.load(Ordering::SeqCst), 7, "a write is not");
}

#[tokio::test]
async fn a_read_is_sent_again_once_only() {
    let (server, requests) = answering_once().await;
    let dss = dss(&server.url);
    dss.groups().await.unwrap();
    assert_eq!(dss.groups().await.unwrap_err().kind, ErrorKind::Lost);
    assert_eq!(requests.load(Ordering::SeqCst), 3);
    assert_eq!(failure(&dss).await.kind, ErrorKind::Lost);
    assert_eq!(requests.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_write_is_sent_once_even_when_a_reused_connection_is_lost() {
    let (server, requests) = answering_once().await;
    let dss = dss(&server.url);
    dss.groups().await.unwrap();
    for sent in 2..5 {
        let error = dss.create_group(permit(), "analysts", None, "LOCAL").await.unwrap_err();
        assert!(error.is_ambiguous());
        assert_eq!(requests.load(Ordering::SeqCst), sent);
    }
}

#[tokio::test]
async fn a_connection_dropped_within_the_answer_is_ambiguous_and_keeps_the_status() {
    let server = raw(|mut stream| async move {
        read_request(&mut stream).await?;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"login\":")
            .await
    })
    .await;
    let error = failure(&dss(&server.url)).await;
    assert_eq!((error.kind, error.status), (ErrorKind::Lost, Some(200)));
    assert!(error.is_ambiguous());
}

#[tokio::test]
async fn an_answer_that_drips_is_cut_by_the_deadline_of_the_call() {
    let server = raw(|mut stream| async move {
        read_request(&mut stream).await?;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            .await?;
        loop {
            stream.write_all(b" ").await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let error = failure(&hasty(&server.url)).await;
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.is_ambiguous());
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    let server = raw(|mut stream| async move {
        read_request(&mut stream).await?;
        tokio::time::sleep(Duration::from_mins(1)).await;
        Ok(())
    })
    .await;
    let error = failure(&hasty(&server.url)).await;
    assert_eq!(error.to_string(), "GET /admin/users/{login}: no answer in time");
}

#[tokio::test]
async fn an_endless_answer_is_cut_at_the_limit() {
    let server = raw(|mut stream| async move {
        read_request(&mut stream).await?;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await?;
        let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
        loop {
            stream.write_all(&chunk).await?;
        }
    })
    .await;
    let error = failure(&dss(&server.url)).await;
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::TooLarge, "more than 4 MiB")
    );
}

#[tokio::test]
async fn an_announced_length_beyond_the_limit_is_not_even_begun() {
    let server = raw(|mut stream| async move {
        read_request(&mut stream).await?;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n")
            .await?;
        tokio::time::sleep(Duration::from_mins(1)).await;
        Ok(())
    })
    .await;
    assert_eq!(failure(&dss(&server.url)).await.kind, ErrorKind::TooLarge);
    let error = dss(&server.url).users(false, std::convert::identity).await.unwrap_err();
    assert_eq!(error.message, "more than 64 MiB");
}

#[tokio::test]
async fn an_endless_error_body_still_gives_its_status() {
    let server = raw(|mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await?;
        loop {
            stream.write_all(&[b'x'; 4096]).await?;
        }
    })
    .await;
    let error = failure(&dss(&server.url)).await;
    assert_eq!((error.kind, error.status), (ErrorKind::Forbidden, Some(403)));
    assert!(error.message.len() <= 1024);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_stays_here() {
    let elsewhere = always(ResponseTemplate::new(200).set_body_string("{}")).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = ResponseTemplate::new(status).insert_header("Location", format!("{}/login", elsewhere.uri()));
        let server = always(answer).await;
        let error = failure(&dss(&server.uri())).await;
        assert_eq!((error.kind, error.status), (ErrorKind::NotJson, Some(status)));
        assert_eq!(error.message, "the answer is a redirect, which is not followed");
        assert!(
            dss(&server.uri())
                .create_group(permit(), "analysts", None, "LOCAL")
                .await
                .is_err()
        );
    }
    assert_eq!(requests(&elsewhere).await, 0);
}

#[tokio::test]
async fn the_key_goes_as_basic_user_with_an_empty_password_and_nowhere_else() {
    let server: MockServer = always(ResponseTemplate::new(200).set_body_string("[]")).await;
    dss(&server.uri()).groups().await.unwrap();
    let received = server.received_requests().await.unwrap();
    let headers = &received[0].headers;
    assert_eq!(headers["authorization"], "Basic Y2FuYXJ5LWtleS01ZjFlOg==");
    assert!(!received[0].url.as_str().contains(KEY));
    assert!(headers.get("accept-encoding").is_none(), "an answer is never packed");
    assert!(headers["user-agent"].to_str().unwrap().starts_with("dataiku-operator/"));
}
