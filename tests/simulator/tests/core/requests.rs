//! Counts and the log, and how long servers live.

use simulator::{InstanceConfig, Product, Seed, Simulator};

use crate::client::{create, dss, get};

#[tokio::test]
async fn calls_are_counted_by_operation_and_no_secret_is_logged() {
    let dss = dss().await;
    create(&dss, "jane").send().await.unwrap();
    get(&dss, "/admin/users?includeSettings=true").send().await.unwrap();
    let requests = dss.requests();
    assert_eq!(requests.counts, [("D1".to_owned(), 1), ("D2".to_owned(), 1)].into());
    let entry = &requests.log[1];
    assert_eq!(
        (entry.method.as_str(), entry.path.as_str(), entry.status),
        ("GET", "/public/api/admin/users", 200)
    );
    assert_eq!((entry.query.as_str(), entry.seq), ("includeSettings=true", 2));
    let text = serde_json::to_string(&requests).unwrap();
    assert!(!text.contains("s3cret!") && !text.contains(dss.api_key()));
    dss.reset_requests();
    assert_eq!(dss.requests().total, 0);
}

#[tokio::test]
async fn the_most_calls_at_one_time_are_counted_and_each_has_its_time() {
    let dss = dss().await;
    let began = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    get(&dss, "/users").send().await.unwrap();
    get(&dss, "/users").send().await.unwrap();
    assert_eq!(dss.requests().peak, 1, "one after the other");
    let rule = serde_json::json!({"times": 0, "fault": {"kind": "latency", "millis": 300}});
    dss.fault(rule);
    let calls = [(); 3].map(|()| get(&dss, "/users").send());
    for call in futures::future::join_all(calls).await {
        call.unwrap();
    }
    let requests = dss.requests();
    assert_eq!(requests.peak, 3);
    let times: Vec<u64> = requests.log.iter().map(|entry| entry.at).collect();
    assert!(
        times.is_sorted() && u128::from(times[0]) >= began.as_millis(),
        "{times:?}"
    );

    let impatient = get(&dss, "/users").timeout(std::time::Duration::from_millis(20));
    assert!(impatient.send().await.is_err());
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    dss.reset_requests();
    dss.clear_faults();
    get(&dss, "/users").send().await.unwrap();
    assert_eq!(dss.requests().peak, 1, "a client that left is no longer there");
}

#[tokio::test]
async fn instances_share_nothing() {
    let simulator = Simulator::start().await.unwrap();
    let first = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
    let second = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
    create(&first, "jane").send().await.unwrap();
    assert_eq!((first.id(), second.id()), ("dss-1", "dss-2"));
    assert_eq!((second.state_at("/users/jane"), second.requests().total), (None, 0));
    assert_ne!(first.api_key(), second.api_key());
}

#[tokio::test]
async fn the_last_handle_stops_the_servers() {
    let simulator = Simulator::start().await.unwrap();
    let dss = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
    let control = simulator.control_url().to_owned();
    drop(simulator);
    assert!(
        get(&dss, "/users").send().await.is_ok(),
        "an instance keeps its simulator"
    );
    let later = get(&dss, "/users");
    drop(dss);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(later.send().await.unwrap_err().is_connect());
    assert!(
        reqwest::get(format!("{control}/instances"))
            .await
            .unwrap_err()
            .is_connect()
    );
}

#[tokio::test]
async fn a_seed_spreads_users_over_groups() {
    let simulator = Simulator::start().await.unwrap();
    let config = InstanceConfig::new(Product::Dss).seed(Seed { users: 20, groups: 3 });
    let dss = simulator.instance(config).await.unwrap();
    let users: Vec<serde_json::Value> = get(&dss, "/admin/users").send().await.unwrap().json().await.unwrap();
    assert_eq!(users.len(), 21);
    let groups: std::collections::HashSet<_> = users.iter().map(|user| user["groups"][0].to_string()).collect();
    assert_eq!(groups.len(), 4);
    for user in users {
        let group = user["groups"][0].as_str().unwrap().to_owned();
        assert!(dss.state_at(&format!("/groups/{group}")).is_some(), "{group}");
    }
}
