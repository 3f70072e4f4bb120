//! From a request to its answer, through whatever disturbs it.

use std::{
    convert::Infallible,
    io::{self, ErrorKind},
    sync::Arc,
};

use bytes::Bytes;
use futures::stream::BoxStream;
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt, Either, Full, StreamBody, combinators::MapErr};
use kube::{Client, client::Body};
use tokio::sync::oneshot;
use tower::BoxError;

use crate::{
    call::Call,
    faults::Action,
    log::Request,
    rejection::Rejection,
    requests,
    shared::{Shared, State},
};

/// The frames of a watch.
pub(crate) type Frames = BoxStream<'static, io::Result<Frame<Bytes>>>;
type Whole = MapErr<Full<Bytes>, fn(Infallible) -> io::Error>;
/// What an apiserver answers.
pub(crate) type Response = http::Response<Either<Whole, StreamBody<Frames>>>;

/// A client of this server.
pub(crate) fn client(shared: &Arc<Shared>) -> Client {
    let shared = shared.clone();
    let service = tower::service_fn(move |request| serve(shared.clone(), request));
    Client::new(service, "default")
}

/// An answer with a body that is complete.
pub(crate) fn respond(code: u16, content_type: &'static str, body: Vec<u8>) -> Response {
    let never: fn(Infallible) -> io::Error = |never| match never {};
    let mut response = http::Response::new(Either::Left(Full::from(body).map_err(never)));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = http::HeaderValue::from_static(content_type);
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    response
}

async fn serve(shared: Arc<Shared>, request: http::Request<Body>) -> Result<Response, BoxError> {
    let call = Call::read(request).await?;
    let (answer, answered) = oneshot::channel();
    // In a task of its own, because a request that was sent is carried out even where the caller no longer waits.
    tokio::spawn(async move {
        let _ = answer.send(carry_out(&shared, &call).await);
    });
    Ok(answered.await.unwrap_or_else(|_| Err(broken()))?)
}

async fn carry_out(shared: &Arc<Shared>, call: &Call) -> io::Result<Response> {
    let (number, disturbed) = arrive(&mut shared.lock(), call)?;
    if disturbed.is_some() {
        // Somebody may wait until a fault has struck.
        shared.change(|_| ());
    }
    let (rule, action) = disturbed.unzip();
    match &action {
        Some(Action::Status(code, reason)) => {
            let refused = Rejection::new(*code, reason.clone(), "a fault was set for this request");
            return Ok(note(shared, number, requests::refuse(&refused)));
        }
        Some(Action::DropBefore) => return Err(broken()),
        Some(Action::Hang) => unless_outage(shared, std::future::pending()).await?,
        Some(Action::Delay(time)) => unless_outage(shared, tokio::time::sleep(*time)).await?,
        Some(Action::Hold) => {
            let is_over = |state: &mut State| !rule.is_some_and(|rule| state.faults.contains(rule));
            unless_outage(shared, shared.until(|state| is_over(state).then_some(()))).await?;
        }
        Some(Action::DelayAnswer(_) | Action::DropAfterCommit) | None => {}
    }
    let (response, changed) = shared.carry_out(|state| requests::answer(shared, state, call));
    if changed {
        edit_log(shared, number, |request| request.changed = true);
    }
    match action {
        Some(Action::DropAfterCommit) => return Err(broken()),
        Some(Action::DelayAnswer(time)) => unless_outage(shared, tokio::time::sleep(time)).await?,
        _ => {}
    }
    Ok(note(shared, number, response))
}

/// Number of the request in the log, and the rule that disturbs it with what that does.
fn arrive(state: &mut State, call: &Call) -> io::Result<(u64, Option<(u64, Action)>)> {
    if state.outage {
        return Err(refused());
    }
    state.arrived += 1;
    state.renewals += u64::from(call.path.contains("/leases"));
    let request = Request::of(call, state.arrived);
    let disturbed = state.faults.pick(&request);
    state.log.push(request);
    Ok((state.arrived, disturbed))
}

fn note(shared: &Shared, number: u64, response: Response) -> Response {
    let status = response.status().as_u16();
    edit_log(shared, number, |request| request.status = Some(status));
    response
}

fn edit_log(shared: &Shared, number: u64, edit: impl FnOnce(&mut Request)) {
    let mut state = shared.lock();
    // The log may have been cleared since.
    if let Some(request) = state.log.iter_mut().rev().find(|request| request.number == number) {
        edit(request);
    }
}

async fn unless_outage(shared: &Shared, wait: impl Future<Output = ()>) -> io::Result<()> {
    tokio::select! {
        () = shared.until(|state| state.outage.then_some(())) => Err(broken()),
        () = wait => Ok(()),
    }
}

fn refused() -> io::Error {
    io::Error::new(
        ErrorKind::ConnectionRefused,
        "connection refused: the apiserver is down",
    )
}

/// A connection that was open and is no more.
pub(crate) fn broken() -> io::Error {
    io::Error::new(ErrorKind::ConnectionReset, "connection reset by the apiserver")
}
