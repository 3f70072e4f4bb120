use super::*;

#[test]
fn a_key_as_declared_is_left_alone() {
    let found = definition(
        "k1",
        json!({ "description": format!("by hand {OURS}"), "label": "renamed" }),
    );
    let other = definition("other", json!({ "description": "of somebody else" }));
    let mut bed = bed(Some("k1"), &[found, other]);
    bed.secrets = holding("k1");
    for spec in [
        json!({}),
        json!({ "label": "renamed", "description": "by hand", "permissions": { "mayFly": false } }),
    ] {
        assert_eq!(steps(&ci(spec), &bed), Vec::<String>::new());
    }
}

#[test]
fn an_edit_writes_what_is_declared_and_nothing_else() {
    let mut found = definition(
        "k1",
        json!({ "dssUserForImpersonation": "old", "description": "no mark" }),
    );
    found["globalPermissions"]["mayDrop"] = json!(true);
    let mut bed = bed(Some("k1"), std::slice::from_ref(&found));
    granted(&mut bed, "permissions", "mayDrop");
    let object = ci(json!({
        "label": "new", "description": "why", "dssUserForImpersonation": "", "permissions": { "mayCreateProjects": true }
    }));
    let (steps, after) = edited(&object, &bed, &found);
    assert_eq!(
        steps,
        [
            "set label to new",
            "set description to why",
            "clear dssUserForImpersonation",
            "set mayCreateProjects to true",
            "set mayDrop to false"
        ]
    );
    let mut expected = found;
    expected["label"] = json!("new");
    expected["description"] = json!(format!("why {OURS}"));
    expected["dssUserForImpersonation"] = json!("");
    expected["globalPermissions"] = json!({ "admin": false, "mayCreateProjects": true, "mayDrop": false });
    assert_eq!(after, expected);
}

#[test]
fn a_mark_that_somebody_removed_comes_back_beside_their_words() {
    let found = definition("k1", json!({ "description": "theirs" }));
    let bed = bed(Some("k1"), std::slice::from_ref(&found));
    let (steps, after) = edited(&ci(json!({})), &bed, &found);
    assert_eq!(steps, ["add the mark to the description"]);
    assert_eq!(after["description"], format!("theirs {OURS}"));
}

#[test]
fn a_key_changes_from_rights_of_its_own_to_those_of_groups_and_back() {
    let mut flags = definition("k1", json!({}));
    flags["globalPermissions"]["mayCreateProjects"] = json!(true);
    let mut one = bed(Some("k1"), std::slice::from_ref(&flags));
    granted(&mut one, "permissions", "mayCreateProjects");
    let (steps, by_groups) = edited(&ci(json!({ "groups": ["a"] })), &one, &flags);
    assert_eq!(steps, ["add to group a", "set mayCreateProjects to false"]);
    assert_eq!(by_groups["groups"], json!(["a"]));
    let two = bed(Some("k1"), std::slice::from_ref(&by_groups));
    let plan = plan(&ci(json!({ "permissions": { "admin": false } })), &two, 0);
    assert_eq!(plan.steps(), ["take the rights of groups away"]);
    assert!(plan.changes[0].withdraws());
    let (_, by_flags) = edited(&ci(json!({})), &two, &by_groups);
    assert_eq!(by_flags["groups"], Value::Null);
}

#[test]
fn groups_of_a_key_are_exact() {
    let found = definition("k1", json!({ "groups": ["a", "b"] }));
    let bed = bed(Some("k1"), std::slice::from_ref(&found));
    let (steps, after) = edited(&ci(json!({ "groups": ["b", "c"] })), &bed, &found);
    assert_eq!(steps, ["add to group c", "remove from group a"]);
    assert_eq!(after["groups"], json!(["b", "c"]));
}

#[test]
fn rights_that_cannot_be_read_wait_and_the_rest_is_written() {
    let found = definition("k1", json!({ "globalPermissions": "odd", "label": "old" }));
    let bed = bed(Some("k1"), std::slice::from_ref(&found));
    let plan = plan(
        &ci(json!({ "label": "new", "permissions": { "admin": false } })),
        &bed,
        0,
    );
    assert_eq!(plan.steps(), ["set label to new"]);
    assert!(plan.deferred && plan.waiting[0].starts_with("globalPermissions"));
}

#[test]
fn a_lifetime_is_written_in_days_and_in_the_type_that_the_node_has() {
    for (found, written) in [
        (json!(null), json!("90")),
        (json!("30"), json!("90")),
        (json!(30), json!(90)),
        (json!(""), json!("90")),
    ] {
        let found = definition("k1", json!({ "expiry": found }));
        let bed = bed(Some("k1"), std::slice::from_ref(&found));
        let (steps, after) = edited(&ci(json!({ "lifetime": "2159h" })), &bed, &found);
        assert_eq!(steps, ["set the lifetime to 90 days"]);
        assert_eq!(after["expiry"], written);
    }
    let bed = bed(Some("k1"), &[definition("k1", json!({ "expiry": "90" }))]);
    assert_eq!(steps(&ci(json!({ "lifetime": "2160h" })), &bed), Vec::<String>::new());
}

#[test]
fn scoped_permissions_own_what_they_declare_and_withdraw_what_they_granted() {
    let found = definition(
        "k1",
        json!({ "projects": { "RISK": { "admin": true, "readProjectContent": false }, "THEIRS": { "admin": true } }, "execSQLLike": true }),
    );
    let mut bed = bed(Some("k1"), std::slice::from_ref(&found));
    granted(&mut bed, "scopedPermissions", "projects/RISK/admin");
    granted(&mut bed, "scopedPermissions", "projects/GONE/admin");
    let scoped = json!({ "projects": { "RISK": { "readProjectContent": true }, "A/B": { "x": ["y"] } }, "execSQLLike": false, "codeEnvs": {} });
    let object = ci(json!({ "scopedPermissions": scoped }));
    let (steps, after) = edited(&object, &bed, &found);
    assert_eq!(
        steps,
        [
            "set execSQLLike to false",
            "set projects.A/B.x to [\"y\"]",
            "set projects.RISK.admin to false",
            "set projects.RISK.readProjectContent to true",
        ]
    );
    let mut expected = found;
    expected["projects"] = json!({
        "RISK": { "admin": false, "readProjectContent": true }, "THEIRS": { "admin": true }, "A/B": { "x": ["y"] },
    });
    expected["execSQLLike"] = json!(false);
    assert_eq!(after, expected);
    let plan = plan(&object, &bed, 0);
    let owned = ["projects/A~1B/x", "projects/RISK/readProjectContent"];
    assert_eq!(plan.grants.list("scopedPermissions"), owned);
}

#[test]
fn scoped_permissions_reach_no_field_of_their_own() {
    let bed = bed(None, &[]);
    for scoped in [
        json!({ "globalPermissions": { "admin": true } }),
        json!({ "groups": ["administrators"] }),
        json!({ "key": { "a": 1 } }),
        json!({ "other": "text" }),
    ] {
        let error = refused(&ci(json!({ "scopedPermissions": scoped })), &bed);
        assert_eq!(error.reason(), Some(crate::engine::Reason::Invalid), "{error}");
    }
}

#[test]
fn an_edit_that_narrows_a_key_says_so() {
    let effects = |spec: Value, found: Value| {
        let bed = bed(Some("k1"), &[definition("k1", found)]);
        plan(&ci(spec), &bed, 0).changes[0].effects()
    };
    let narrows = vec![crate::engine::connect::Effect::NarrowsKey("k1".into())];
    let admin = json!({ "globalPermissions": { "admin": true } });
    assert_eq!(
        effects(json!({ "permissions": { "admin": false } }), admin.clone()),
        narrows
    );
    assert_eq!(effects(json!({ "groups": ["a"] }), admin.clone()), narrows);
    assert_eq!(
        effects(json!({ "permissions": {} }), json!({ "groups": ["a"] })),
        narrows
    );
    assert_eq!(effects(json!({ "label": "other" }), admin), vec![]);
}
