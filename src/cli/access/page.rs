//! The report as one page that needs no network.

use std::fmt::Write as _;

use serde::Serialize;

const PAGE: &str = include_str!("page.html");

/// The page.
pub(super) fn page(access: &super::model::Access) -> anyhow::Result<String> {
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
