//! The documents of `examples/`, for the reference pages.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;

/// The documents of each kind, in the order of the files' names, each with the comment above it.
///
/// # Errors
/// A file cannot be read.
pub(super) fn by_kind(root: &Path) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let folder = root.join("examples");
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
    {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        for (kind, document) in documents(&text) {
            found.entry(kind).or_default().push(document);
        }
    }
    Ok(found)
}

/// The documents of a file, each with its kind. The comment at the top of a file is about all of them, so it belongs to none.
fn documents(text: &str) -> Vec<(String, String)> {
    let body = text
        .lines()
        .skip_while(|line| line.starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n");
    body.split("\n---\n")
        .filter_map(|document| {
            let kind = document.lines().find_map(|line| line.strip_prefix("kind: "))?;
            Some((kind.to_owned(), format!("{}\n", document.trim())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_the_comment_above_it_and_not_that_of_its_file() {
        let text = "# Of the file.\nkind: A\nspec: {}\n---\n# Of B.\nkind: B\n---\nnone: 1\n";
        let expected = [("A", "kind: A\nspec: {}\n"), ("B", "# Of B.\nkind: B\n")];
        assert_eq!(documents(text), expected.map(|(kind, text)| (kind.into(), text.into())));
    }
}
