//! The page in a real browser: each test here runs one file of `tests/browser`.
//!
//! `scripts/test` installs what it needs. Screenshots are in `target/screenshots` afterwards: look at them
//! after a change to the page. To run one file by hand, with the page as it is in `web`:
//! `CHAT_WEB=chat-server/web CHAT_SERVER_BIN=… CHAT_NODE_MODULES=… node tests/browser/rooms.test.mjs`.

use std::path::Path;

use crate::javascript::{MACHINE, run_in};

fn run(file: &str) {
    let _turn = MACHINE.blocking_lock();
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    let screenshots = screenshots.to_str().expect("the path of the target directory is plain");
    run_in("browser", file, &[("CHAT_SCREENSHOTS", screenshots)]);
}

macro_rules! files {
    ($($name:ident)*) => {$(
        #[test]
        #[cfg_attr(
            not(all(has_browser, has_socket_io_client)),
            ignore = "needs chromium and Node.js with npm; scripts/test installs what drives it"
        )]
        fn $name() {
            run(concat!(stringify!($name), ".test.mjs"));
        }
    )*};
}

files! {
    administrator
    attention
    connection
    devices
    drafts
    changes
    client_package
    conversation
    edges
    emoji
    fast
    files
    find
    injection
    keyboard
    languages
    left_off
    loading
    looks
    many
    markdown
    mentions
    moderating
    mounted
    names
    operator_page
    other_origin
    panels
    phone
    presence
    private
    reload
    replies
    retention
    room_rules
    rooms
    sign_in
    times
    tls
    waiting
}

#[test]
fn every_file_is_listed() {
    let listed = include_str!("browser.rs");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    for entry in directory.read_dir().expect("the directory of the tests is there") {
        let name = entry.expect("its entries can be read").file_name();
        let name = name.to_str().expect("their names are plain");
        if let Some(stem) = name.strip_suffix(".test.mjs") {
            assert!(listed.lines().any(|line| line.trim() == stem), "no test runs {name}");
        }
    }
}
