//! Clients in other languages and of other versions: each test here runs one file of `tests/clients`.
//!
//! `scripts/test` installs what they need. To run one file by hand:
//! `CHAT_SERVER_BIN=… CHAT_NODE_MODULES=… node tests/clients/snippets.test.mjs`.

use std::path::Path;

use crate::javascript::{MACHINE, run_in};

macro_rules! files {
    ($($name:ident)*) => {$(
        #[test]
        #[cfg_attr(
            not(all(has_other_clients, has_socket_io_client)),
            ignore = "needs Node.js with npm and Python with venv; scripts/test installs the clients"
        )]
        fn $name() {
            let _turn = MACHINE.blocking_lock();
            run_in("clients", concat!(stringify!($name), ".test.mjs"), &[]);
        }
    )*};
}

files! {
    python
    snippets
}

#[test]
fn every_file_is_listed() {
    let listed = concat!(include_str!("clients.rs"), include_str!("nginx.rs"));
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    for entry in directory.read_dir().expect("the directory of the tests is there") {
        let name = entry.expect("its entries can be read").file_name();
        let name = name.to_str().expect("their names are plain");
        if let Some(stem) = name.strip_suffix(".test.mjs") {
            let is_listed = listed.lines().any(|line| {
                line.trim() == stem || line.contains(&format!("\"clients\", \"{name}\""))
            });
            assert!(is_listed, "no test runs {name}");
        }
    }
}
