//! The content of notebooks, in the format of Jupyter (nbformat). It is the users' own: no message quotes any of it.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::TaskGiven;
use crate::{
    crd::dss_task::{ContentRef, DEFAULT_CONTENT_KEY},
    engine::{Error, SecretUse, SourceKind},
};

const SLOT: &str = "content";

/// Where the content of a notebook that is written comes from.
pub(super) fn source(content: &ContentRef) -> SecretUse {
    SecretUse {
        slot: SLOT.to_owned(),
        kind: SourceKind::ConfigMap,
        name: content.name.clone(),
        key: content.key.clone().unwrap_or_else(|| DEFAULT_CONTENT_KEY.to_owned()),
        multiline: true,
        published: false,
    }
}

/// The content to write.
pub(super) fn read(given: &TaskGiven<'_>) -> Result<Value, Error> {
    let text = given.secrets.value(SLOT);
    let text = text.ok_or_else(|| Error::Internal("the content of the notebook was not read".into()))?;
    let refused = |why: &str| {
        Error::invalid(format!(
            "contentRef does not lead to a Jupyter notebook (nbformat 4): {why}"
        ))
    };
    let content: Value = serde_json::from_str(text.expose_secret()).map_err(|_| refused("it is not JSON"))?;
    check(&content).map_err(refused)?;
    Ok(content)
}

/// Whether two notebooks have the same cells. A server may write a source as one text or as its lines, and fill in the rest.
pub(super) fn has_same_cells(one: &Value, other: &Value) -> bool {
    let cells = |notebook: &Value| -> Option<Vec<(String, String)>> {
        let cells = notebook["cells"].as_array()?.iter();
        cells
            .map(|cell| Some((cell["cell_type"].as_str()?.to_owned(), text(&cell["source"])?)))
            .collect()
    };
    cells(one).is_some_and(|one| Some(one) == cells(other))
}

fn text(source: &Value) -> Option<String> {
    match source {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => lines.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Fails if this is no notebook; says why, without quoting it.
fn check(content: &Value) -> Result<(), &'static str> {
    if !content.is_object() {
        return Err("it is no object");
    }
    match content["nbformat"].as_u64() {
        Some(4) => {}
        Some(_) => return Err("nbformat is another version"),
        None => return Err("nbformat is missing"),
    }
    if !content["metadata"].is_object() {
        return Err("metadata is missing");
    }
    let Some(cells) = content["cells"].as_array() else {
        return Err("cells are missing");
    };
    let is_cell = |cell: &Value| {
        let known = matches!(cell["cell_type"].as_str(), Some("code" | "markdown" | "raw"));
        known && (cell["source"].is_string() || cell["source"].is_array())
    };
    if cells.iter().all(is_cell) {
        Ok(())
    } else {
        Err("a cell has no cell_type of code, markdown or raw, or no source")
    }
}

/// Removes what the cells put out.
pub(super) fn without_outputs(content: &mut Value) {
    let cells = content["cells"].as_array_mut().into_iter().flatten();
    for cell in cells.filter(|cell| cell["cell_type"] == "code") {
        cell["outputs"] = json!([]);
        cell["execution_count"] = Value::Null;
    }
}

/// The key of a notebook in a `ConfigMap`: its name, or, where no key may be called so, something like it.
pub(super) fn key(name: &str) -> String {
    const LONGEST: usize = 240;
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.len() <= LONGEST && name.chars().all(is_legal) {
        return format!("{name}.ipynb");
    }
    let mut hash: u32 = 0x811c_9dc5;
    for byte in name.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let legal = name.chars().map(|c| if is_legal(c) { c } else { '_' });
    let legal: String = legal.take(LONGEST - 10).collect();
    format!("{legal}-{hash:08x}.ipynb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_notebook_of_the_present_format_is_one() {
        let cell = json!({ "cell_type": "code", "source": ["1"], "outputs": [], "metadata": {} });
        let good = json!({ "nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell] });
        assert_eq!(check(&good), Ok(()));
        let patched = |patch: Value| {
            let mut content = good.clone();
            json_patch::merge(&mut content, &patch);
            check(&content)
        };
        for patch in [
            json!({ "nbformat": 3 }),
            json!({ "nbformat": "4" }),
            json!({ "metadata": null }),
            json!({ "cells": null }),
            json!({ "cells": [{ "cell_type": "code" }] }),
            json!({ "cells": [{ "cell_type": "other", "source": "" }] }),
        ] {
            assert!(patched(patch.clone()).is_err(), "{patch}");
        }
        assert!(check(&json!([])).is_err());
    }

    #[test]
    fn keys_are_legal_and_tell_notebooks_apart() {
        assert_eq!(key("explore-1.v2_a"), "explore-1.v2_a.ipynb");
        let (one, other) = (key("explore it"), key("explore/it"));
        assert!(one.starts_with("explore_it-") && one != other, "{one} {other}");
        assert!(key(&"é".repeat(400)).len() <= 253);
    }

    #[test]
    fn outputs_of_code_go_and_everything_else_stays() {
        let mut content = json!({ "cells": [
            { "cell_type": "code", "source": "1", "outputs": [{ "text": "1" }], "execution_count": 3 },
            { "cell_type": "markdown", "source": "# x" },
        ], "metadata": { "k": 1 } });
        without_outputs(&mut content);
        assert_eq!(content["cells"][0]["outputs"], json!([]));
        assert_eq!(content["cells"][0]["source"], "1");
        assert_eq!(content["cells"][1], json!({ "cell_type": "markdown", "source": "# x" }));
    }
}
