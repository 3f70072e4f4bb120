//! The report as one page that needs no network.

use std::fmt::Write as _;

use serde::Serialize;

use crate::kinds::access::Access;

const PAGE: &str = include_str!("page.html");

/// The page. Rights of single users on projects are left out, since they would be most of it: those of their groups stand in
/// it, and the other forms have them.
pub(super) fn page(access: &mut Access) -> anyhow::Result<String> {
    for user in &mut access.users {
        user.projects.clear();
    }
    page_of(access)
}

/// The page of any data. Names are other people's text: they stand in it as JSON without a character that HTML obeys, and the
/// script of the page shows them as text alone.
pub(super) fn page_of(access: &impl Serialize) -> anyhow::Result<String> {
    let mut data = String::new();
    for c in serde_json::to_string(access)?.chars() {
        match c {
            '<' | '>' | '&' | '\'' | '\u{2028}' | '\u{2029}' => {
                // Writing to a String cannot fail.
                let _ = write!(data, "\\u{:04x}", u32::from(c));
            }
            other => data.push(other),
        }
    }
    let (before, after) = PAGE.split_once("{{data}}").unwrap_or((PAGE, ""));
    Ok([before, &data, after].concat())
}
