//! What is derived, and its form as CSV.

use super::*;

#[test]
fn a_name_that_looks_like_a_formula_is_text_and_one_with_separators_is_one_cell() {
    let access = Access {
        users: vec![User {
            login: "=HYPERLINK(\"x\")".to_owned(),
            name: Some("a, \"b\"\nc".to_owned()),
            ..User::default()
        }],
        ..Access::default()
    };
    let text = sheet(&access).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let row = reader.records().next().unwrap().unwrap();
    assert_eq!((&row[1], &row[2]), ("'=HYPERLINK(\"x\")", "a, \"b\"\nc"));
    assert_eq!(row.len(), COLUMNS.len());
}

#[test]
fn the_right_to_everything_is_the_source_of_every_other() {
    let right = |name: &str| Right {
        right: name.to_owned(),
        from: vec!["group g".to_owned()],
    };
    let found = |rights: &[Right], wanted: &str| source(rights, wanted);
    assert_eq!(found(&[right("mayFly")], "mayFly").as_deref(), Some("group g"));
    assert_eq!(
        found(&[right(ADMIN)], "mayFly").as_deref(),
        Some("the admin right from group g")
    );
    assert_eq!(found(&[right("mayFly")], ADMIN), None);
}

/// Ten thousand users in twenty groups each, as a bank has them.
#[test]
fn the_sheet_of_ten_thousand_users_fits_a_config_map_only_compressed() {
    let right = |name: &str, group: usize| Right {
        right: name.to_owned(),
        from: vec![format!("group department-{group}")],
    };
    let user = |n: usize| User {
        login: format!("first.last-{n}"),
        name: Some(format!("First Last {n}")),
        email: Some(format!("first.last-{n}@example.com")),
        source: Some("LDAP".to_owned()),
        enabled: Some(true),
        profile: Some("READER".to_owned()),
        groups: (0..20)
            .map(|step| format!("department-{}", (n + 7 * step) % 300))
            .collect(),
        rights: ["mayCreateProjects", "mayWriteSafeCode", "mayWriteUnsafeCode"]
            .map(|name| right(name, n % 300))
            .into(),
        last_login: Some(format!("2026-11-{:02}T0{}:00:00Z", 1 + n % 28, n % 10)),
        ..User::default()
    };
    let access = Access {
        users: (0..10_000).map(user).collect(),
        ..Access::default()
    };
    let text = sheet(&access).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap().len();
    println!("{} bytes as text, {packed} compressed", text.len());
    assert!(text.len() > 1 << 20 && packed < 1 << 19, "{} and {packed}", text.len());
}
