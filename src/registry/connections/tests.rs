//! Who gets which connection, and when.

use super::*;
use crate::crd::connection::{AllowedFrom, AllowedNamespaces};

fn key() -> ConnectionKey {
    ConnectionKey {
        namespace: "dataiku".into(),
        name: "design".into(),
    }
}

fn connections(lookup: Lookup) -> Connections<u8> {
    let connections = Connections::new("DssInstance");
    connections.look_up_in(move |_| lookup.clone());
    connections
}

fn allowing(from: AllowedFrom) -> Lookup {
    Lookup::Present(Terms {
        allowed: AllowedNamespaces {
            from,
            names: vec!["team-b".into()],
        },
    })
}

#[test]
fn a_connection_is_used_only_after_it_was_ready() {
    let connections = connections(allowing(AllowedFrom::Same));
    let admit = || connections.admit(&key(), Some("dataiku"));
    assert!(matches!(admit(), Err(Error::NotYet(_))));
    connections.candidate(&key(), "1", || Ok(1)).unwrap();
    assert!(matches!(admit(), Err(Error::NotYet(_))));
    connections.settle_ready(&key());
    assert_eq!(*admit().unwrap(), 1);
    connections.candidate(&key(), "2", || Ok(2)).unwrap();
    assert!(
        matches!(admit(), Err(Error::NotYet(_))),
        "other credentials are not used before they were tried"
    );
    connections.settle_not_ready(&key(), Reason::Forbidden, "no");
    assert!(matches!(admit(), Err(Error::ConnectionNotReady(_))));
}

#[test]
fn only_allowed_namespaces_are_admitted() {
    for (from, admitted) in [
        (AllowedFrom::Same, [true, false, false]),
        (AllowedFrom::Names, [true, true, false]),
        (AllowedFrom::All, [true, true, true]),
    ] {
        let connections = connections(allowing(from));
        connections.candidate(&key(), "1", || Ok(1)).unwrap();
        connections.settle_ready(&key());
        let answers = ["dataiku", "team-b", "team-c"].map(|ns| connections.admit(&key(), Some(ns)).is_ok());
        assert_eq!(answers, admitted, "{from:?}");
    }
}

#[test]
fn a_missing_connection_and_missing_credentials_are_told_apart() {
    let gone = connections(Lookup::Absent).admit(&key(), Some("dataiku"));
    assert!(matches!(gone, Err(Error::ConnectionGone(_))));
    let connections = connections(allowing(AllowedFrom::Same));
    connections.settle_not_ready(&key(), Reason::DependencyNotReady, "Secret dataiku/key not found");
    let missing = connections.admit(&key(), Some("dataiku"));
    assert!(matches!(missing, Err(Error::CredentialsMissing { .. })));
}

#[tokio::test]
async fn what_came_together_is_told_once() {
    let connections = connections(Lookup::Unknown);
    let mut news = connections.news();
    for _ in 0..QUEUE {
        connections.unblock(&key());
    }
    connections.forget(&key());
    let told: Vec<_> = news.by_ref().take(2).collect().await;
    assert_eq!(told, [News::Missed, News::Unblocked(key())]);
    assert_eq!(news.next().await, Some(News::Changed(key())));
    connections.unblock(&key());
    assert_eq!(news.next().await, Some(News::Unblocked(key())));
}
