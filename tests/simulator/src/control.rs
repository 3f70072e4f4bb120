//! The control port: everything that a handle can do, over HTTP with JSON, on 127.0.0.1 and without a credential.

use std::net::Ipv4Addr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::config::InstanceConfig;
use crate::fault::Rule;
use crate::instance::Running;
use crate::{Core, edit, service};

/// The control port at work; dropping it closes it.
pub(crate) struct Control {
    /// Where it listens.
    pub url: String,
    task: AbortHandle,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Binds the control port; a free one for 0.
pub(crate) async fn bind(port: u16) -> anyhow::Result<TcpListener> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?)
}

/// Serves it. The routes know the simulator weakly, so that they do not keep it alive.
pub(crate) fn serve(socket: TcpListener, port: u16, core: Weak<Core>) -> Control {
    let app = routes().with_state(core);
    let task = tokio::spawn(async move {
        // It ends by being aborted.
        let _ = axum::serve(socket, app).await;
    });
    Control {
        url: format!("http://127.0.0.1:{port}"),
        task: task.abort_handle(),
    }
}

fn routes() -> Router<Weak<Core>> {
    Router::new()
        .route("/instances", get(list).post(create))
        .route("/instances/{id}", get(describe).delete(stop))
        .route("/instances/{id}/requests", get(requests).delete(reset_requests))
        .route("/instances/{id}/state", get(state).patch(patch_state))
        .route("/instances/{id}/switches", get(switches).patch(patch_switches))
        .route(
            "/instances/{id}/faults",
            get(faults).post(add_fault).delete(clear_faults),
        )
        .route("/instances/{id}/faults/{fault}", delete(remove_fault))
        .route("/instances/{id}/clock", post(clock))
        .route("/instances/{id}/{action}", post(act))
}

type Answer = Result<Response, Problem>;
type Simulated = State<Weak<Core>>;

/// A refusal with its reason.
struct Problem(StatusCode, String);

impl Problem {
    #[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
    fn unprocessable(reason: impl ToString) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, reason.to_string())
    }

    fn absent(what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("there is no {what}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

fn core(core: &Weak<Core>) -> Result<Arc<Core>, Problem> {
    core.upgrade()
        .ok_or_else(|| Problem(StatusCode::GONE, "the simulator is gone".to_owned()))
}

fn running(weak: &Weak<Core>, id: &str) -> Result<Arc<Running>, Problem> {
    core(weak)?.find(id).ok_or_else(|| Problem::absent(id))
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(Problem::unprocessable)
}

fn ok(value: &Value) -> Answer {
    Ok(Json(value).into_response())
}

async fn list(State(weak): Simulated) -> Answer {
    ok(&core(&weak)?.all().iter().map(|running| running.describe()).collect())
}

async fn create(State(weak): Simulated, body: Bytes) -> Answer {
    let config: InstanceConfig = parse(&body)?;
    let running = core(&weak)?.start(config).await.map_err(Problem::unprocessable)?;
    Ok((StatusCode::CREATED, Json(running.describe())).into_response())
}

async fn describe(State(weak): Simulated, Path(id): Path<String>) -> Answer {
    ok(&running(&weak, &id)?.describe())
}

async fn stop(State(weak): Simulated, Path(id): Path<String>) -> Answer {
    core(&weak)?.remove(&id).ok_or_else(|| Problem::absent(&id))?.stop();
    ok(&json!({}))
}

#[derive(Deserialize)]
struct Detail {
    log: Option<bool>,
}

async fn requests(State(weak): Simulated, Path(id): Path<String>, Query(detail): Query<Detail>) -> Answer {
    let with_log = detail.log.unwrap_or(true);
    let requests = running(&weak, &id)?.shared.lock().log.requests(with_log);
    let mut shown = serde_json::to_value(requests).map_err(Problem::unprocessable)?;
    if !with_log && let Some(shown) = shown.as_object_mut() {
        shown.remove("log");
    }
    ok(&shown)
}

async fn reset_requests(State(weak): Simulated, Path(id): Path<String>) -> Answer {
    running(&weak, &id)?.shared.lock().log.reset();
    ok(&json!({}))
}

#[derive(Deserialize)]
struct Place {
    at: Option<String>,
}

async fn state(State(weak): Simulated, Path(id): Path<String>, Query(place): Query<Place>) -> Answer {
    let running = running(&weak, &id)?;
    let shared = &running.shared;
    let inside = shared.lock();
    match place.at.filter(|at| !at.is_empty()) {
        None => ok(&service::shown(shared.api, &inside.world)),
        Some(at) => match service::shown_at(shared.api, &inside.world, &at) {
            Some(part) => ok(&part),
            None => Err(Problem::absent(&at)),
        },
    }
}

async fn patch_state(State(weak): Simulated, Path(id): Path<String>, body: Bytes) -> Answer {
    let patch: Value = parse(&body)?;
    let running = running(&weak, &id)?;
    edit::apply(running.shared.api, &mut running.shared.lock().world, &patch).map_err(Problem::unprocessable)?;
    ok(&json!({}))
}

async fn switches(State(weak): Simulated, Path(id): Path<String>) -> Answer {
    ok(&running(&weak, &id)?.shared.lock().world.switches.all())
}

async fn patch_switches(State(weak): Simulated, Path(id): Path<String>, body: Bytes) -> Answer {
    let changes: Map<String, Value> = parse(&body)?;
    let running = running(&weak, &id)?;
    let mut inside = running.shared.lock();
    let mut switches = inside.world.switches.clone();
    for (name, value) in changes {
        switches.set(&name, value).map_err(Problem::unprocessable)?;
    }
    inside.world.switches = switches;
    ok(&inside.world.switches.all())
}

async fn faults(State(weak): Simulated, Path(id): Path<String>) -> Answer {
    ok(&running(&weak, &id)?.shared.lock().faults.list())
}

async fn add_fault(State(weak): Simulated, Path(id): Path<String>, body: Bytes) -> Answer {
    let rule: Rule = parse(&body)?;
    let fault = running(&weak, &id)?.shared.lock().faults.add(rule);
    Ok((StatusCode::CREATED, Json(json!({"id": fault}))).into_response())
}

async fn clear_faults(State(weak): Simulated, Path(id): Path<String>) -> Answer {
    running(&weak, &id)?.shared.lock().faults.clear();
    ok(&json!({}))
}

async fn remove_fault(State(weak): Simulated, Path((id, fault)): Path<(String, u64)>) -> Answer {
    if running(&weak, &id)?.shared.lock().faults.remove(fault) {
        ok(&json!({}))
    } else {
        Err(Problem::absent(&format!("fault {fault}")))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_millis: u64,
}

async fn clock(State(weak): Simulated, Path(id): Path<String>, body: Bytes) -> Answer {
    let advance: Advance = parse(&body)?;
    let running = running(&weak, &id)?;
    let mut inside = running.shared.lock();
    inside
        .world
        .clock
        .advance(Duration::from_millis(advance.advance_millis));
    ok(&json!({"now": inside.world.clock.millis()}))
}

/// What people and directories do outside of the API, by name: `acceptInvite`, `resync`.
async fn act(State(weak): Simulated, Path((id, action)): Path<(String, String)>, body: Bytes) -> Answer {
    let asked: Value = if body.is_empty() { json!({}) } else { parse(&body)? };
    let running = running(&weak, &id)?;
    let mut inside = running.shared.lock();
    let result = running.shared.api.act(&mut inside.world, &action, &asked);
    ok(&result.map_err(Problem::unprocessable)?)
}
