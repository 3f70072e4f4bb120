//! Credentials and rights.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::json;
use simulator::Instance;

use crate::client::{call_as, dss, get, jane, post};

fn request(dss: &Instance, path: &str) -> RequestBuilder {
    Client::new().get(format!("{}{path}", dss.url()))
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_key_is_accepted_in_every_form() {
    let dss = dss().await;
    let path = "/public/api/admin/users";
    assert_eq!(
        status(request(&dss, path).basic_auth(dss.api_key(), Some(""))).await,
        200
    );
    assert_eq!(
        status(request(&dss, path).basic_auth("", Some(dss.api_key()))).await,
        200
    );
    assert_eq!(status(request(&dss, path).bearer_auth(dss.api_key())).await, 200);
    assert_eq!(
        status(request(&dss, path).basic_auth(dss.api_key(), Some("x"))).await,
        401
    );
    assert_eq!(status(request(&dss, path).bearer_auth("wrong")).await, 401);
    assert_eq!(status(request(&dss, path)).await, 401);
}

#[tokio::test]
async fn a_ticket_and_a_personal_key_are_their_user() {
    let dss = dss().await;
    post(&dss, "/admin/users", jane()).await;
    dss.patch_state(json!({"tickets": {"t1": {"login": "jane"}}})).unwrap();
    dss.patch_state(json!({"personalApiKeys": {"k": {"id": "k", "key": "secret", "user": "jane"}}}))
        .unwrap();
    let info = "/dip/publicapi/auth/info";
    assert_eq!(status(request(&dss, info).header("X-DKU-APITicket", "t1")).await, 200);
    let (_, answer) = call_as(&dss, "secret", Method::GET, "/auth/info", None).await;
    assert_eq!(answer["authIdentifier"], "jane");
    assert_eq!(call_as(&dss, "secret", Method::GET, "/admin/users", None).await.0, 403);
    dss.patch_state(json!({"users": {"jane": {"groups": ["administrators"]}}}))
        .unwrap();
    assert_eq!(call_as(&dss, "secret", Method::GET, "/admin/users", None).await.0, 200);
    dss.patch_state(json!({"users": {"jane": {"enabled": false}}})).unwrap();
    assert_eq!(call_as(&dss, "secret", Method::GET, "/auth/info", None).await.0, 401);
}

#[tokio::test]
async fn only_an_administrator_administers_and_impersonates() {
    let dss = dss().await;
    let key = dss.non_admin_api_key();
    let (code, answer) = call_as(&dss, key, Method::GET, "/admin/users", None).await;
    assert_eq!(code, 403);
    assert!(
        ["errorType", "message", "detailedMessage"]
            .iter()
            .all(|member| answer[member].is_string()),
        "{answer}"
    );
    let path = "/public/api/users";
    assert_eq!(
        status(
            request(&dss, path)
                .basic_auth(key, Some(""))
                .header("X-DKU-ProxyUser", "admin")
        )
        .await,
        403
    );
    let unknown = request(&dss, path)
        .basic_auth(dss.api_key(), Some(""))
        .header("X-DKU-ProxyUser", "nobody");
    assert_eq!(status(unknown).await, 400);
    assert_eq!(call_as(&dss, "wrong", Method::GET, "/admin/users", None).await.0, 401);
}

#[tokio::test]
async fn both_bases_slashes_and_encoded_segments_lead_to_the_same_place() {
    let dss = dss().await;
    dss.patch_state(json!({"users": {"a@b.c": {}}})).unwrap();
    for path in [
        "/public/api/admin/users/a@b.c",
        "/dip/publicapi//admin//users/a%40b.c/",
        "//public/api/admin/users/%61@b.c",
    ] {
        assert_eq!(
            status(request(&dss, path).basic_auth(dss.api_key(), Some(""))).await,
            200,
            "{path}"
        );
    }
    assert_eq!(dss.count("D3"), 3);
    assert_eq!(get(&dss, "/admin/nothing").await.0, 404);
    assert_eq!(
        call_as(&dss, dss.api_key(), Method::PATCH, "/admin/users", None)
            .await
            .0,
        405
    );
    assert_eq!(dss.count("unknown"), 2);
}

#[tokio::test]
async fn answers_name_the_release() {
    let dss = dss().await;
    let answer = request(&dss, "/public/api/instance-info")
        .bearer_auth(dss.api_key())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["DSS-Version"], "15.2.0");
    let info: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(
        (&info["nodeType"], &info["dssVersion"]),
        (&json!("DESIGN"), &json!("15.2.0"))
    );
}
