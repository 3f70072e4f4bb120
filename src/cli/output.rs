//! What commands print: the same report as tables, Markdown, JSON or KYAML. Never in colour.

use std::fmt::Write;

use serde::Serialize;

use super::{args::Format, kyaml};

/// A report that can be shown as tables.
pub(super) trait Report: Serialize {
    /// Its tables.
    fn tables(&self) -> Vec<Table>;
    /// What stands above the tables, a sentence each: what the command wrote, and where.
    fn sentences(&self) -> Vec<String> {
        Vec::new()
    }
    /// What stands on standard error beside it, a sentence each.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A table.
pub(super) struct Table {
    /// What stands above it.
    pub title: &'static str,
    /// The names of the columns.
    pub columns: Vec<&'static str>,
    /// The cells, row by row.
    pub rows: Vec<Vec<String>>,
}

/// The report in this form.
pub(super) fn render(report: &impl Report, format: Format) -> anyhow::Result<String> {
    Ok(match format {
        Format::Table => blocks(report, visible, plain),
        Format::Md => blocks(report, inert, markdown),
        Format::Json => serde_json::to_string_pretty(report)? + "\n",
        Format::Kyaml => kyaml::document(&serde_json::to_value(report)?),
    })
}

/// The sentences and the tables, with an empty line between two of them.
fn blocks(report: &impl Report, sentence: fn(&str) -> String, table: fn(&Table) -> String) -> String {
    let sentences = report.sentences();
    let sentences = sentences.iter().map(|one| sentence(one) + "\n");
    let tables = report.tables();
    let tables = tables.iter().map(table);
    sentences.chain(tables).collect::<Vec<_>>().join("\n")
}

fn plain(table: &Table) -> String {
    let head: Vec<String> = table.columns.iter().map(|name| name.to_uppercase()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head)
        .chain(
            table
                .rows
                .iter()
                .map(|row| row.iter().map(|cell| visible(cell)).collect()),
        )
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let mut text = format!("{}\n", table.title);
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn markdown(table: &Table) -> String {
    let mut text = format!("### {}\n\n| {} |\n", table.title, table.columns.join(" | "));
    text.push_str(&"| --- ".repeat(table.columns.len()));
    text.push_str("|\n");
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(|cell| inert(cell)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// The text without anything that a terminal obeys.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
        if c.is_control() || turns {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The same for a text of several lines.
pub(super) fn visible_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    lines.join("\n")
}

/// The text without anything that Markdown obeys: names are other people's text, and a comment is read by many.
fn inert(text: &str) -> String {
    let mut shown = String::new();
    for c in visible(text).chars() {
        if matches!(
            c,
            '|' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '\\' | '!' | '@' | '#' | '&'
        ) {
            let _ = write!(shown, "&#{};", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::visible_lines;

    #[test]
    fn an_error_keeps_its_lines_and_nothing_that_a_terminal_obeys() {
        assert_eq!(visible_lines("a\n  b\u{1b}[2J\r"), "a\n  b\\u{1b}[2J\\u{d}");
    }
}
