//! Users of directories: bring them in line, or create them.

use std::{collections::HashSet, time::Duration};

use serde_json::Value;

use super::{Side, futures, is_verdict, some_of};
use crate::{
    crd::{
        dss_task::{ProvisionUsers, ResyncUsers},
        run::RunPhase,
    },
    dataiku::dip::{
        DipProduct,
        tasks::{Answered, ExternalFilter},
    },
    engine::{
        Error,
        connect::Effect,
        run::{Ending, Progress, Task, Writes},
    },
    kinds::node::Known,
};

/// Source types of users who come from no directory, so that no resync changes them.
const NO_DIRECTORY: [&str; 2] = ["LOCAL", "LOCAL_NO_AUTH"];

/// How often, and how long apart, the node is asked for the users of a directory that it reads in the background.
const LOOKS: usize = 120;
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// Fails if a user who is to be resynced does not exist.
pub(super) fn check_users<P: DipProduct>(side: &Side<'_, P>, resync: &ResyncUsers) -> Result<(), Error> {
    for login in resync.logins.iter().flatten() {
        match side.lists.users.get(login) {
            Known::Found(_) => {}
            Known::Absent => return Err(Error::dependency(format!("user {login} does not exist yet"))),
            Known::Unknown => {
                return Err(Error::dependency(format!(
                    "nobody can tell at the moment whether user {login} exists"
                )));
            }
        }
    }
    Ok(())
}

pub(super) async fn resync<T: Task, P: DipProduct>(
    side: &Side<'_, P>,
    writes: &Writes<'_, T>,
    resync: &ResyncUsers,
) -> Result<Progress, Error> {
    let logins = resync.logins.as_deref();
    let what = match logins {
        Some(logins) => format!("resync {}", some_of("user", logins)),
        None => "resync all users".to_owned(),
    };
    let effects = match logins {
        Some(logins) => logins.iter().cloned().map(Effect::Edits).collect(),
        None => everybody(side, writes)?,
    };
    let answer = writes
        .send_affecting(&what, &effects, |permit| side.api.resync_users(permit, logins))
        .await?;
    Ok(futures::progress(side, answer))
}

/// What a resync of all users does: the node may change everybody who comes from a directory.
fn everybody<T: Task, P: DipProduct>(side: &Side<'_, P>, writes: &Writes<'_, T>) -> Result<Vec<Effect>, Error> {
    if writes.protects_somebody() && !side.lists.users.is_complete() {
        let message = "the list of users cannot be read completely, so that nobody can tell whether a resync of all users \
                       would change one whom the connection protects";
        return Err(Error::dependency(message));
    }
    let users = side.lists.users.filter(|user| {
        let source = user.source_type.as_deref();
        source.is_none_or(|source| !NO_DIRECTORY.contains(&source))
    });
    Ok(users.iter().map(|user| Effect::Edits(user.login.clone())).collect())
}

/// What a provisioning does, for people.
pub(super) fn describe(provision: &ProvisionUsers) -> String {
    let source = provision.source_type.as_str();
    match (&provision.login, &provision.email, &provision.group) {
        (Some(login), ..) => format!("provision user {login} of {source}"),
        (_, Some(email), _) => format!("provision the user of {source} with the email {email}"),
        (.., group) => format!(
            "provision the users of group {} of {source}",
            group.as_deref().unwrap_or("?")
        ),
    }
}

/// Reads the users of the directory, and creates those who do not exist.
pub(super) async fn provision<T: Task, P: DipProduct>(
    side: &Side<'_, P>,
    writes: &Writes<'_, T>,
    provision: &ProvisionUsers,
) -> Result<Progress, Error> {
    let found = match external(side, provision).await? {
        Ok(found) => found,
        Err(why) => return Ok(Progress::Ended(Ending::new(RunPhase::Failed, why))),
    };
    let what = describe(provision);
    if found.is_empty() {
        let message = format!("{what}: the directory has no such user");
        return Ok(Progress::Ended(Ending::new(RunPhase::Failed, message)));
    }
    let mut existing: HashSet<String> = HashSet::new();
    let listed = side.own.users(false, |user| user.login.to_lowercase()).await?;
    existing.extend(listed.items);
    let all = found.len();
    let exists = |user: &Value| {
        let login = user["login"].as_str();
        login.is_some_and(|login| existing.contains(&login.to_lowercase()))
    };
    let missing: Vec<Value> = found.into_iter().filter(|user| !exists(user)).collect();
    if missing.is_empty() {
        let ending = Ending::new(RunPhase::Succeeded, format!("{what}: all {all} of them exist"));
        return Ok(Progress::Ended(ending.count("existing", all)));
    }
    let source = provision.source_type.as_str();
    let what = format!("{what}: create {} of {all}", missing.len());
    // Nobody knew before the directory answered whom the node would create.
    let logins = missing.iter().filter_map(|user| user["login"].as_str());
    let effects: Vec<Effect> = logins.map(|login| Effect::Edits(login.to_owned())).collect();
    let answer = writes
        .send_affecting(&what, &effects, |permit| {
            side.api.provision_users(permit, source, &missing)
        })
        .await?;
    Ok(futures::progress(side, answer))
}

/// Users of the directory; the inner error says for people why there are none.
async fn external<P: DipProduct>(
    side: &Side<'_, P>,
    provision: &ProvisionUsers,
) -> Result<Result<Vec<Value>, String>, Error> {
    let filter = ExternalFilter {
        login: provision.login.as_deref(),
        email: provision.email.as_deref(),
        group: provision.group.as_deref(),
    };
    let source = provision.source_type.as_str();
    let mut answer = side.api.external_users(source, filter).await?;
    let mut looks = 0;
    let users = loop {
        let task = match answer {
            Answered::Done(users) => break users,
            Answered::Running(task) => task,
        };
        if looks == LOOKS {
            return Ok(Err(format!(
                "the node does not answer who is in {source}: future {} goes on",
                task.id
            )));
        }
        looks += 1;
        tokio::time::sleep(LOOK_AFTER).await;
        answer = match side.api.take_result(&task.id).await {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(Err(format!("the node does not know future {} any more", task.id))),
            Err(error) if is_verdict(&error) => {
                return Ok(Err(format!("the node cannot read {source}: {}", error.message)));
            }
            Err(error) => return Err(error.into()),
        };
    };
    let Value::Array(users) = users else {
        return Ok(Err(format!("the node answered no list of users of {source}")));
    };
    Ok(matching(users, provision))
}

/// The users that were asked for. A release that does not know a filter answers everybody, and nobody else is to get an account.
fn matching(mut users: Vec<Value>, provision: &ProvisionUsers) -> Result<Vec<Value>, String> {
    let (member, wanted) = match (&provision.login, &provision.email) {
        (Some(login), _) => ("login", login),
        (None, Some(email)) => ("email", email),
        // The directory alone knows who is in a group.
        (None, None) => return Ok(users),
    };
    let answered = users.len();
    users.retain(|user| {
        user[member]
            .as_str()
            .is_some_and(|found| found.to_lowercase() == wanted.to_lowercase())
    });
    if users.len() > 1 {
        return Err(format!(
            "the node answered {} users with the {member} {wanted}: nobody was created",
            users.len()
        ));
    }
    if users.is_empty() && answered > 0 {
        return Err(format!(
            "the node answered {answered} users, none of them with the {member} {wanted}: nobody was created"
        ));
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(spec: &Value) -> ProvisionUsers {
        let mut all = json!({ "sourceType": "LDAP" });
        json_patch::merge(&mut all, spec);
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn nobody_is_provisioned_but_the_user_who_was_asked_for() {
        let everybody = || vec![json!({ "login": "a", "email": "A@x.org" }), json!({ "login": "b" })];
        let found = matching(everybody(), &asked(&json!({ "email": "a@X.org" }))).unwrap();
        assert_eq!(found, [json!({ "login": "a", "email": "A@x.org" })]);
        // A directory may store the login in another case.
        let found = matching(everybody(), &asked(&json!({ "login": "A" }))).unwrap();
        assert_eq!(found, [json!({ "login": "a", "email": "A@x.org" })]);
        let refused = matching(everybody(), &asked(&json!({ "login": "c" }))).unwrap_err();
        assert!(refused.contains("none of them with the login c"), "{refused}");
        let one = vec![json!({ "login": "somebody-else" })];
        assert!(matching(one, &asked(&json!({ "login": "c" }))).is_err());
        let twice = vec![json!({ "login": "a" }), json!({ "login": "A" })];
        assert!(matching(twice, &asked(&json!({ "login": "a" }))).is_err());
        assert_eq!(matching(Vec::new(), &asked(&json!({ "login": "a" }))), Ok(Vec::new()));
        assert_eq!(
            matching(everybody(), &asked(&json!({ "group": "g" }))).unwrap().len(),
            2
        );
    }
}
