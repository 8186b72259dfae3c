//! The program as a service manager runs it, and the files of `deploy`.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command as Blocking, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixDatagram, UnixStream};
use tokio::process::Command;
use tokio::time::timeout;

use crate::client::PATIENCE;
use crate::server::launch;
use crate::service::free_ports;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");
const OPERATIONS: &str = include_str!("../../../docs/OPERATIONS.md");
const SERVICE: &str = include_str!("../../../deploy/systemd/chat-server.service");
const SOCKET: &str = include_str!("../../../deploy/systemd/chat-server.socket");
const NGINX: &str = include_str!("../../../deploy/docker/nginx.conf");
const ENVIRONMENT: &str = include_str!("../../../deploy/debian/environment");
const OTHERS: [&str; 2] = [
    include_str!("../../../deploy/docker/Dockerfile"),
    include_str!("../../../deploy/docker/compose.yaml"),
];

/// What systemd is told.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        Self { socket, folder }
    }

    /// The program, with these options, as its service.
    fn command(&self, options: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["--store", &format!("sqlite:{}", self.folder.path().join("db").display())]);
        command.args(options).env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        command.stderr(Stdio::null());
        command
    }

    async fn hears(&self) -> String {
        let mut text = [0; 1000];
        let length = timeout(PATIENCE, self.socket.recv(&mut text)).await.expect("it says so");
        String::from_utf8(text[..length.unwrap()].to_vec()).unwrap()
    }
}

#[tokio::test]
async fn a_service_manager_is_told_of_start_life_and_stop() {
    for (options, clients) in [(&[][..], 1), (&["--workers", "2"], 2)] {
        let manager = Manager::new();
        let listen = format!("127.0.0.1:{}", free_ports(2)[0]);
        let mut command = manager.command(&[&["--listen", &listen], options].concat());
        command.env("WATCHDOG_USEC", "200000");
        let server = launch(command, clients).await;
        let ready = manager.hears().await;
        assert!(ready.contains("READY=1") && ready.contains(&listen), "{ready}");
        for _ in 0..3 {
            assert_eq!(manager.hears().await.trim(), "WATCHDOG=1");
        }
        let pid = server.process.id().unwrap().to_string();
        assert!(Blocking::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        while manager.hears().await.trim() != "STOPPING=1" {}
    }
}

/// Python hands it the socket as systemd does: as the first file after the standard ones, to the process of this id.
#[tokio::test]
#[cfg_attr(not(has_python3), ignore = "needs python3")]
async fn a_server_takes_the_socket_of_its_service_manager() {
    const HAND_OVER: &str = "
import os, socket, sys
kind = sys.argv[1]
opened = socket.socket(socket.AF_UNIX if kind == 'unix' else socket.AF_INET)
opened.bind(sys.argv[2] if kind == 'unix' else ('127.0.0.1', 0))
opened.listen()
os.dup2(opened.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[3], sys.argv[3:])
";
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("chat.sock");
    for kind in ["tcp", "unix"] {
        let mut command = Command::new("python3");
        command.args(["-c", HAND_OVER, kind]).arg(&path).arg(PROGRAM);
        command.args(["--store", "memory:", "--listen", "systemd"]).stderr(Stdio::null());
        command.kill_on_drop(true).stdout(Stdio::piped());
        let mut server = command.spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let address = line.strip_prefix("listening on ").unwrap();
        let answer = match address.strip_prefix("http://") {
            Some(address) => healthz(TcpStream::connect(address).await.unwrap()).await,
            None => healthz(UnixStream::connect(&path).await.unwrap()).await,
        };
        assert!(answer.starts_with("HTTP/1.1 200"), "{line}: {answer}");
        server.kill().await.unwrap();
        assert!(kind != "unix" || path.exists(), "the manager goes on listening");
    }
    let alone = Command::new(PROGRAM).args(["--listen", "systemd"]).output().await.unwrap();
    let said = String::from_utf8(alone.stderr).unwrap();
    assert!(!alone.status.success() && said.contains("give the service a .socket unit"), "{said}");
}

async fn healthz(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("an answer").unwrap();
    answer
}

#[tokio::test]
async fn a_shell_gets_completions_and_a_manual_page() {
    for (arguments, expected) in [
        (&["completions", "bash"][..], "--max-connections"),
        (&["completions", "zsh"], "--max-connections"),
        (&["completions", "fish"], "max-connections"),
        (&["man"], ".TH chat-server 1"),
    ] {
        let output = Command::new(PROGRAM).args(arguments).output().await.unwrap();
        assert!(output.status.success());
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains(expected), "{arguments:?}");
    }
    let mut command = Command::new(PROGRAM);
    command.arg("man").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "as to head: {output:?}");
}

#[test]
fn each_setting_of_the_files_is_an_option() {
    let help = Blocking::new(PROGRAM).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let mut found = 0;
    for file in [SERVICE, SOCKET, OTHERS[0], OTHERS[1], ENVIRONMENT] {
        let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
        for word in file.split(|c| !is_name(c)).filter(|word| word.starts_with("CHAT_")) {
            // Without the sign if the help hides the value, which may be a secret.
            let is_option =
                ["=", "]"].iter().any(|end| help.contains(&format!("[env: {word}{end}")));
            assert!(is_option, "{word}");
            found += 1;
        }
    }
    assert!(found > 5);
    for feature in ["redis", "nats", "postgres"] {
        assert!(OTHERS[0].contains(feature) && include_str!("../../Cargo.toml").contains(feature));
    }
}

#[test]
fn the_files_of_the_package_are_there_or_made_for_it() {
    let (_, package) =
        include_str!("../../Cargo.toml").split_once("[package.metadata.deb]").unwrap();
    let (package, _) = package.split_once("\n[features]").unwrap();
    let script = include_str!("../../../scripts/deb");
    let assets = package.lines().filter_map(|line| line.trim().strip_prefix("[\""));
    let mut found = 0;
    for asset in assets.filter_map(|line| line.split('"').next()) {
        let made = asset.strip_prefix("../target/deb/").map(|name| format!("$made/{name}"));
        let is_there = match made {
            Some(made) => script.contains(&made),
            None if asset.starts_with("target/release/") => asset.ends_with("/chat-server"),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join(asset).is_file(),
        };
        assert!(is_there, "{asset}");
        found += 1;
    }
    assert!(found > 10, "{found}");
    // The service alone is enabled: both would take the same port.
    let copied: Vec<&str> =
        script.lines().filter(|line| line.starts_with("cp deploy/systemd/")).collect();
    assert_eq!(copied, ["cp deploy/systemd/chat-server.service \"$made/\""]);
}

/// But for the servers and what explains them, they are one text.
#[test]
fn the_proxy_of_the_containers_is_the_documented_one() {
    let (_, rest) = OPERATIONS.split_once("```nginx\n").unwrap();
    let (documented, _) = rest.split_once("```").unwrap();
    let rest = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| {
            !line.trim_start().starts_with("server ") || line.trim_start() == "server {"
        });
        let lines = lines.filter(|line| !line.trim_start().starts_with('#'));
        lines.map(ToOwned::to_owned).collect()
    };
    assert_eq!(rest(NGINX), rest(documented));
    assert_eq!(NGINX.matches(":3000 max_fails=0;").count(), 2);
}

#[test]
#[cfg_attr(not(has_systemd_analyze), ignore = "needs systemd-analyze")]
fn systemd_takes_the_units() {
    let folder = TempDir::new().unwrap();
    let [service, socket] =
        ["chat-server.service", "chat-server.socket"].map(|name| folder.path().join(name));
    std::fs::write(&service, SERVICE.replace("/usr/bin/chat-server", PROGRAM)).unwrap();
    std::fs::write(&socket, SOCKET).unwrap();
    let mut verify = Blocking::new("systemd-analyze");
    let verify = verify.args(["verify", "--man=no"]).args([&service, &socket]).output();
    let verify = match verify {
        Err(error) if error.kind() == ErrorKind::NotFound => panic!("it is not installed"),
        verify => verify.unwrap(),
    };
    let said = String::from_utf8(verify.stderr).unwrap();
    assert!(verify.status.success() && said.is_empty(), "{said}");
}
