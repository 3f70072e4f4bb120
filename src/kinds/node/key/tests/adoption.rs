use super::*;
use crate::{crd::DssPersonalApiKey, engine::Reason, kinds::node::tests::object};

#[test]
fn a_key_that_exists_is_managed_without_its_value_and_gets_no_mark() {
    let found = definition("k1", json!({ "description": "by hand", "label": "theirs" }));
    let bed = bed(None, std::slice::from_ref(&found));
    let adopting = ci(json!({ "id": "k1", "permissions": { "mayCreateProjects": true } }));
    assert!(Key::<DssGlobalApiKey>::publication(&adopting).is_none() && Key::secrets(&adopting).is_empty());
    let (steps, after) = edited(&adopting, &bed, &found);
    assert_eq!(steps, ["set mayCreateProjects to true"]);
    assert_eq!(after["description"], "by hand");
    let seen = observed(&adopting, &bed).unwrap();
    assert_eq!(<Key<DssGlobalApiKey> as Managed>::id(&seen).as_deref(), Some("k1"));
    assert!(!Key::is_proven(&adopting, &seen));
    let removal = Key::removal(&adopting, DeletionPolicy::Delete, &bed.given(), &seen);
    assert_eq!(removal.steps(), ["delete API key k1"]);
}

#[test]
fn a_key_that_another_object_created_or_that_does_not_exist_is_not_adopted() {
    let theirs = "[dataiku-operator.io/owner: prod/deploy ffffff]";
    let bed = bed(None, &[definition("k1", json!({ "description": theirs }))]);
    let error = refused(&ci(json!({ "id": "k1" })), &bed);
    assert_eq!(error.reason(), Some(Reason::Conflict));
    assert!(error.to_string().contains("prod/deploy"), "{error}");
    let error = refused(&ci(json!({ "id": "k9" })), &bed);
    assert_eq!(error.reason(), Some(Reason::DependencyNotReady));
}

#[test]
fn two_objects_that_adopt_one_key_claim_the_same() {
    let key = |id: &str| Key::<DssGlobalApiKey>::claim_key(&ci(json!({ "id": id })));
    assert_eq!(key("k1"), "k1");
    assert_eq!(Key::<DssGlobalApiKey>::claim_key(&ci(json!({}))), "team/ci");
}

fn personal(spec: Value) -> DssPersonalApiKey {
    let mut object: DssPersonalApiKey = object("DssPersonalApiKey", "ci", &spec);
    object.metadata.uid = Some(UID.into());
    object
}

#[test]
fn a_personal_key_waits_for_its_user_and_has_no_rights_of_its_own() {
    let mut bed = bed(None, &[]);
    bed.secrets = missing();
    let object = personal(json!({ "user": "Jane", "secretName": "s" }));
    let waits = Key::plan(&object, &bed.given(), None).unwrap();
    assert_eq!(
        (waits.steps(), waits.waiting),
        (vec![], vec!["user Jane does not exist yet".to_owned()])
    );
    let jane = crate::kinds::node::tests::user(&json!({ "login": "jane" }));
    bed.lists.users.saw("jane", Some(jane));
    let plan = Key::plan(&object, &bed.given(), None).unwrap();
    assert_eq!(plan.outstanding(), ["create API key"]);
    assert_eq!(new_key(&plan).user.as_deref(), Some("Jane"));
}

#[test]
fn a_personal_key_of_another_user_is_not_adopted() {
    let bed = bed(None, &[]);
    let found = json!({ "id": "p1", "user": "joe", "label": "", "description": "", "expiresOn": 0 });
    bed.lists.personal_keys.saw("p1", Some(record(&found)));
    let seen = SeenKeys {
        named: Some(record(&found)),
        document: None,
        marked: Vec::new(),
        former: Vec::new(),
        adopts: true,
    };
    let plan = |user: &str| {
        let object = personal(json!({ "user": user, "id": "p1", "adoptionPolicy": "Adopt" }));
        Key::plan(&object, &bed.given(), Some(&seen))
    };
    assert_eq!(plan("jane").err().unwrap().reason(), Some(Reason::Invalid));
    assert_eq!(plan("Joe").unwrap().steps(), Vec::<String>::new());
}
