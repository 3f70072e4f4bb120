use std::time::Instant;

use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use super::*;
use crate::{
    dataiku::dip::instance::InstanceDetails,
    engine::{Reason, connect::ConnectionKind},
    kinds::node::tests::{API, dss, object, sweep},
};

fn judged(sweep: &Sweep) -> Result<(), (Reason, String)> {
    let spec = json!({ "url": "https://x", "credentials": { "apiKeySecretRef": { "name": "key" } } });
    let connection: DssInstance = object("DssInstance", "design", &spec);
    match connection.judge(sweep) {
        Ok(()) => Ok(()),
        Err(Error::Blocked(reason, message)) => Err((reason, message)),
        Err(other) => panic!("{other}"),
    }
}

fn of_type(node_type: Option<&str>) -> Sweep {
    let mut sweep = sweep(Instant::now(), &[], &[]);
    sweep.node = Some(InstanceDetails {
        node_type: node_type.map(str::to_owned),
        ..InstanceDetails::default()
    });
    sweep
}

#[test]
fn a_govern_node_is_refused_by_its_type() {
    for fitting in [Some("DESIGN"), Some("AUTOMATION"), Some("SOMETHING_NEW"), None] {
        assert_eq!(judged(&of_type(fitting)), Ok(()), "{fitting:?}");
    }
    let (reason, message) = judged(&of_type(Some("GOVERN"))).unwrap_err();
    assert_eq!(reason, Reason::Invalid);
    assert_eq!(
        message,
        "url leads to a Govern node (type GOVERN), and DssInstance expects a DSS node: use GovernInstance or correct url"
    );
}

#[test]
fn the_product_counts_before_the_rights_of_the_key() {
    let mut sweep = of_type(Some("govern"));
    sweep.admin = false;
    assert_eq!(judged(&sweep).unwrap_err().0, Reason::Invalid);
    let mut sweep = of_type(Some("DESIGN"));
    sweep.admin = false;
    let (reason, message) = judged(&sweep).unwrap_err();
    assert_eq!(
        (reason, message.as_str()),
        (Reason::Forbidden, "the API key operator lacks the admin right")
    );
}

#[tokio::test]
async fn a_node_that_hides_its_type_is_known_by_its_roles() {
    for (answer, fits) in [
        (
            ResponseTemplate::new(200).set_body_json(json!([{ "id": "ro.pm" }])),
            Some(false),
        ),
        (
            ResponseTemplate::new(404).set_body_json(json!({ "errorType": "NotFoundException" })),
            Some(true),
        ),
        (
            ResponseTemplate::new(404).set_body_string("404 page not found"),
            Some(true),
        ),
        (ResponseTemplate::new(403), None),
        (ResponseTemplate::new(500), None),
    ] {
        let server = MockServer::start().await;
        Mock::given(path(format!("{API}/admin/roles")))
            .respond_with(answer)
            .mount(&server)
            .await;
        let own = DssInstance::sweep_own(&dss(&server.uri()), &NodeLists::default(), false)
            .await
            .unwrap();
        assert_eq!(own.fits, fits);
        let mut sweep = of_type(None);
        sweep.own = own;
        assert_eq!(judged(&sweep).is_ok(), fits != Some(false));
    }
}

#[tokio::test]
async fn a_node_that_tells_its_type_costs_no_further_call() {
    let server = MockServer::start().await;
    let own = DssInstance::sweep_own(&dss(&server.uri()), &NodeLists::default(), true)
        .await
        .unwrap();
    assert_eq!(own.fits, Some(true));
    assert!(server.received_requests().await.unwrap().is_empty());
}
