//! The switches that DSS and Govern share, on both.

use reqwest::Method;
use serde_json::Value;
use simulator::Instance;

pub mod accounts;
pub mod groups;
pub mod keys;
pub mod refusals;
pub mod releases;
pub mod tasks;

const BULK: &str = "/admin/users/actions/bulk";
const GROUPS: &str = "/admin/groups/";
const KEYS: &str = "/admin/global-api-keys/";
const RESYNC: &str = "/admin/users/actions/resync-multi";
const USERS: &str = "/admin/users/";

/// One call as a user, by impersonation: the status.
async fn as_user(node: &Instance, login: &str, method: Method, path: &str) -> u16 {
    let url = format!("{}/dip/publicapi{path}", node.url());
    let request = reqwest::Client::new()
        .request(method, url)
        .basic_auth(node.api_key(), Some(""))
        .header("X-DKU-ProxyUser", login);
    request.send().await.unwrap().status().as_u16()
}

/// The path of a key that was just created.
fn key_path(created: &Value) -> String {
    format!("{KEYS}{}", created["id"].as_str().unwrap())
}
