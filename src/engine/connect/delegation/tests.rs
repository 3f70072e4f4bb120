//! Verdicts by table.

mod properties;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::engine::error::Refused;

/// What a remote side holds; a group that is not there holds nothing.
#[derive(Clone, Debug, Default)]
struct World {
    groups: BTreeMap<String, Option<Held>>,
    users: BTreeMap<String, Option<Vec<String>>>,
}

impl Holdings for World {
    fn held(&self, group: &str) -> Option<Held> {
        self.groups.get(group).cloned().unwrap_or_else(|| Some(Held::default()))
    }

    fn memberships(&self, user: &str) -> Option<Vec<String>> {
        self.users.get(user).cloned().unwrap_or_else(|| Some(Vec::new()))
    }
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

fn world() -> World {
    let held = |flags: &[&str]| {
        Some(Held {
            flags: texts(flags.iter().copied()).into_iter().collect(),
            ..Held::default()
        })
    };
    World {
        groups: [
            ("readers", held(&["mayCreateProjects"])),
            ("secret-admins", held(&["admin"])),
            ("coders", held(&["mayWriteUnsafeCode"])),
            ("opaque", None),
        ]
        .map(|(name, held)| (name.to_owned(), held))
        .into(),
        users: [
            ("jane", Some(texts(["readers"]))),
            ("root", Some(texts(["readers", "secret-admins"]))),
            ("blurred", None),
        ]
        .map(|(name, groups)| (name.to_owned(), groups))
        .into(),
    }
}

fn with_judge<R>(rights: Rights<'_>, protected: Option<&Protected>, run: impl FnOnce(&Judge<'_>) -> R) -> R {
    let privileges = Privileges::default();
    run(&Judge {
        connection: "DssInstance dataiku/design".to_owned(),
        namespace: "team-a",
        rights,
        protected,
        privileges: &privileges,
    })
}

fn user(login: &str) -> Statement {
    Statement {
        kind: "DssUser",
        declared: Declared {
            delegable: Delegable::Freely,
            user: Some(login.to_owned()),
            source_type: Some("LOCAL".to_owned()),
            ..Declared::default()
        },
        ..Statement::default()
    }
}

fn group(name: &str, flags: &[&str]) -> Statement {
    Statement {
        kind: "DssGroup",
        declared: Declared {
            delegable: Delegable::Freely,
            group: Some(name.to_owned()),
            flags: texts(flags.iter().copied()).into_iter().collect(),
            ..Declared::default()
        },
        ..Statement::default()
    }
}

fn changed(statement: Statement, change: impl FnOnce(&mut Statement)) -> Statement {
    let mut statement = statement;
    change(&mut statement);
    statement
}

fn refusal(delegation: Option<&Delegation>, statement: &Statement) -> Option<String> {
    let rights = delegation.map_or(Rights::Undelegated, Rights::Delegated);
    with_judge(rights, None, |judge| judge.declared(statement).err())
}

#[track_caller]
fn refused(delegation: Option<&Delegation>, statement: &Statement, setting: &str) {
    let message = refusal(delegation, statement).unwrap_or_else(|| panic!("{statement:?} is allowed"));
    assert!(message.contains(setting), "{message} does not name {setting}");
    assert!(
        message.contains("team-a") && message.contains("dataiku/design"),
        "{message}"
    );
}

#[track_caller]
fn allowed(delegation: Option<&Delegation>, statement: &Statement) {
    assert_eq!(refusal(delegation, statement), None);
}

fn narrow() -> Delegation {
    Delegation {
        kinds: Some(texts(["DssUser", "DssGroup"])),
        users: Some(texts(["*@team-a.example.com", "svc-a-*"])),
        groups: Some(texts(["team-a-*", "readers"])),
        user_profiles: Some(texts(["READER"])),
        source_types: Some(texts(["LDAP"])),
        permissions: Some(texts(["mayCreateProjects"])),
        ..Delegation::default()
    }
}

#[test]
fn without_a_delegation_new_users_and_groups_without_privileges_are_allowed() {
    allowed(None, &user("jane"));
    allowed(None, &group("analysts", &["mayCreateProjects", "mayWriteSafeCode"]));
    let own = changed(user("jane"), |one| {
        one.adopts = true;
        one.deletes = true;
        one.observes = false;
        one.origin = Some(Origin::Created);
    });
    allowed(None, &own);
}

#[test]
fn without_a_delegation_everything_else_is_refused_with_the_setting_that_allows_it() {
    refused(None, &group("analysts", &["admin"]), "privileges: [admin]");
    refused(
        None,
        &group("analysts", &["mayWriteUnsafeCode"]),
        "privileges: [mayWriteUnsafeCode]",
    );
    refused(None, &changed(user("jane"), |one| one.adopts = true), "adopt: true");
    let adopted = changed(user("jane"), |one| one.origin = Some(Origin::Adopted));
    refused(None, &adopted, "adopt: true");
    refused(None, &changed(user("jane"), |one| one.observes = true), "observe: All");
    let regex = changed(group("analysts", &[]), |one| {
        one.declared.privileges = BTreeSet::from(["impersonatableGroupsRegex".to_owned()]);
    });
    refused(None, &regex, "privileges: [impersonatableGroupsRegex]");
    for delegable in [Delegable::ByDefault, Delegable::ByName] {
        let other = changed(user("jane"), |one| {
            one.kind = "GovernRoleAssignment";
            one.declared.delegable = delegable;
        });
        refused(None, &other, "kinds: [GovernRoleAssignment]");
    }
}

#[test]
fn a_delegation_that_says_nothing_allows_its_defaults() {
    let empty = Delegation::default();
    allowed(Some(&empty), &user("jane"));
    let assignment = changed(user("jane"), |one| one.declared.delegable = Delegable::ByDefault);
    allowed(Some(&empty), &assignment);
    let key = Statement {
        kind: "DssGlobalApiKey",
        ..Statement::default()
    };
    refused(Some(&empty), &key, "kinds: [DssGlobalApiKey]");
    let named = Delegation {
        kinds: Some(texts(["DssGlobalApiKey"])),
        ..Delegation::default()
    };
    allowed(Some(&named), &key);
    refused(Some(&named), &user("jane"), "kinds: [DssUser]");
    refused(Some(&empty), &group("analysts", &["admin"]), "privileges: [admin]");
    refused(
        Some(&empty),
        &changed(user("jane"), |one| one.adopts = true),
        "adopt: true",
    );
}

#[test]
fn a_narrow_delegation_allows_what_it_lists() {
    let narrow = narrow();
    let jane = |login: &str| changed(user(login), |one| one.declared.source_type = Some("LDAP".to_owned()));
    allowed(Some(&narrow), &jane("Jane@Team-A.example.com"));
    allowed(Some(&narrow), &jane("svc-a-etl"));
    refused(Some(&narrow), &jane("jane@team-b.example.com"), "`users`");
    refused(Some(&narrow), &jane("jane@team-a.example.com.evil"), "`users`");
    refused(Some(&narrow), &user("svc-a-etl"), "sourceTypes: [LOCAL]");
    let joins = |group: &str| changed(jane("svc-a-etl"), |one| one.declared.joins = texts([group]));
    allowed(Some(&narrow), &joins("readers"));
    allowed(Some(&narrow), &joins("team-a-analysts"));
    refused(Some(&narrow), &joins("administrators"), "`groups`");
    refused(Some(&narrow), &joins("xteam-a-analysts"), "`groups`");
    let profile = |name: &str| changed(jane("svc-a-etl"), |one| one.declared.profile = Some(name.to_owned()));
    allowed(Some(&narrow), &profile("READER"));
    refused(
        Some(&narrow),
        &profile("FULL_DESIGNER"),
        "userProfiles: [FULL_DESIGNER]",
    );
    allowed(Some(&narrow), &group("team-a-x", &["mayCreateProjects"]));
    refused(
        Some(&narrow),
        &group("team-a-x", &["mayWriteSafeCode"]),
        "permissions: [mayWriteSafeCode]",
    );
    refused(Some(&narrow), &group("team-a-x", &["admin"]), "privileges: [admin]");
    let members = changed(group("team-a-x", &[]), |one| {
        one.declared.users = texts(["ceo@corp.example.com"]);
    });
    refused(Some(&narrow), &members, "`users`");
}

#[test]
fn an_empty_list_allows_nothing() {
    let nobody = Delegation {
        users: Some(Vec::new()),
        ..Delegation::default()
    };
    refused(Some(&nobody), &user("jane"), "`users`");
}

#[test]
fn a_flag_that_is_listed_as_permission_stays_privileged() {
    let listed = Delegation {
        permissions: Some(texts(["admin", "mayWriteUnsafeCode"])),
        ..Delegation::default()
    };
    refused(Some(&listed), &group("x", &["admin"]), "privileges: [admin]");
    let given = Delegation {
        privileges: Some(texts(["admin"])),
        ..Delegation::default()
    };
    allowed(Some(&given), &group("x", &["admin"]));
    refused(
        Some(&given),
        &group("x", &["mayWriteUnsafeCode"]),
        "privileges: [mayWriteUnsafeCode]",
    );
}

#[test]
fn nobody_manages_what_is_protected_not_even_the_connections_own_namespace() {
    let protected = Protected {
        users: texts(["admin"]),
        groups: texts(["administrators"]),
    };
    let verdict =
        |statement: &Statement| with_judge(Rights::Home, Some(&protected), |judge| judge.declared(statement).err());
    assert!(verdict(&user("ADMIN")).unwrap().contains("protected.users"));
    assert!(
        verdict(&group("Administrators", &[]))
            .unwrap()
            .contains("protected.groups")
    );
    let joins = changed(user("jane"), |one| one.declared.joins = texts(["administrators"]));
    assert!(verdict(&joins).unwrap().contains("protected.groups"));
    assert_eq!(verdict(&group("x", &["admin"])), None);
    assert_eq!(verdict(&changed(user("admin"), |one| one.observes = true)), None);
    let effects = |effects: &[Effect], granted: &Grants| {
        with_judge(Rights::Home, Some(&protected), |judge| {
            judge.effects(effects, granted, &world())
        })
    };
    let leaves = Effect::Leaves {
        user: "jane".into(),
        group: "administrators".into(),
    };
    assert!(effects(std::slice::from_ref(&leaves), &Grants::default()).is_err());
    let granted: Grants = [("groups", BTreeSet::from(["administrators".to_owned()]))]
        .into_iter()
        .collect();
    assert_eq!(
        effects(&[leaves], &granted),
        Ok(()),
        "what the operator gave can be withdrawn"
    );
    assert!(effects(&[Effect::Edits("Admin".into())], &granted).is_err());
}

fn effect_of(rights: Rights<'_>, effects: &[Effect], granted: &[&str]) -> Result<(), Refused> {
    let granted: BTreeSet<String> = texts(granted.iter().copied()).into_iter().collect();
    let granted: Grants = [("groups", granted)].into_iter().collect();
    with_judge(rights, None, |judge| judge.effects(effects, &granted, &world()))
}

#[test]
fn the_account_of_a_user_in_a_privileged_group_is_out_of_reach() {
    for (user, reachable) in [("jane", true), ("absent", true), ("root", false), ("blurred", false)] {
        for effect in [
            Effect::Edits(user.into()),
            Effect::Disables(user.into()),
            Effect::Deletes(user.into()),
            Effect::SetsPassword(user.into()),
        ] {
            let verdict = effect_of(Rights::Undelegated, std::slice::from_ref(&effect), &[]);
            assert_eq!(verdict.is_ok(), reachable, "{effect:?}: {verdict:?}");
            assert_eq!(effect_of(Rights::Home, &[effect], &[]), Ok(()));
        }
    }
    assert!(matches!(
        effect_of(Rights::Undelegated, &[Effect::Edits("blurred".into())], &[]),
        Err(Refused::Undecided(_))
    ));
    let may = Delegation {
        privileges: Some(texts(["secret-admins"])),
        ..Delegation::default()
    };
    assert_eq!(
        effect_of(Rights::Delegated(&may), &[Effect::SetsPassword("root".into())], &[]),
        Ok(())
    );
}

#[test]
fn what_the_object_gave_itself_can_be_withdrawn_and_no_password_is_set_before_that() {
    let undelegated = |effects: &[Effect]| effect_of(Rights::Undelegated, effects, &["secret-admins"]);
    let leaves = || Effect::Leaves {
        user: "root".into(),
        group: "secret-admins".into(),
    };
    let root = || "root".to_owned();
    assert_eq!(undelegated(&[Effect::Edits(root()), leaves()]), Ok(()));
    assert_eq!(undelegated(&[Effect::Disables(root())]), Ok(()));
    assert_eq!(undelegated(&[Effect::Deletes(root())]), Ok(()));
    assert!(undelegated(&[Effect::SetsPassword(root())]).is_err());
    assert_eq!(undelegated(&[Effect::SetsPassword(root()), leaves()]), Ok(()));
}

#[test]
fn a_group_that_became_privileged_is_joined_and_filled_no_more() {
    let standing =
        |statement: &Statement| with_judge(Rights::Undelegated, None, |judge| judge.standing(statement, &world()));
    let joins = |group: &str| changed(user("jane"), |one| one.declared.joins = texts([group]));
    assert_eq!(standing(&joins("readers")), Ok(()));
    assert!(matches!(standing(&joins("coders")), Err(Refused::NotAllowed(_))));
    assert!(matches!(standing(&joins("opaque")), Err(Refused::Undecided(_))));
    let fills = |name: &str| changed(group(name, &[]), |one| one.declared.fills_group = true);
    assert_eq!(standing(&fills("readers")), Ok(()));
    assert!(matches!(standing(&fills("secret-admins")), Err(Refused::NotAllowed(_))));
    let key = |user: &str| changed(user_key(), |one| one.declared.acts_as = texts([user]));
    assert_eq!(standing(&key("jane")), Ok(()));
    assert!(matches!(standing(&key("root")), Err(Refused::NotAllowed(_))));
}

#[test]
fn while_nobody_knows_which_delegation_applies_nothing_is_written_or_shown() {
    with_judge(Rights::Unknown, None, |judge| {
        for statement in [user("jane"), changed(user("jane"), |one| one.observes = true)] {
            assert_eq!(judge.declared(&statement), Ok(()), "it is not refused for good");
            assert!(matches!(
                judge.standing(&statement, &world()),
                Err(Refused::Undecided(_))
            ));
        }
        let effects = [Effect::Edits("jane".into())];
        let verdict = judge.effects(&effects, &Grants::default(), &world());
        assert!(matches!(verdict, Err(Refused::Undecided(_))));
    });
}

fn user_key() -> Statement {
    Statement {
        kind: "DssPersonalApiKey",
        ..Statement::default()
    }
}

#[test]
fn what_was_adopted_is_removed_only_as_far_as_the_delegation_says() {
    let adopted = changed(user("jane"), |one| one.origin = Some(Origin::Adopted));
    let created = changed(user("jane"), |one| one.origin = Some(Origin::Created));
    let removal = |delegation: Option<&Delegation>, statement: &Statement, deletes: bool| {
        let rights = delegation.map_or(Rights::Undelegated, Rights::Delegated);
        with_judge(rights, None, |judge| judge.removal(statement, deletes).is_ok())
    };
    let (adopts, deletes) = (
        Delegation {
            adopt: Some(true),
            ..Delegation::default()
        },
        Delegation {
            delete: Some(true),
            ..Delegation::default()
        },
    );
    for (delegation, deletes, expected) in [
        (None, true, false),
        (None, false, false),
        (Some(&adopts), false, true),
        (Some(&adopts), true, false),
        (Some(&deletes), true, true),
    ] {
        assert_eq!(
            removal(delegation, &adopted, deletes),
            expected,
            "{delegation:?} {deletes}"
        );
        assert!(removal(delegation, &created, deletes));
    }
}

#[test]
fn a_membership_that_others_gave_ends_only_where_the_delegation_names_the_user_and_the_group() {
    let narrow = narrow();
    let leaves = |user: &str, group: &str| Effect::Leaves {
        user: user.into(),
        group: group.into(),
    };
    let verdict = |user: &str, group: &str, granted: &[&str]| {
        effect_of(Rights::Delegated(&narrow), &[leaves(user, group)], granted)
    };
    assert_eq!(verdict("x@team-a.example.com", "team-a-x", &[]), Ok(()));
    for (user, group, setting) in [
        ("ceo@example.com", "team-a-x", "`users`"),
        ("x@team-a.example.com", "team-b", "`groups`"),
    ] {
        let Err(Refused::NotAllowed(message)) = verdict(user, group, &[]) else {
            panic!("{user} leaves {group}");
        };
        assert!(
            message.contains(setting) && !message.contains(user) && !message.contains(group),
            "{message}"
        );
    }
    assert_eq!(
        verdict("CEO@example.com", "team-a-x", &["ceo@example.com"]),
        Ok(()),
        "the object added the member"
    );
    assert_eq!(
        verdict("x@team-a.example.com", "team-b", &["team-b"]),
        Ok(()),
        "the object gave the group"
    );
    assert_eq!(
        effect_of(Rights::Undelegated, &[leaves("ceo@example.com", "own")], &[]),
        Ok(())
    );
    assert_eq!(
        effect_of(Rights::Home, &[leaves("ceo@example.com", "any")], &[]),
        Ok(())
    );
}
