//! Objects and what the server adds to them.

use std::time::Duration;

use jiff::ToSpan;
use k8s_openapi::{
    ByteString,
    api::{
        coordination::v1::Lease,
        core::v1::{ConfigMap, Secret},
    },
};
use kube::{
    Api, ResourceExt,
    api::{ObjectMeta, PartialObjectMeta, PostParams},
};
use memory_apiserver::{MemoryApiserver, Registered};
use serde_json::json;

use crate::widget::{NAMESPACE, Widget, WidgetSpec, create, manifest, refusal, served, with_one};

#[tokio::test(start_paused = true)]
async fn a_new_object_has_a_uid_a_version_a_generation_and_the_time() {
    let (server, _, one) = with_one().await;
    assert_eq!(one.namespace().as_deref(), Some(NAMESPACE));
    assert_eq!(one.metadata.generation, Some(1));
    assert_eq!(one.uid().unwrap().len(), 36);
    let age = server.now().since(one.creation_timestamp().unwrap().0).unwrap();
    assert!(age.compare(1.second()).unwrap().is_le(), "{age}");
}

#[tokio::test(start_paused = true)]
async fn timestamps_advance_with_the_paused_clock() {
    let (_, widgets, one) = with_one().await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    let two = create(&widgets, "two").await;
    let apart = two
        .creation_timestamp()
        .unwrap()
        .0
        .since(one.creation_timestamp().unwrap().0);
    assert_eq!(apart.unwrap().compare(1.hour()).unwrap(), std::cmp::Ordering::Equal);
}

#[tokio::test(start_paused = true)]
async fn versions_rise_over_all_kinds_and_soon_by_a_digit() {
    let (server, widgets) = served();
    let secrets: Api<Secret> = Api::namespaced(server.client(), NAMESPACE);
    let mut versions: Vec<u64> = Vec::new();
    for name in ["a", "b", "c"] {
        versions.push(
            create(&widgets, name)
                .await
                .resource_version()
                .unwrap()
                .parse()
                .unwrap(),
        );
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.into()),
                ..ObjectMeta::default()
            },
            ..Secret::default()
        };
        let secret = secrets.create(&PostParams::default(), &secret).await.unwrap();
        versions.push(secret.resource_version().unwrap().parse().unwrap());
    }
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    assert!(versions[0] < 100 && versions[5] >= 100, "{versions:?}");
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_and_may_be_generated() {
    let (_, widgets, _) = with_one().await;
    let again = Widget::new("one", WidgetSpec { size: 2, colour: None });
    assert!(refusal(widgets.create(&PostParams::default(), &again).await).is_already_exists());
    let mut unnamed = Widget::new("", WidgetSpec { size: 2, colour: None });
    unnamed.metadata.name = None;
    unnamed.metadata.generate_name = Some("some-".into());
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..100 {
        names.insert(
            widgets
                .create(&PostParams::default(), &unnamed)
                .await
                .unwrap()
                .name_any(),
        );
    }
    assert_eq!(names.len(), 100);
    assert!(
        names.iter().all(|name| name.starts_with("some-") && name.len() == 10),
        "{names:?}"
    );
    let invalid = Widget::new("No", WidgetSpec { size: 2, colour: None });
    assert!(refusal(widgets.create(&PostParams::default(), &invalid).await).is_invalid());
}

#[tokio::test(start_paused = true)]
async fn a_replacement_must_know_the_version_that_it_replaces() {
    let (_, widgets, one) = with_one().await;
    let mut bigger = one.clone();
    bigger.spec.size = 2;
    let replaced = widgets.replace("one", &PostParams::default(), &bigger).await.unwrap();
    assert_eq!(replaced.metadata.generation, Some(2));
    assert_eq!(replaced.uid(), one.uid());
    assert!(refusal(widgets.replace("one", &PostParams::default(), &bigger).await).is_conflict());
    bigger.metadata.resource_version = None;
    assert!(refusal(widgets.replace("one", &PostParams::default(), &bigger).await).is_invalid());
    bigger.metadata.resource_version = replaced.resource_version();
    bigger.metadata.uid = Some("another".into());
    assert!(refusal(widgets.replace("one", &PostParams::default(), &bigger).await).is_conflict());
}

#[tokio::test(start_paused = true)]
async fn a_config_map_may_be_replaced_whatever_its_version_but_a_lease_may_not() {
    let server = MemoryApiserver::new();
    let maps: Api<ConfigMap> = Api::namespaced(server.client(), NAMESPACE);
    let leases: Api<Lease> = Api::namespaced(server.client(), NAMESPACE);
    let metadata = ObjectMeta {
        name: Some("one".into()),
        ..ObjectMeta::default()
    };
    let map = ConfigMap {
        metadata: metadata.clone(),
        ..ConfigMap::default()
    };
    let lease = Lease {
        metadata,
        ..Lease::default()
    };
    let created = maps.create(&PostParams::default(), &map).await.unwrap();
    assert_eq!(created.metadata.generation, None);
    maps.replace("one", &PostParams::default(), &map).await.unwrap();
    leases.create(&PostParams::default(), &lease).await.unwrap();
    assert!(refusal(leases.replace("one", &PostParams::default(), &lease).await).is_invalid());
}

#[tokio::test(start_paused = true)]
async fn text_in_a_secret_is_encoded() {
    let server = MemoryApiserver::new();
    let secrets: Api<Secret> = Api::namespaced(server.client(), NAMESPACE);
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some("one".into()),
            ..ObjectMeta::default()
        },
        string_data: Some([("password".to_owned(), "s3cret".to_owned())].into()),
        ..Secret::default()
    };
    secrets.create(&PostParams::default(), &secret).await.unwrap();
    let secret = secrets.get("one").await.unwrap();
    assert_eq!(secret.data.unwrap()["password"], ByteString(b"s3cret".to_vec()));
    assert_eq!((secret.string_data, secret.type_.as_deref()), (None, Some("Opaque")));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_answers_as_the_write_would_and_stores_nothing() {
    let (_, widgets) = served();
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let one = Widget::new("one", WidgetSpec { size: 1, colour: None });
    assert_eq!(widgets.create(&dry, &one).await.unwrap().metadata.generation, Some(1));
    assert!(widgets.get_opt("one").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn metadata_can_be_read_alone() {
    let (server, widgets, one) = with_one().await;
    server.annotate("widgets", NAMESPACE, "one", "example.com/note", "here");
    let found: PartialObjectMeta<Widget> = widgets.get_metadata("one").await.unwrap();
    assert_eq!(found.uid(), one.uid());
    assert_eq!(found.annotations()["example.com/note"], "here");
    assert_eq!(found.types.unwrap().kind, "PartialObjectMetadata");
    let listed = widgets.list_metadata(&kube::api::ListParams::default()).await.unwrap();
    assert_eq!((listed.items.len(), listed.items[0].uid()), (1, one.uid()));
}

#[tokio::test(start_paused = true)]
async fn objects_of_two_namespaces_are_apart_and_cluster_scoped_ones_have_none() {
    let (server, widgets, _) = with_one().await;
    let mut elsewhere = manifest("one");
    elsewhere["metadata"]["namespace"] = json!("elsewhere");
    server.create(elsewhere);
    assert_eq!(
        widgets
            .list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    let everywhere: Api<Widget> = Api::all(server.client());
    assert_eq!(
        everywhere
            .list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        2
    );
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(server.client());
    server.create(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "team" } }));
    assert_eq!(namespaces.get("team").await.unwrap().namespace(), None);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_registered_is_a_page_that_is_not_found() {
    let (server, widgets, _) = with_one().await;
    server.unregister("widgets");
    let missing = refusal(widgets.list(&kube::api::ListParams::default()).await);
    assert_eq!((missing.code, missing.message.as_str()), (404, "404 page not found"));
    // Which is not what says that an object is not found.
    assert!(!refusal(widgets.get_opt("one").await).is_not_found());
    server.register(Registered {
        group: "example.com".into(),
        version: "v1".into(),
        kind: "Widget".into(),
        plural: "widgets".into(),
        namespaced: true,
        status: true,
    });
    assert!(
        widgets
            .list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn a_validation_refuses_what_a_schema_would() {
    let (server, widgets, _) = with_one().await;
    server.validate("widgets", |widget| match widget["status"]["phase"].as_str() {
        Some("Broken") => Err("status.phase: Unsupported value: \"Broken\"".into()),
        _ if widget["spec"]["size"].as_i64() > Some(9) => Err("spec.size: Invalid value".into()),
        _ => Ok(()),
    });
    let size = |size: i64| json!({ "spec": { "size": size } });
    let params = kube::api::PatchParams::default();
    assert!(refusal(widgets.patch("one", &params, &kube::api::Patch::Merge(size(10))).await).is_invalid());
    widgets
        .patch("one", &params, &kube::api::Patch::Merge(size(9)))
        .await
        .unwrap();
    let broken = kube::api::Patch::Merge(json!({ "status": { "phase": "Broken" } }));
    let refused = refusal(widgets.patch_status("one", &params, &broken).await);
    assert!(refused.message.contains("Unsupported value"), "{}", refused.message);
}

#[tokio::test(start_paused = true)]
async fn discovery_names_the_kinds() {
    let (server, _) = served();
    let client = server.client();
    assert_eq!(client.apiserver_version().await.unwrap().major, "1");
    let groups = client.list_api_groups().await.unwrap().groups;
    assert!(groups.iter().any(|group| group.name == "example.com"));
    let resources = client
        .list_api_group_resources("example.com/v1")
        .await
        .unwrap()
        .resources;
    let names: Vec<_> = resources.into_iter().map(|resource| resource.name).collect();
    assert_eq!(names, ["widgets", "widgets/status"]);
    let gvk = kube::core::GroupVersionKind::gvk("example.com", "v1", "Widget");
    let (found, _) = kube::discovery::pinned_kind(&client, &gvk).await.unwrap();
    assert_eq!(found.plural, "widgets");
}
