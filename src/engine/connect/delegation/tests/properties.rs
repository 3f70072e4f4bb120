//! What holds of every verdict.

use proptest::prelude::*;

use super::*;

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "jane",
        "root",
        "blurred",
        "readers",
        "secret-admins",
        "coders",
        "opaque",
        "admin",
        "mayCreateProjects",
        "*",
    ])
    .prop_map(str::to_owned)
}

fn list() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(name(), 0..4)
}

prop_compose! {
    fn delegation()(
        kinds in prop::option::of(Just(texts(["DssUser"]))),
        users in prop::option::of(list()),
        groups in prop::option::of(list()),
        permissions in prop::option::of(list()),
        privileges in prop::option::of(list()),
        adopt in prop::option::of(any::<bool>()),
        delete in prop::option::of(any::<bool>()),
    ) -> Delegation {
        Delegation { kinds, users, groups, permissions, adopt, delete, privileges, ..Delegation::default() }
    }
}

prop_compose! {
    fn statement()(
        user in prop::option::of(name()),
        group in prop::option::of(name()),
        joins in list(),
        acts_as in list(),
        flags in list(),
        fills_group in any::<bool>(),
        adopts in any::<bool>(),
        by_name in any::<bool>(),
        origin in prop::option::of(prop::sample::select(vec![Origin::Created, Origin::Adopted])),
    ) -> Statement {
        Statement {
            kind: "DssUser",
            declared: Declared {
                delegable: if by_name { Delegable::ByName } else { Delegable::Freely },
                user, group, joins, acts_as, fills_group,
                flags: flags.into_iter().collect(),
                ..Declared::default()
            },
            adopts,
            origin,
            ..Statement::default()
        }
    }
}

fn effects(user: String, group: String) -> Vec<Effect> {
    vec![
        Effect::Edits(user.clone()),
        Effect::Disables(user.clone()),
        Effect::Deletes(user.clone()),
        Effect::SetsPassword(user.clone()),
        Effect::Leaves { user, group },
        Effect::Grants {
            flag: "admin".to_owned(),
            privileged: false,
        },
    ]
}

/// Whether the group may hold something privileged that the delegation does not give.
fn exceeds(world: &World, group: &str, given: &[String]) -> bool {
    !given.iter().any(|one| one == group)
        && world.held(group).is_none_or(|held| {
            held.flags
                .iter()
                .any(|flag| Privileges::default().holds(flag) && !given.contains(flag))
        })
}

proptest! {
    #[test]
    fn no_delegation_gives_a_privilege_that_it_does_not_name(delegation in delegation(), statement in statement()) {
        let world = world();
        let given = delegation.privileges.clone().unwrap_or_default();
        let allowed = with_judge(Rights::Delegated(&delegation), None, |judge| {
            judge.declared(&statement).is_ok() && judge.standing(&statement, &world).is_ok()
        });
        if allowed {
            let declared = &statement.declared;
            prop_assert!(!declared.flags.contains("admin") || given.contains(&"admin".to_owned()));
            for group in &declared.joins {
                prop_assert!(!exceeds(&world, group, &given), "joins {group}");
            }
            for user in &declared.acts_as {
                let groups = world.memberships(user);
                prop_assert!(groups.is_some_and(|all| all.iter().all(|one| !exceeds(&world, one, &given))));
            }
            prop_assert!(!statement.takes_over() || delegation.adopt == Some(true));
        }
    }

    #[test]
    fn whatever_is_allowed_without_a_delegation_is_allowed_in_the_connections_own_namespace(statement in statement()) {
        let here = with_judge(Rights::Home, None, |judge| judge.declared(&statement).is_ok());
        prop_assert!(here);
    }

    #[test]
    fn no_refusal_tells_what_the_remote_side_holds(
        delegation in delegation(),
        user in prop::sample::select(vec!["jane", "root", "blurred"]),
    ) {
        for effect in effects(user.to_owned(), "readers".to_owned()) {
            let verdict = with_judge(Rights::Delegated(&delegation), None, |judge| {
                judge.effects(std::slice::from_ref(&effect), &Grants::default(), &world())
            });
            if let Err(refused) = verdict {
                let message = refused.to_string();
                for secret in ["secret-admins", "coders", "opaque", "mayWriteUnsafeCode"] {
                    prop_assert!(!message.contains(secret), "{message}");
                }
            }
        }
    }

    #[test]
    fn an_account_in_a_privileged_group_is_touched_only_with_that_privilege(
        delegation in delegation(),
        user in prop::sample::select(vec!["jane", "root", "blurred"]),
    ) {
        let world = world();
        let given = delegation.privileges.clone().unwrap_or_default();
        let effect = [Effect::SetsPassword(user.to_owned())];
        let allowed = with_judge(Rights::Delegated(&delegation), None, |judge| {
            judge.effects(&effect, &Grants::default(), &world).is_ok()
        });
        let groups = world.memberships(user);
        let within = groups.is_some_and(|all| all.iter().all(|one| !exceeds(&world, one, &given)));
        prop_assert_eq!(allowed, within);
    }
}
