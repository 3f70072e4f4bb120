//! The simulator is written from the contract sheet. What it took from the operator would agree with it whatever it says.

use std::path::{Path, PathBuf};

/// What would bring code of the operator in.
const DOORS: [&str; 4] = ["dataiku-operator", "dataiku_operator", "include!", "#[path"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn the_simulator_takes_nothing_from_the_operator() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![package.join("Cargo.toml")];
    sources(&package.join("src"), &mut files);
    assert!(files.len() > 50, "only {} files were read", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let open: Vec<_> = DOORS.into_iter().filter(|door| text.contains(door)).collect();
        assert!(open.is_empty(), "{}: {open:?}", file.display());
    }
}
