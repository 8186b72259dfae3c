//! Tests with the official JavaScript client, in `tests/js`.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Runs `tests/js/NAME.test.mjs` with some variables more, and fails if it fails.
///
/// One at a time: most of them keep the machine busy, and have bounds in time.
pub(crate) fn run(name: &str, variables: &[(&str, String)]) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/js/{name}.test.mjs"));
    let modules = option_env!("CHAT_NODE_MODULES").expect("the build has installed the client");
    let output = Command::new("node")
        .arg("--test")
        .arg(&file)
        .env("CHAT_SERVER_BIN", env!("CARGO_BIN_EXE_chat-server"))
        .env("CHAT_NODE_MODULES", modules)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .output()
        .expect("node runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    // A file without tests passes too.
    assert!(text.contains("# fail 0") && !text.contains("# tests 0"), "{text}");
}
