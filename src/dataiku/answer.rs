//! Reads what came back: the body up to its limit, then a value, or what the failure means.

use std::time::{Duration, SystemTime};

use reqwest::{Response, StatusCode, header};
use serde::de::DeserializeOwned;

use super::{
    address::Refused,
    body::{Body, BodyLimit, ERROR_BYTES, in_time, size},
    call::{Effect, OperationSpec},
    document::expectation,
    elements::{Broken, Elements, Progress},
    error::ErrorKind,
    gate::{Closed, bounded_hold},
    http::{cause, chain},
    list_memory::{Exhausted, Kept, Reading},
    memory::Share,
    product::{Author, Product, RemoteError},
    shape::{self, ShapeLimit},
};

const HTML: &str = "the answer is an HTML page";

/// An answer whose status says success, or that tells the outcome of each of many writes.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    html: bool,
    body: Body,
    shape: &'static ShapeLimit,
}

/// A failure before its message was judged: it may still hold secrets.
pub(super) struct Fault {
    pub(super) kind: ErrorKind,
    pub(super) status: Option<StatusCode>,
    pub(super) message: String,
    /// Whether the message has anything of the remote side in it.
    pub(super) remote: bool,
    pub(super) retry_after: Option<Duration>,
    /// Whether the product itself says so, and not something before it.
    pub(super) own_words: bool,
    /// Whether it says nothing about the remote side.
    pub(super) ours: bool,
}

impl Fault {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            message: message.into(),
            remote: false,
            retry_after: None,
            own_words: false,
            ours: false,
        }
    }

    /// A failure of which the remote side is innocent.
    pub(super) fn ours(kind: ErrorKind, message: &str) -> Self {
        Self {
            ours: true,
            ..Self::new(kind, message)
        }
    }

    /// With words of the remote side.
    fn quoting(kind: ErrorKind, message: String) -> Self {
        Self {
            remote: true,
            ..Self::new(kind, message)
        }
    }

    fn at(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }
}

impl From<Closed> for Fault {
    fn from(closed: Closed) -> Self {
        let (kind, wait) = match closed {
            Closed::Held(wait) => (ErrorKind::RateLimited, wait),
            Closed::Open(wait) => (ErrorKind::CircuitOpen, wait),
        };
        Self {
            retry_after: Some(bounded_hold(wait)),
            ..Self::new(kind, "")
        }
    }
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::TooLarge(excess) => Self::new(ErrorKind::TooLarge, excess),
            Broken::Malformed(place) => Self::quoting(ErrorKind::Malformed, place),
        }
    }
}

impl From<Exhausted> for Fault {
    fn from(exhausted: Exhausted) -> Self {
        match exhausted {
            Exhausted::TooMuch(bytes) => {
                let message = format!("it takes more than {} of memory once it is decoded", size(bytes));
                Self::ours(ErrorKind::TooLarge, &message)
            }
            Exhausted::GaveWay => Self::ours(ErrorKind::NoMemory, "it gave way to a list that was asked for earlier"),
        }
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        if let Some(refused) = chain(&error).find_map(|cause| cause.downcast_ref::<Refused>()) {
            return Self::new(ErrorKind::BadAddress, refused.to_string());
        }
        let kind = if error.is_connect() {
            ErrorKind::Unreachable
        } else if error.is_timeout() {
            return Self::new(ErrorKind::Timeout, "");
        } else if error.is_builder() {
            ErrorKind::BadAddress
        } else {
            ErrorKind::Lost
        };
        Self::quoting(kind, cause(&error))
    }
}

/// Reads the answer to its end. A status that is no success is a fault.
pub(super) async fn receive(
    mut response: Response,
    operation: OperationSpec,
    memory: &Share,
    limit: BodyLimit,
) -> Result<Answer, Fault> {
    let status = response.status();
    let content_type = content_type(&response);
    let html = content_type.contains("html");
    let told = operation.effect == Effect::WritesMany && may_tell(status) && content_type.contains("json");
    if !status.is_success() && !told {
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| parse_retry_after(value, SystemTime::now()));
        let body = Body::beginning(&mut response, memory, limit.deadline).await;
        let body = body.map_err(|fault| fault.at(status))?;
        let mut fault = refusal(operation.product, status, &content_type, body.bytes());
        fault.retry_after = retry_after;
        return Err(fault);
    }
    let body = Body::whole(&mut response, memory, limit)
        .await
        .map_err(|fault| fault.at(status))?;
    if !status.is_success() && body.bytes().trim_ascii_start().first() != Some(&b'[') {
        return Err(refusal(operation.product, status, &content_type, body.bytes()));
    }
    Ok(Answer {
        status,
        html: html || looks_like_html(body.bytes()),
        body,
        shape: match operation.effect {
            Effect::ReadsList => &shape::LIST,
            Effect::ReadsObject | Effect::Writes | Effect::WritesMany => &shape::OBJECT,
        },
    })
}

/// Reads a list and hands each element to `take` as soon as it arrived. Where the call fails half-way, what was handed on is
/// to be dropped.
pub(super) async fn receive_list<T: DeserializeOwned>(
    mut response: Response,
    operation: OperationSpec,
    memory: &Share,
    limit: BodyLimit,
    reading: &mut Reading,
    mut take: impl FnMut(T) -> Kept + Send,
) -> Result<StatusCode, Fault> {
    let status = response.status();
    let at = |fault: Fault| fault.at(status);
    if !status.is_success() || content_type(&response).contains("html") {
        return Err(match receive(response, operation, memory, limit).await {
            Ok(answer) => no_list::<T>(&answer),
            Err(fault) => fault,
        });
    }
    let mut body = Body::open(&response, memory, limit).await.map_err(at)?;
    let mut elements = Elements::new(&shape::LIST);
    let mut is_list = false;
    loop {
        let more = tokio::select! {
            biased;
            () = reading.gives_way() => return Err(at(Exhausted::GaveWay.into())),
            more = body.more(&mut response, limit) => more.map_err(at)?,
        };
        if !more {
            break;
        }
        if !is_list {
            match body.bytes().trim_ascii_start().first() {
                None => {
                    body.remove(body.bytes().len());
                    continue;
                }
                Some(b'[') => is_list = true,
                Some(_) => break,
            }
        }
        let read = loop {
            match elements.read(body.bytes(), &mut reading.credit, &mut take) {
                Ok(Progress::Read(read)) => break read,
                Ok(Progress::Needs(bytes)) => {
                    let covered = in_time(reading.cover(bytes), limit).await.map_err(at)?;
                    covered.map_err(|exhausted| at(exhausted.into()))?;
                }
                Err(broken) => return Err(at(broken.into())),
            }
        };
        body.remove(read);
    }
    if is_list {
        elements.end().map_err(|broken| at(broken.into()))?;
        return Ok(status);
    }
    // Its beginning shows what it is instead.
    let beginning = BodyLimit {
        bytes: ERROR_BYTES,
        ..limit
    };
    body.read_on(&mut response, beginning).await;
    Err(no_list::<T>(&Answer {
        status,
        html: looks_like_html(body.bytes()),
        body,
        shape: &shape::LIST,
    }))
}

/// What a successful answer is that is no list.
fn no_list<T: DeserializeOwned>(answer: &Answer) -> Fault {
    match answer.json::<Vec<T>>() {
        Err(fault) => fault,
        Ok(_) => Fault::new(ErrorKind::NotJson, "the answer is not a list").at(answer.status),
    }
}

fn content_type(response: &Response) -> String {
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    content_type.unwrap_or_default().to_ascii_lowercase()
}

/// Whether an answer of this status may tell the outcome of each of many writes (contract sheet, A6). Others are about the
/// call as a whole.
fn may_tell(status: StatusCode) -> bool {
    let whole = matches!(status.as_u16(), 401 | 403 | 404 | 405 | 413 | 429 | 502..=504);
    (status.is_client_error() || status.is_server_error()) && !whole
}

/// What a status of 300 or more means.
fn refusal(product: &Product, status: StatusCode, content_type: &str, body: &[u8]) -> Fault {
    let remote = (product.read_error)(body);
    let blank = body.iter().all(u8::is_ascii_whitespace);
    let kind = kind(status, remote.as_ref(), blank);
    let own_words = remote.as_ref().is_some_and(|remote| remote.author == Author::Product);
    let fault = match remote {
        _ if status.is_redirection() => Fault::new(kind, "the answer is a redirect, which is not followed"),
        Some(remote) if remote.author != Author::Anybody => Fault::quoting(kind, remote.message),
        _ if content_type.contains("html") || looks_like_html(body) => Fault::new(kind, HTML),
        _ if blank => Fault::new(kind, ""),
        _ => Fault::quoting(kind, foreign(product, content_type, body)),
    };
    Fault {
        own_words,
        ..fault.at(status)
    }
}

/// Describes a body that is not in the product's error format, without quoting it.
fn foreign(product: &Product, content_type: &str, body: &[u8]) -> String {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/+.-_".contains(c);
    let essence = match essence {
        "" => "no content type".to_owned(),
        essence if essence.len() <= 64 && essence.chars().all(is_plain) => format!("content type {essence}"),
        _ => "unreadable content type".to_owned(),
    };
    let length = match body.len() {
        ERROR_BYTES.. => format!("at least {}", size(ERROR_BYTES)),
        length => format!("{length} bytes"),
    };
    format!("the answer is not an error of {} ({essence}, {length})", product.title)
}

fn kind(status: StatusCode, remote: Option<&RemoteError>, blank: bool) -> ErrorKind {
    match status {
        _ if status.is_redirection() => ErrorKind::NotJson,
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
        StatusCode::FORBIDDEN => ErrorKind::Forbidden,
        _ if remote.is_some_and(|remote| remote.not_found) => ErrorKind::NotFound,
        _ if remote.is_some_and(|remote| remote.already_exists) => ErrorKind::AlreadyExists,
        // "404 page not found" of an ingress says nothing about the object: taken for absence it would let go of an
        // object that is still there.
        StatusCode::NOT_FOUND if remote.is_some() || blank => ErrorKind::NotFound,
        StatusCode::NOT_FOUND => ErrorKind::NotJson,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
        _ if status.is_server_error() => ErrorKind::Unavailable,
        _ => ErrorKind::Rejected,
    }
}

impl Answer {
    /// The body as a value.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        self.refuse_html()?;
        let body: &[u8] = if self.status == StatusCode::NO_CONTENT {
            b"{}"
        } else {
            self.body.bytes()
        };
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        let Some(first) = first else {
            return Err(Fault::new(ErrorKind::NotJson, "the answer is empty").at(self.status));
        };
        if let Some(excess) = self.shape.exceeded(body) {
            return Err(Fault::new(ErrorKind::TooLarge, excess).at(self.status));
        }
        serde_json::from_slice(body).map_err(|error| {
            let fault = if !error.is_data() && !matches!(first, b'{' | b'[') {
                Fault::new(ErrorKind::NotJson, "the answer is not JSON")
            } else {
                Fault::quoting(ErrorKind::Malformed, complaint::<T>(body))
            };
            fault.at(self.status)
        })
    }

    /// That it was done. The product may send any text; only a page of something before it is not an answer.
    pub(super) fn done(&self) -> Result<(), Fault> {
        self.refuse_html()
    }

    fn refuse_html(&self) -> Result<(), Fault> {
        if self.html {
            return Err(Fault::new(ErrorKind::NotJson, HTML).at(self.status));
        }
        Ok(())
    }
}

/// Where the body is not a `T`. Reads it a second time: telling the path costs too much to do it for good answers.
fn complaint<T: DeserializeOwned>(body: &[u8]) -> String {
    let deserializer = &mut serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(deserializer) {
        Err(error) => format!("at {}: {}", error.path(), expectation(error.inner())),
        Ok(_) => "more than one JSON value".to_owned(),
    }
}

fn looks_like_html(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

/// `Retry-After` in seconds or as a date, within bounds. `None` for what is neither.
fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(value)
            .ok()?
            .duration_since(now)
            .unwrap_or_default()
    };
    Some(bounded_hold(wait))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::parse_retry_after;

    #[test]
    fn retry_after_is_read_as_seconds_or_date_and_bounded() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        let seconds = |value| parse_retry_after(value, now).map(|wait| wait.as_secs());
        for (value, expected) in [
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("0", Some(1)),
            ("999999", Some(300)),
            ("99999999999999999999999999", Some(300)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 07:00:00 GMT", Some(1)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(300)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(seconds(value), expected, "{value}");
        }
    }
}
