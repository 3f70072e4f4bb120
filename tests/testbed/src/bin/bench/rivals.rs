//! Builds the rivals from the folder of their sources, beside this program, so that the sources stay as they are.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    args::Args,
    contestant::{Contestant, Program},
};

/// What the folder has to hold.
const NEEDED: [&str; 5] = [
    "crds.yaml",
    "rbac.yaml",
    "go/go.mod",
    "kopf/dataiku_operator.py",
    "kopf/requirements.txt",
];

/// The absolute path of the folder; an error that names what is missing in it.
pub fn folder(args: &Args) -> Result<PathBuf> {
    let folder = args.rivals.as_ref().context("a rival needs --rivals")?;
    let folder = std::path::absolute(folder)?;
    let missing: Vec<_> = NEEDED.into_iter().filter(|file| !folder.join(file).is_file()).collect();
    if !missing.is_empty() {
        bail!("{} holds no {}", folder.display(), missing.join(", no "));
    }
    Ok(folder)
}

/// Builds a rival, unless that is done, and says how it is started: with the same number of calls at once as everybody.
pub fn build(contestant: Contestant, args: &Args) -> Result<Program> {
    let sources = folder(args)?;
    let built = std::env::current_exe()?.with_file_name("rivals");
    fs::create_dir_all(&built)?;
    let concurrency = args.limits().0.to_string();
    Ok(if contestant == Contestant::Kopf {
        Program::Rival {
            binary: virtual_environment(&sources.join("kopf"), &built)?,
            arguments: vec![sources.join("kopf/dataiku_operator.py").display().to_string()],
            environment: vec![
                ("BASELINE_CONCURRENCY", concurrency),
                ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
            ],
        }
    } else {
        Program::Rival {
            binary: go(&sources.join("go"), &built)?,
            arguments: vec!["--concurrency".to_owned(), concurrency],
            environment: Vec::new(),
        }
    })
}

/// Compiles the Go module; Go itself knows whether anything has changed.
fn go(module: &Path, built: &Path) -> Result<PathBuf> {
    let binary = built.join("controller-runtime");
    let mut compiler = Command::new("go");
    compiler.args(["build", "-o"]).arg(&binary).arg(".").current_dir(module);
    run(&mut compiler)?;
    Ok(binary)
}

/// Installs the requirements, unless those of a virtual environment are the same; its Python.
fn virtual_environment(sources: &Path, built: &Path) -> Result<PathBuf> {
    let (folder, requirements) = (built.join("kopf"), sources.join("requirements.txt"));
    let (python, installed) = (folder.join("bin/python"), folder.join("installed.txt"));
    let wanted = fs::read(&requirements)?;
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
    run(install.arg(&requirements))?;
    fs::write(installed, wanted)?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{name} did not start"))?;
    if !status.success() {
        bail!("{name} failed ({status}); its reason stands above");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn a_folder_that_lacks_something_is_an_error_that_names_it() {
        let there = tempfile::tempdir().unwrap();
        for file in NEEDED {
            let path = there.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let args = parsed(&format!("--rivals {}", there.path().display())).unwrap();
        assert_eq!(folder(&args).unwrap(), there.path());
        fs::remove_file(there.path().join("go/go.mod")).unwrap();
        fs::remove_file(there.path().join("rbac.yaml")).unwrap();
        let error = folder(&args).unwrap_err().to_string();
        assert!(error.ends_with("holds no rbac.yaml, no go/go.mod"), "{error}");
    }

    #[test]
    fn a_virtual_environment_with_the_same_requirements_is_not_made_again() {
        let there = tempfile::tempdir().unwrap();
        let (sources, built) = (there.path().join("sources"), there.path().join("built"));
        fs::create_dir_all(&sources).unwrap();
        fs::create_dir_all(built.join("kopf")).unwrap();
        fs::write(sources.join("requirements.txt"), "kopf==1\n").unwrap();
        fs::write(built.join("kopf/installed.txt"), "kopf==1\n").unwrap();
        let python = virtual_environment(&sources, &built).unwrap();
        // It would exist if it had been made.
        assert!(python.ends_with("kopf/bin/python") && !python.exists());
    }
}
