//! How an answer leaves: whole, cut, trickling or without end.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use serde_json::Value;

use crate::answer::Answer;
use crate::fault::{Fault, Page};
use crate::merge_patch;

/// The body of every response.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The reason a connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut without an answer")]
pub(crate) struct Cut;

/// Turns an answer into a response, spoiled by the faults of the call.
pub(crate) fn response(answer: Answer, faults: &[Fault]) -> Result<Response<Body>, Cut> {
    let mut response = Response::builder().status(answer.status);
    if let Some(content_type) = answer.content_type {
        response = response.header("Content-Type", content_type);
    }
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    // A header that a test made up may be no header at all; then there is nothing sensible to answer.
    response.body(body(answer.body, faults)).map_err(|_| Cut)
}

fn body(bytes: Bytes, faults: &[Fault]) -> Body {
    for fault in faults {
        match fault {
            Fault::Truncate => return whole(bytes.slice(..bytes.len() / 2)),
            Fault::SlowDrip { bytes_per_second } => return drip(bytes, *bytes_per_second),
            Fault::Endless => return endless(),
            _ => {}
        }
    }
    whole(bytes)
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).boxed_unsync()
}

fn drip(bytes: Bytes, bytes_per_second: u64) -> Body {
    let pause = Duration::from_secs(1).div_f64(f64::from(u32::try_from(bytes_per_second.max(1)).unwrap_or(u32::MAX)));
    let trickle = stream::unfold((bytes, pause), |(mut rest, pause)| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let next = rest.split_to(1);
        Some((Ok(Frame::data(next)), (rest, pause)))
    });
    StreamBody::new(trickle).boxed_unsync()
}

fn endless() -> Body {
    // A list that goes on: valid JSON so far, at every moment. The pause keeps a test machine alive.
    let chunk = Bytes::from("{},".repeat(4096));
    let more = stream::unfold(Some(Bytes::from_static(b"[")), move |head| {
        let chunk = chunk.clone();
        async move {
            let next = if let Some(head) = head {
                head
            } else {
                tokio::time::sleep(Duration::from_millis(1)).await;
                chunk
            };
            Some((Ok(Frame::data(next)), None))
        }
    });
    StreamBody::new(more).boxed_unsync()
}

/// The answer to a call that was handled, with the elements of a list changed by the faults of the call.
pub(crate) fn changed(answer: Answer, faults: &[Fault]) -> Answer {
    let change = |answer: Answer, fault: &Fault| {
        let Fault::Elements { each, append } = fault else {
            return answer;
        };
        let Ok(Value::Array(mut elements)) = serde_json::from_slice(&answer.body) else {
            return answer;
        };
        if let Some(patch) = each {
            for element in &mut elements {
                merge_patch::apply(element, patch);
            }
        }
        elements.extend(append.iter().cloned());
        Answer {
            headers: answer.headers,
            ..Answer::status(answer.status, &elements)
        }
    };
    faults.iter().fold(answer, change)
}

/// The page of an HTML fault.
pub(crate) fn page(page: Page, status: u16) -> Answer {
    let text = match page {
        Page::Login => {
            "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form method=\"post\">\
             <input name=\"login\"><input name=\"password\" type=\"password\"></form></body></html>"
        }
        Page::Error => {
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
             <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
        }
    };
    Answer {
        status,
        content_type: Some("text/html"),
        body: Bytes::from_static(text.as_bytes()),
        headers: Vec::new(),
    }
}
