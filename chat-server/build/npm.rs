//! The packages of npm, at the versions of the lock file.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, io};

const PACKAGE_FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// Installs the locked packages into `directory`, unless it holds them already.
pub(crate) fn install(directory: &Path) -> Result<(), String> {
    // docs.rs builds have no network, and the documentation does not need the client.
    if env::var_os("DOCS_RS").is_some() {
        return Err("this is a build of the documentation".into());
    }
    let explain = |error: io::Error| error.to_string();
    let wanted = PACKAGE_FILES
        .map(|file| fs::read_to_string(Path::new("web").join(file)))
        .into_iter()
        .collect::<io::Result<String>>()
        .map_err(explain)?;
    // Written last, so that an interrupted installation does not count.
    let installed = directory.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }

    fs::create_dir_all(directory).map_err(explain)?;
    for file in PACKAGE_FILES {
        fs::copy(Path::new("web").join(file), directory.join(file)).map_err(explain)?;
    }
    let npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"])
        // npm's defaults keep a build without network waiting for minutes.
        .args(["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000"])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("npm does not run: {error}"))?;
    if !npm.status.success() {
        let stderr = String::from_utf8_lossy(&npm.stderr);
        let cause = stderr.lines().find(|line| line.starts_with("npm error")).unwrap_or_default();
        return Err(format!("npm ci failed, {}; {cause}", npm.status));
    }
    fs::write(installed, wanted).map_err(explain)
}
