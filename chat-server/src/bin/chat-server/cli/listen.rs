use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use tokio::net::TcpListener;

use chat_server::{Listener, TlsCertificate};

/// The host to listen on if only a port is given.
const DEFAULT_HOST: &str = "127.0.0.1";

/// Where to listen, in the usual notations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    /// `HOST:PORT`; `PORT` accepts connections from this machine only, and `:PORT` from everywhere.
    Tcp(String),
    /// `unix:PATH`
    Unix(PathBuf),
    /// `systemd`: the socket that a service manager has opened.
    Inherited,
}

/// A listener, and the socket file to remove after it.
pub(super) struct Bound {
    pub(super) listener: Listener,
    /// The address to show to users.
    pub(super) shown: String,
    pub(super) _file: Option<SocketFile>,
}

impl Bound {
    /// Makes clients use TLS, if there is a certificate.
    pub(super) fn with_tls(self, certificate: Option<TlsCertificate>) -> Self {
        match certificate {
            Some(certificate) => Self { listener: self.listener.with_tls(certificate), ..self },
            None => self,
        }
    }

    /// Returns the address as a URL; a Unix domain socket has none but its path.
    pub(super) fn url(&self, scheme: &str) -> String {
        let shown = &self.shown;
        if shown.starts_with("unix:") { shown.clone() } else { format!("{scheme}://{shown}") }
    }
}

impl ListenAddress {
    /// Binds the address, which the option with this name gives.
    pub(super) async fn bind(&self, option: &str) -> anyhow::Result<Bound> {
        match self {
            Self::Tcp(address) => {
                let listener = TcpListener::bind(address).await.with_context(|| {
                    format!("cannot listen on {address:?}; choose another address with {option} HOST:PORT")
                })?;
                let shown = listener.local_addr()?.to_string();
                Ok(Bound { listener: listener.into(), shown, _file: None })
            }
            Self::Inherited => inherited().context(
                "cannot listen on a socket of systemd; give the service a .socket unit, or choose an address with \
                 --listen HOST:PORT",
            ),
            Self::Unix(path) => bind_unix(path).await.with_context(|| {
                format!("cannot listen on {path:?}; choose another path with {option} unix:PATH")
            }),
        }
    }
}

#[cfg(unix)]
async fn bind_unix(path: &Path) -> anyhow::Result<Bound> {
    use std::io::ErrorKind;
    use std::os::unix::fs::FileTypeExt;
    use tokio::net::{UnixListener, UnixStream};

    // A killed server leaves its socket behind, which nobody answers. Any other file stays.
    let is_socket = path.symlink_metadata().is_ok_and(|file| file.file_type().is_socket());
    if is_socket
        && let Err(error) = UnixStream::connect(path).await
        && error.kind() == ErrorKind::ConnectionRefused
    {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?.into();
    let shown = format!("unix:{}", path.display());
    Ok(Bound { listener, shown, _file: Some(SocketFile(path.to_owned())) })
}

/// Returns the first socket that was handed to this process, as `LISTEN_FDS` says.
#[cfg(unix)]
fn inherited() -> anyhow::Result<Bound> {
    let mut sockets = listenfd::ListenFd::from_env();
    if let Ok(Some(listener)) = sockets.take_tcp_listener(0) {
        listener.set_nonblocking(true)?;
        let shown = listener.local_addr()?.to_string();
        return Ok(Bound { listener: TcpListener::from_std(listener)?.into(), shown, _file: None });
    }
    let listener = sockets.take_unix_listener(0)?.context("there is none")?;
    listener.set_nonblocking(true)?;
    let path = listener.local_addr()?.as_pathname().map(|path| path.display().to_string());
    let shown = format!("unix:{}", path.unwrap_or_default());
    let listener = tokio::net::UnixListener::from_std(listener)?.into();
    // The service manager goes on listening.
    Ok(Bound { listener, shown, _file: None })
}

#[cfg(not(unix))]
fn inherited() -> anyhow::Result<Bound> {
    anyhow::bail!("this system has no such sockets")
}

#[cfg(not(unix))]
async fn bind_unix(_path: &Path) -> anyhow::Result<Bound> {
    anyhow::bail!("this system has no such sockets")
}

/// The file of a socket, removed with the listener.
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Inherited => f.write_str("systemd"),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        // The system would choose a name for a socket without one, which no client finds.
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        if text == "systemd" {
            return Ok(Self::Inherited);
        }
        let is_port = |text: &str| text.parse::<u16>().is_ok();
        let address = match text.strip_prefix('*').unwrap_or(text).strip_prefix(':') {
            Some(port) if is_port(port) => format!("[::]:{port}"),
            None if is_port(text) => format!("{DEFAULT_HOST}:{text}"),
            _ => text.to_owned(),
        };
        Ok(Self::Tcp(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_habits_of_other_servers_work() {
        for (text, expected) in [
            ("3000", "127.0.0.1:3000"),
            (":3000", "[::]:3000"),
            ("*:3000", "[::]:3000"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:80", "[::1]:80"),
            ("localhost:0", "localhost:0"),
            ("unix:/run/chat.sock", "unix:/run/chat.sock"),
            (":http", ":http"),
            ("*", "*"),
            ("systemd", "systemd"),
            ("70000", "70000"),
        ] {
            let Ok(address) = text.parse::<ListenAddress>();
            assert_eq!(address.to_string(), expected);
        }
    }

    #[test]
    fn a_unix_domain_socket_has_a_path() {
        assert_eq!("unix:".parse(), Ok(ListenAddress::Tcp("unix:".to_owned())));
    }
}
