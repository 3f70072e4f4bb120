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
