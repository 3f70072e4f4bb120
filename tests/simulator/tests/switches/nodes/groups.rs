//! Groups and the matrix of what they grant.

use serde_json::{Value, json};
use simulator::Instance;

use super::USERS;
use crate::client::{delete, get, jane, post};

answers! { dss, govern: {
    "A19" the_name_of_a_deleted_group { "dangling" => ["readers"], "removed" => [] }
    "A20" the_column_of_administrators { "present" => [[true], true], "absent" => [null, false] }
} }

async fn the_name_of_a_deleted_group(node: &Instance) -> Value {
    post(node, USERS, jane()).await;
    assert_eq!(delete(node, "/admin/groups/readers").await.0, 200);
    get(node, "/admin/users/jane").await.1["groups"].clone()
}

async fn the_column_of_administrators(node: &Instance) -> Value {
    let (_, matrix) = get(node, "/admin/authorization-matrix").await;
    json!([matrix["perUser"]["admin"], matrix["perGroup"]["admin"].is_array()])
}
