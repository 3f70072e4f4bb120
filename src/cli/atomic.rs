//! Files that are complete, or as they were.

use std::{io::Write, path::Path};

use anyhow::{Context, anyhow, bail};
use tempfile::NamedTempFile;

/// Replaces a file as a whole.
///
/// # Errors
/// It cannot be written; what was there stays.
pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let path = std::path::absolute(path).with_context(|| format!("find {}", path.display()))?;
    let parent = path.parent().context("the file cannot be the root")?;
    let begin = || -> std::io::Result<NamedTempFile> {
        let mut file = NamedTempFile::new_in(parent)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    if !parent.is_dir() {
        bail!("there is no directory {}: create it first", parent.display());
    }
    // The name of the temporary file says nothing to anybody.
    let file = begin().map_err(|error| anyhow!("nothing can be written in {}: {}", parent.display(), error.kind()))?;
    file.persist(&path)
        .with_context(|| format!("put the file in {}", path.display()))?;
    Ok(())
}
