//! An address of the wrong form is named as such.

use serde_json::json;
use wiremock::ResponseTemplate;

use super::{Calls, always, dss, endpoint, failure, govern, launchpad, loopback, permit};
use crate::dataiku::{error::ErrorKind, transport::Transport};

#[test]
fn an_address_with_the_path_of_the_api_is_refused_at_once() {
    for path in [
        "/dip/publicapi",
        "/dip/publicapi/",
        "/base/dip/publicapi/admin/users",
        "/DIP/PublicAPI",
        "/dip//publicapi",
        "/dip%2fpublicapi",
        "/%64ip/publicapi",
    ] {
        let endpoint = endpoint(&format!("https://dss.example.com{path}"));
        let error = Transport::new(endpoint, loopback(), std::sync::Arc::<Calls>::default());
        let error = error.err().unwrap_or_else(|| panic!("{path} is accepted"));
        assert_eq!(error.kind, ErrorKind::BadAddress);
        assert!(error.message.contains("url is the address of the node"), "{error}");
    }
    for path in ["", "/", "/dip", "/publicapi", "/dip/x/publicapi", "/dip/publicapis"] {
        let endpoint = endpoint(&format!("https://dss.example.com{path}"));
        assert!(
            Transport::new(endpoint, loopback(), std::sync::Arc::<Calls>::default()).is_ok(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_404_for_what_is_always_there_names_the_url_and_its_form() {
    let own = json!({"errorType": "com.dataiku.dip.server.controllers.NotFoundException", "message": "no handler"});
    for (answer, words) in [
        (ResponseTemplate::new(404), ""),
        (
            ResponseTemplate::new(404).set_body_string("404 page not found"),
            "the answer is not an error of ",
        ),
        (
            ResponseTemplate::new(404).set_body_string("<html></html>"),
            "the answer is an HTML page; ",
        ),
        (ResponseTemplate::new(404).set_body_json(own), "no handler; "),
    ] {
        let server = always(answer).await;
        let (dss, govern, launchpad) = (dss(&server.uri()), govern(&server.uri()), launchpad(&server.uri()));
        for (error, form) in [
            (
                dss.groups().await.unwrap_err(),
                "https://dss.example.com, without a path of the API",
            ),
            (
                dss.auth_info().await.unwrap_err(),
                "https://dss.example.com, without a path of the API",
            ),
            (
                govern.roles().await.unwrap_err(),
                "https://govern.example.com, without a path of the API",
            ),
            (
                launchpad.groups().await.unwrap_err(),
                "https://launchpad.example.com/v1",
            ),
            (
                launchpad.profiles().await.unwrap_err(),
                "https://launchpad.example.com/v1",
            ),
        ] {
            let advice = format!("check the field url, its form is {form}");
            assert!(
                error.message.starts_with(words) && error.message.ends_with(&advice),
                "{error}"
            );
            assert_eq!(error.status, Some(404));
        }
        if let Err(error) = dss.delete_user(permit(), "jdoe").await {
            assert!(!error.message.contains("check the field"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_404_for_an_object_says_nothing_about_the_url() {
    let server = always(ResponseTemplate::new(404).set_body_string("404 page not found")).await;
    assert!(!failure(&dss(&server.uri())).await.message.contains("check the field"));
    let server = always(ResponseTemplate::new(500)).await;
    assert!(
        !dss(&server.uri())
            .groups()
            .await
            .unwrap_err()
            .message
            .contains("check the field")
    );
}
