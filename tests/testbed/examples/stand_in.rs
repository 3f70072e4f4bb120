//! A program with the command line of the operator, which the tests of this crate run in its place.
//!
//! It is ready once it may list Widgets in its namespace, counts them at `/metrics`, tries one write it has no right
//! to, and ends with exit code 0 on SIGTERM.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let namespace = argument("--watch-namespace");
    let client = kube::Client::try_default().await?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("example.org", "v1", "Widget"));
    let widgets: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);

    let count = {
        let widgets = widgets.clone();
        async move || {
            Ok::<_, String>(
                widgets
                    .list(&ListParams::default())
                    .await
                    .map_err(|e| e.to_string())?
                    .items
                    .len(),
            )
        }
    };
    let readyz = {
        let count = count.clone();
        async move || {
            count().await.map_or_else(
                |e| (StatusCode::SERVICE_UNAVAILABLE, e),
                |_| (StatusCode::OK, String::new()),
            )
        }
    };
    let metrics = async move || format!("widgets{{kind=\"Widget\"}} {}\n", count().await.unwrap_or_default());
    let router = Router::new()
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics));
    let listener = tokio::net::TcpListener::bind(argument("--metrics-address")).await?;

    let secrets: Api<Secret> = Api::namespaced(client, &namespace);
    let refused = secrets.create(&PostParams::default(), &Secret::default()).await;
    let forbidden = matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403);
    log(&format!(
        "started in {}, forbidden: {forbidden}",
        std::env::var("POD_NAMESPACE")?
    ));

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = axum::serve(listener, router) => ended?,
        _ = terminate.recv() => log("stopped"),
    }
    Ok(())
}

fn argument(name: &str) -> String {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().unwrap_or_else(|| panic!("{name} is missing"))
}

fn log(message: &str) {
    eprintln!("{}", serde_json::json!({ "message": message }));
}
