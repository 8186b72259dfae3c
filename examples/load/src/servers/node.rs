use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

const FILES: [(&str, &str); 4] = [
    ("server.mjs", include_str!("../../node/server.mjs")),
    ("package.json", include_str!("../../node/package.json")),
    ("package-lock.json", include_str!("../../node/package-lock.json")),
    (".npmrc", include_str!("../../node/.npmrc")),
];

/// Puts the Node.js server and the packages it needs into `folder`, unless they are there.
///
/// # Errors
/// The reason why it cannot run here, in a sentence.
pub(super) fn install(folder: &Path) -> anyhow::Result<PathBuf> {
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).status();
    if !node.is_ok_and(|status| status.success()) {
        bail!("there is no node on the path");
    }
    fs::create_dir_all(folder).context("the folder for its packages cannot be made")?;
    let wanted = FILES.map(|(_, text)| text).concat();
    // Written last, so that an interrupted installation does not count.
    let installed = folder.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(folder.to_owned());
    }
    for (name, text) in FILES {
        fs::write(folder.join(name), text).context("its files cannot be written")?;
    }
    eprintln!("installing the packages of the Node.js server; sqlite3 may have to be compiled …");
    let npm = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--prefer-offline"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .context("there is no npm on the path")?;
    if !npm.status.success() {
        let errors = String::from_utf8_lossy(&npm.stderr);
        let cause = errors.lines().find(|line| line.starts_with("npm error"));
        bail!("npm ci failed: {}", cause.unwrap_or_default());
    }
    fs::write(installed, wanted).context("its files cannot be written")?;
    Ok(folder.to_owned())
}
