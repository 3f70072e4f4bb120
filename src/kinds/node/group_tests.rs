use proptest::{collection, option, prelude::*};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use super::*;
use crate::{
    crd::DssGroup,
    engine::{Change as _, Reason},
    kinds::node::tests::{API, Bed, document, dss, object, permit},
};

type Groups = Group<DssGroup>;

fn analysts(spec: &Value) -> DssGroup {
    object("DssGroup", "analysts", spec)
}

fn seen(found: &Value) -> SeenGroup {
    let mut found = found.clone();
    found["name"] = json!("analysts");
    let document = document(&found);
    let group = Arc::new(GroupRecord::from_document(&document).unwrap());
    Seen::read(group, Some(document))
}

fn plan(bed: &Bed, object: &DssGroup, found: Option<&SeenGroup>) -> Plan<Change> {
    Groups::plan(object, &bed.given(), found).unwrap()
}

fn written(plan: &Plan<Change>, before: &SeenGroup) -> SeenGroup {
    let mut document = before.document.clone().unwrap();
    for change in &plan.changes {
        let Change::Edit { edit, .. } = change else {
            panic!("{:?}", change.steps())
        };
        edit.write(&mut document).unwrap();
    }
    seen(&serde_json::to_value(&document).unwrap())
}

fn value(seen: &SeenGroup) -> Value {
    serde_json::to_value(seen.document.as_ref().unwrap()).unwrap()
}

fn recorded(flags: &[&str]) -> Applied {
    let flags: BTreeSet<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Applied {
        grants: [(PERMISSIONS, flags)].into_iter().collect(),
        ..Applied::default()
    }
}

fn given_fields(fields: Value) -> Value {
    let Value::Object(mut fields) = fields else {
        unreachable!()
    };
    fields.retain(|_, value| !value.is_null());
    Value::Object(fields)
}

fn flags() -> impl Strategy<Value = BTreeMap<String, bool>> {
    let flag = prop::sample::select(&["mayWrite", "mayFly", "mayRun"][..]).prop_map(str::to_owned);
    collection::btree_map(flag, any::<bool>(), 0..3)
}

fn names() -> impl Strategy<Value = BTreeSet<String>> {
    let name = prop::sample::select(&["a", "b", "cn=a,ou=b"][..]).prop_map(str::to_owned);
    collection::btree_set(name, 0..3)
}

prop_compose! {
    fn specs()(
        description in option::of("[xy]?"),
        source_type in option::of(prop::sample::select(&["LOCAL", "LDAP"][..])),
        admin in option::of(any::<bool>()),
        permissions in option::of(flags()),
        ldap in option::of(names()),
        custom in option::of(names()),
        regex in option::of("[xy]?"),
    ) -> Value {
        given_fields(json!({
            "description": description, "sourceType": source_type, "admin": admin, "permissions": permissions,
            "ldapGroupNames": ldap, "customGroupNames": custom, "impersonatableGroupsRegex": regex,
        }))
    }
}

prop_compose! {
    fn found_groups()(
        description in option::of("[xyz]"),
        admin in option::of(any::<bool>()),
        permissions in flags(),
        ldap in option::of(names()),
        azure in names(),
        old in any::<bool>(),
        odd in any::<bool>(),
    ) -> Value {
        // One form in all mappings: a list, or a text before DSS 12.6.
        let form = |names: &BTreeSet<String>| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            if old { json!(names.join(",")) } else { json!(names) }
        };
        let mut found = given_fields(json!({
            "sourceType": "LOCAL", "description": description, "admin": admin,
            "ldapGroupNames": ldap.as_ref().map(form), "azureADGroupNames": form(&azure), "ssoGroupNames": form(&azure),
        }));
        for (flag, value) in permissions {
            found[flag] = json!(value);
        }
        if odd {
            found["description"] = json!({ "text": "x" });
            found["mayFly"] = json!("yes");
            found["ldapGroupNames"] = json!({ "cn": "a" });
            found["unheardOf"] = json!([1, { "x": 2 }]);
        }
        found
    }
}

proptest! {
    #[test]
    fn a_plan_that_was_written_leaves_nothing_to_do(spec in specs(), found in found_groups()) {
        let (object, before) = (analysts(&spec), seen(&found));
        let mut bed = Bed { record: recorded(&["mayFly", "admin"]), ..Bed::default() };
        let plan = plan(&bed, &object, Some(&before));
        bed.record.grants = plan.grants.clone();
        let rest = super::tests::plan(&bed, &object, Some(&written(&plan, &before)));
        prop_assert!(rest.is_empty() && rest.waiting.is_empty(), "left: {:?}", rest.outstanding());
    }

    #[test]
    fn a_member_that_is_neither_declared_nor_on_record_stays(spec in specs(), found in found_groups()) {
        let (object, before) = (analysts(&spec), seen(&found));
        let bed = Bed::default();
        let after = value(&written(&plan(&bed, &object, Some(&before)), &before));
        for (member, before) in found.as_object().unwrap() {
            let flag = spec["permissions"].get(member);
            if spec.get(member).is_none() && flag.is_none() {
                prop_assert_eq!(&after[member], before, "{}", member);
            }
        }
    }

    #[test]
    fn what_follows_a_creation_covers_what_the_next_write_does(spec in specs(), defaults in flags()) {
        let (object, bed) = (analysts(&spec), Bed::default());
        let plan = plan(&bed, &object, None);
        let [Change::Create(new)] = plan.changes.as_slice() else { panic!("{:?}", plan.steps()) };
        let mut created = json!({ "description": new.description, "sourceType": new.source_type });
        for (flag, value) in defaults {
            created[flag] = json!(value);
        }
        let next = super::tests::plan(&bed, &object, Some(&seen(&created)));
        prop_assert!(next.steps().iter().all(|step| new.follows().contains(step)), "{:?}", next.steps());
        prop_assert_eq!(&next.grants, &plan.grants);
    }
}

#[test]
fn a_flag_that_is_not_declared_any_more_is_withdrawn_from_the_record() {
    let object = analysts(&json!({ "permissions": { "mayWrite": true } }));
    let bed = Bed {
        record: recorded(&["admin", "mayWrite", "mayFly"]),
        ..Bed::default()
    };
    let found = seen(&json!({ "admin": true, "mayWrite": true, "mayFly": true }));
    let plan = plan(&bed, &object, Some(&found));
    assert_eq!(plan.steps(), ["set admin to false", "set mayFly to false"]);
    assert!(plan.changes[0].withdraws());
    assert_eq!(plan.grants.list(PERMISSIONS), ["mayWrite"]);
}

#[test]
fn admin_is_recorded_with_the_permission_flags() {
    let object = analysts(&json!({ "admin": true, "permissions": { "mayFly": false } }));
    let plan = plan(&Bed::default(), &object, Some(&seen(&json!({}))));
    assert_eq!(plan.steps(), ["set admin to true"]);
    assert_eq!(plan.grants.list(PERMISSIONS), ["admin"]);
    assert!(!plan.changes[0].withdraws());
}

#[test]
fn an_edit_names_what_it_takes_from_the_members() {
    let object = analysts(&json!({ "admin": false, "permissions": { "mayFly": false } }));
    let found = seen(&json!({ "admin": true, "mayFly": true }));
    let bed = Bed::default();
    let effects = [Effect::RevokesAdmin("analysts".into())];
    assert_eq!(plan(&bed, &object, Some(&found)).changes[0].effects(), effects);
    let removal = Groups::removal(&object, DeletionPolicy::Delete, &bed.given(), &found);
    assert_eq!(removal.changes[0].effects(), [Effect::DeletesGroup("analysts".into())]);
}

#[test]
fn names_with_commas_are_in_sync_on_a_node_that_stores_one_text() {
    let object = analysts(&json!({ "ldapGroupNames": ["cn=analysts,ou=groups"] }));
    for (found, steps) in [
        (json!("cn=analysts,ou=groups"), 0),
        (json!(["cn=analysts,ou=groups"]), 0),
        (json!(["cn=analysts", "ou=groups"]), 1),
        (json!({"cn": "analysts"}), 1),
    ] {
        let plan = plan(
            &Bed::default(),
            &object,
            Some(&seen(&json!({ "ldapGroupNames": found }))),
        );
        assert_eq!(plan.steps().len(), steps, "{found}");
    }
}

#[test]
fn a_directory_group_that_leaves_a_mapping_is_a_withdrawal() {
    let object = analysts(&json!({ "ldapGroupNames": ["a", "b"] }));
    let withdraws = |found: Value| {
        let plan = plan(
            &Bed::default(),
            &object,
            Some(&seen(&json!({ "ldapGroupNames": found }))),
        );
        (plan.steps(), plan.changes[0].withdraws())
    };
    let steps = vec!["set ldapGroupNames to [a, b]".to_owned()];
    assert_eq!(withdraws(json!(["a"])), (steps.clone(), false));
    assert_eq!(withdraws(json!(["a", "c"])), (steps, true));
}

#[test]
fn a_list_with_an_unreadable_declared_member_tells_nothing_of_the_group() {
    let bed = Bed::default();
    let listed = |spec: Value, found: &Value| {
        bed.lists.groups.saw("analysts", Some(seen(found).object));
        matches!(
            super::listed(&analysts(&spec), &bed.lists, &bed.record),
            Observed::Unknown
        )
    };
    let odd = json!({ "mayFly": "yes", "description": 7, "ldapGroupNames": { "cn": "a" } });
    assert!(!listed(json!({ "permissions": { "mayRun": true } }), &odd));
    assert!(listed(json!({ "permissions": { "mayFly": true } }), &odd));
    assert!(listed(json!({ "description": "" }), &odd));
    assert!(listed(json!({ "ldapGroupNames": [] }), &odd));
    assert!(!listed(json!({ "ssoGroupNames": [] }), &odd));
}

#[test]
fn the_status_shows_the_number_of_members() {
    let bed = Bed::default();
    let object = analysts(&json!({}));
    let shown = |found| Groups::show(&object, found, &bed.record, &bed.lists).members;
    let found = seen(&json!({}));
    assert_eq!(shown(Some(&found)), Some(0));
    assert_eq!(shown(None), None);
}

#[tokio::test]
async fn a_group_that_the_node_stored_in_lower_case_is_ours_and_not_created_again() {
    let server = MockServer::start().await;
    let at = |verb: &str, place: &str| Mock::given(method(verb)).and(path(format!("{API}/admin/groups/{place}")));
    let missing = json!({ "errorType": "com.dataiku.dip.server.controllers.NotFoundException", "message": "no" });
    at("POST", "")
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    at("GET", "Risk")
        .respond_with(ResponseTemplate::new(404).set_body_json(missing))
        .mount(&server)
        .await;
    let stored = json!({ "name": "risk" });
    at("GET", "risk")
        .respond_with(ResponseTemplate::new(200).set_body_json(&stored))
        .mount(&server)
        .await;
    at("GET", "")
        .respond_with(ResponseTemplate::new(200).set_body_json([stored]))
        .mount(&server)
        .await;
    let object: DssGroup = object("DssGroup", "risk-team", &json!({ "name": "Risk" }));
    let (api, mut bed) = (dss(&server.uri()), Bed::default());
    let creation = plan(&bed, &object, None);
    let [Change::Create(new)] = creation.changes.as_slice() else {
        panic!("{:?}", creation.steps())
    };
    bed.record.id = post(&api, &bed.lists, permit(), new).await.unwrap().id;
    let seen = look_up("Risk", &api, &bed.lists, &bed.record).await.unwrap().unwrap();
    let Err(Error::Blocked(reason, message)) = Groups::plan(&object, &bed.given(), Some(&seen)) else {
        panic!("planned")
    };
    assert_eq!(reason, Reason::AcceptedButNotStored);
    assert!(message.contains("Risk") && message.contains("risk"), "{message}");
    let plan = Groups::removal(&object, DeletionPolicy::Delete, &bed.given(), &seen);
    assert!(matches!(&plan.changes[..], [Change::Delete { key }] if key == "risk"));
}

#[test]
fn a_mapping_that_lets_others_in_is_no_mere_withdrawal() {
    let object = analysts(&json!({ "ldapGroupNames": ["a", "b"] }));
    let only_withdraws = |found: Value| {
        let found = seen(&json!({ "ldapGroupNames": found }));
        plan(&Bed::default(), &object, Some(&found)).changes[0].only_withdraws()
    };
    assert!(only_withdraws(json!(["a", "b", "c"])));
    assert!(!only_withdraws(json!(["a", "c"])));
    assert!(!only_withdraws(json!(["a"])));
}
