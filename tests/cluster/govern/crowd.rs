//! Many objects, a person and another tool write the documents of one blueprint at once.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::{BLUEPRINT, ROLE, assignment, document, holders, in_sync, patch, rule};
use crate::bed::{Bed, object};
use crate::ground::Ground;

const ASSIGNMENTS: &str = "blueprint-role-assignments";
const PERMISSIONS: &str = "blueprint-permissions";

/// Somebody edits a document of the blueprint by the API, as the page in Govern does: they read it, take a moment, save it, and look
/// whether their edit is there. Govern has no conditional write, so what is saved between a read and the write that follows it is
/// lost. Whoever finds that saves it again, the operator as well as a person.
struct Editor<'a> {
    bed: &'a Bed,
    client: reqwest::Client,
    document: &'static str,
    /// Between reading and saving.
    moment: Duration,
    saves: u64,
}

impl<'a> Editor<'a> {
    fn new(bed: &'a Bed, document: &'static str, moment: Duration) -> Self {
        Self {
            bed,
            client: reqwest::Client::new(),
            document,
            moment,
            saves: 0,
        }
    }

    /// Saves the document with this edit.
    async fn save(&mut self, edit: impl Fn(&mut Value)) {
        let answer = self.request(reqwest::Method::GET).send().await.unwrap();
        let mut document: Value = answer.json().await.unwrap();
        tokio::time::sleep(self.moment).await;
        edit(&mut document);
        self.saves += 1;
        let saved = self.request(reqwest::Method::PUT).json(&document).send().await;
        assert!(saved.unwrap().status().is_success());
    }

    fn request(&self, method: reqwest::Method) -> reqwest::RequestBuilder {
        let url = format!(
            "{}/dip/publicapi/admin/{}/{BLUEPRINT}",
            self.bed.remote.url(),
            self.document
        );
        self.client
            .request(method, url)
            .basic_auth(self.bed.remote.api_key(), Some(""))
    }
}

in_memory!(a_hundred_objects_and_a_person_write_one_document_and_nobody_loses_a_rule);
async fn a_hundred_objects_and_a_person_write_one_document_and_nobody_loses_a_rule(ground: &Ground) {
    let bed = ground.govern("hundred").await;
    bed.remote.patch_state(patch(ROLE, &[rule("theirs")])).unwrap();
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    let names: Vec<_> = (0..100).map(|n| format!("person-{n:03}")).collect();
    let applying = async {
        let all: Vec<_> = names.iter().map(|name| assignment(name, json!({}))).collect();
        futures::future::join_all(all.iter().map(|object| bed.apply(object))).await;
    };
    let mut person = Editor::new(&bed, ASSIGNMENTS, Duration::ZERO);
    let hands: Vec<_> = (0..20).map(|n| format!("hand-{n:02}")).collect();
    let by_hand = async {
        let mut rules = Vec::new();
        let set = |rules: &[Value]| {
            let rules = json!(rules);
            move |document: &mut Value| document["roleAssignmentsRules"]["ro.reader"] = rules.clone()
        };
        for hand in &hands {
            rules.push(rule(hand));
            person.save(set(&rules)).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // A person looks once more, and adds what was lost.
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if holders(&bed, "ro.reader") != hands {
                person.save(set(&rules)).await;
            }
        }
    };
    tokio::join!(applying, by_hand);
    let mut everybody = names.clone();
    everybody.push("theirs".to_owned());
    bed.until("everybody's rule", || holders(&bed, ROLE) == everybody).await;
    for name in &names {
        in_sync(&bed, name).await;
    }
    assert_eq!(holders(&bed, "ro.reader"), hands, "nothing of theirs is undone");
    let counts = bed.remote.requests().counts;
    eprintln!("writes and reads of the document for 100 objects: {counts:?}");
    let writes = bed.remote.writes() - person.saves;
    assert!(writes <= 40, "{writes} writes of ours: {counts:?}");
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.sweeps(1).await;
    assert_eq!(bed.remote.writes(), 0);
}

/// 10 roles, 60 assignments (10 of them by the name of a `GovernRole`) and 30 permissions, all about one blueprint.
fn of_three_kinds() -> Vec<Value> {
    let on_govern = |spec: Value| crate::bed::merged(json!({ "instanceRef": { "name": "govern" } }), spec);
    let roles = (0..10).map(|n| {
        let name = format!("team-{n}");
        object(
            "GovernRole",
            &name,
            on_govern(json!({ "identifier": name, "label": "Team" })),
        )
    });
    let of_roles = (0..10).map(|n| {
        let spec = json!({ "blueprintId": BLUEPRINT, "roleRef": { "name": format!("team-{n}") }, "rules": [{ "groups": ["readers"] }] });
        object("GovernRoleAssignment", &format!("of-team-{n}"), on_govern(spec))
    });
    let of_people = (0..50).map(|n| assignment(&format!("person-{n:02}"), json!({})));
    let permissions = (0..30).map(|n| {
        let own = json!({ "roles": { format!("ro.own-{n:02}"): { "read": true } } });
        let spec = json!({ "blueprintId": BLUEPRINT, "permissions": own });
        object("GovernBlueprintPermissions", &format!("own-{n:02}"), on_govern(spec))
    });
    roles.chain(of_roles).chain(of_people).chain(permissions).collect()
}

/// Names of `ro.<start>…` in the permissions of the blueprint.
fn permitted(bed: &Bed, start: &str) -> BTreeSet<String> {
    let roles = bed
        .remote
        .state_at(&format!("/blueprintPermissions/{BLUEPRINT}/permissions/roles"));
    let roles = roles.and_then(|roles| roles.as_object().cloned()).unwrap_or_default();
    let wanted = roles.keys().filter(|name| name.starts_with(start));
    wanted.cloned().collect()
}

/// What of the operator is in both documents: rules of people, rules of teams, permissions.
fn ours(bed: &Bed) -> (usize, usize, usize) {
    let rules = document(bed).map(|document| document["roleAssignmentsRules"].clone());
    let rules = rules.and_then(|rules| rules.as_object().cloned()).unwrap_or_default();
    let teams = rules
        .iter()
        .filter(|(role, rules)| role.starts_with("ro.team-") && rules.as_array().is_some_and(|rules| rules.len() == 1));
    let people = holders(bed, ROLE)
        .iter()
        .filter(|name| name.starts_with("person-"))
        .count();
    (people, teams.count(), permitted(bed, "ro.own-").len())
}

/// Adds a rule for each of these hands that has none.
async fn add_rules(person: &mut Editor<'_>, hands: &[String]) {
    let add = |document: &mut Value| {
        let rules = &mut document["roleAssignmentsRules"]["ro.reader"];
        let mut all = rules.as_array().cloned().unwrap_or_default();
        for hand in hands {
            if !all.iter().any(|rule| rule["userContainers"][0]["login"] == **hand) {
                all.push(rule(hand));
            }
        }
        *rules = json!(all);
    };
    person.save(add).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// Adds the rules again until none of them is lost; how many were.
async fn rules_lost(person: &mut Editor<'_>, hands: &[String]) -> usize {
    let bed = person.bed;
    let mut lost = 0;
    loop {
        let found = holders(bed, "ro.reader");
        let missing = hands.iter().filter(|hand| !found.contains(hand)).count();
        if missing == 0 {
            return lost;
        }
        lost += missing;
        add_rules(person, hands).await;
    }
}

/// Sets a permission of each of these roles.
async fn add_permissions(tool: &mut Editor<'_>, names: &[String]) {
    let set = |document: &mut Value| {
        for name in names {
            document["permissions"]["roles"][name] = json!({ "write": true });
        }
    };
    tool.save(set).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// Sets the permissions again until none of them is lost; how many were.
async fn permissions_lost(tool: &mut Editor<'_>, names: &[String]) -> usize {
    let bed = tool.bed;
    let mut lost = 0;
    loop {
        let found = permitted(bed, "ro.tool-");
        let missing = names.iter().filter(|name| !found.contains(*name)).count();
        if missing == 0 {
            return lost;
        }
        lost += missing;
        add_permissions(tool, names).await;
    }
}

in_memory!(objects_of_three_kinds_a_person_and_a_tool_share_one_blueprint_and_everybodys_entries_survive);
async fn objects_of_three_kinds_a_person_and_a_tool_share_one_blueprint_and_everybodys_entries_survive(
    ground: &Ground,
) {
    const EDITS: usize = 20;
    const ALL: (usize, usize, usize) = (50, 10, 30);
    let bed = ground.govern("threekinds").await;
    bed.remote.patch_state(patch(ROLE, &[rule("theirs")])).unwrap();
    let found = json!({ "blueprintId": BLUEPRINT, "permissions": { "everyone": { "read": true }, "roles": {} } });
    bed.remote
        .patch_state(json!({ "blueprintPermissions": { BLUEPRINT: found } }))
        .unwrap();
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    let objects = of_three_kinds();
    let applying = async {
        futures::future::join_all(objects.iter().map(|object| bed.apply(object))).await;
    };
    // Both take a moment between reading and saving, so each save may undo what others saved in that moment.
    let mut person = Editor::new(&bed, ASSIGNMENTS, Duration::from_millis(50));
    let mut tool = Editor::new(&bed, PERMISSIONS, Duration::from_millis(20));
    let hands: Vec<_> = (0..EDITS).map(|n| format!("hand-{n:02}")).collect();
    let names: Vec<_> = (0..EDITS).map(|n| format!("ro.tool-{n:02}")).collect();
    let (mut lost_rules, mut lost_permissions) = (0, 0);
    let by_hand = async {
        for n in 1..=EDITS {
            add_rules(&mut person, &hands[..n]).await;
            lost_rules += rules_lost(&mut person, &hands[..n]).await;
        }
    };
    let by_tool = async {
        for n in 1..=EDITS {
            add_permissions(&mut tool, &names[..n]).await;
            lost_permissions += permissions_lost(&mut tool, &names[..n]).await;
        }
    };
    tokio::join!(applying, by_hand, by_tool);
    // What the operator wrote and a person or the tool undid by saving what they had read before.
    let at_the_end_of_the_edits = ours(&bed);
    bed.until("everybody's entries", || ours(&bed) == ALL).await;
    for object in &objects {
        let (kind, name) = (
            object["kind"].as_str().unwrap(),
            object["metadata"]["name"].as_str().unwrap(),
        );
        bed.wait(kind, name, "Ready=True/InSync").await;
    }
    bed.sweeps(2).await;
    // The last write of the operator may have undone an edit after its author looked: they look once more.
    lost_rules += rules_lost(&mut person, &hands).await;
    lost_permissions += permissions_lost(&mut tool, &names).await;
    bed.sweeps(2).await;
    assert_eq!(ours(&bed), ALL);
    let mut expected: Vec<_> = hands.clone();
    expected.sort();
    assert_eq!(holders(&bed, "ro.reader"), expected, "of the person, once each");
    assert_eq!(permitted(&bed, "ro.tool-").len(), EDITS, "of the tool");
    assert!(
        holders(&bed, ROLE).contains(&"theirs".to_owned()),
        "of whoever was there before"
    );
    let everyone = format!("/blueprintPermissions/{BLUEPRINT}/permissions/everyone/read");
    assert_eq!(bed.remote.state_at(&everyone), Some(json!(true)));
    let counts = bed.remote.requests().counts;
    eprintln!(
        "100 objects of three kinds; {} saves by hand, {lost_rules} edits undone and made again; {} saves by a tool, \
         {lost_permissions} edits undone and made again; ours when both had ended (rules, teams, permissions): {at_the_end_of_the_edits:?} of {ALL:?}; calls: {counts:?}",
        person.saves, tool.saves,
    );
    bed.remote.reset_requests();
    bed.sweeps(2).await;
    assert_eq!(bed.remote.writes(), 0, "nobody undoes anybody's entries for good");
}
