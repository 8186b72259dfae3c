use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use chat_core::{Nickname, ParseError};
use clap::builder::FalseyValueParser;
use clap::{Command, CommandFactory, FromArgMatches, Parser};

use super::limits::LimitArgs;
use super::listen::ListenAddress;
use chat_server::{AllowedHost, AllowedOrigin, BasePath, ChatBuilder, Limits, TrustedProxy};

const DEFAULT_PORT: &str = "3000";

/// A chat server for any Socket.IO client, which loses nothing.
///
/// Open the address it prints in a browser, or connect a Socket.IO client to it.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Address to listen on; port 0 takes any free one [default: 127.0.0.1:3000]
    ///
    /// Use 0.0.0.0:3000, or :3000 for IPv6 too, to be reached from other machines. 3000 is a port of this machine alone,
    /// and unix:PATH a socket in the file system for a proxy. Without this option, the environment
    /// variable PORT chooses the port alone. A variable that is empty counts as not set, here and below.
    #[arg(long, env = "CHAT_LISTEN", value_name = "HOST:PORT")]
    pub(crate) listen: Option<ListenAddress>,

    /// Where messages are kept
    ///
    /// sqlite:PATH is a file, made for its owner alone when it is missing, also one that the Socket.IO tutorial's
    /// server has made; the path has no parameters. memory: forgets everything when the server stops.
    #[arg(long, env = "CHAT_STORE", value_name = "URL", default_value = "sqlite:chat.db")]
    pub(crate) store: String,

    /// How the nodes tell each other of new messages
    ///
    /// local: is inside one process, and with --workers between them. cluster:PATH is a local socket,
    /// where a server with --workers listens and others may join. redis://HOST and nats://HOST are
    /// brokers, for nodes on several machines, and so is postgres://HOST/DATABASE; with one that is not on
    /// this machine give --cluster-secret-file too.
    #[arg(long, env = "CHAT_ADAPTER", value_name = "URL", default_value = "local:")]
    pub(crate) adapter: String,

    /// The secret by which nodes know each other's frames in a broker: a file that all of them have
    ///
    /// Make one with "openssl rand -hex 32 > FILE". Each line is a secret of 32 bytes or more: the first
    /// signs, all are accepted, so that it can be changed one node after the other. Without it a node
    /// believes nothing that a broker brings, and reads each message of other nodes from the store.
    #[arg(long, env = "CHAT_CLUSTER_SECRET_FILE", value_name = "FILE")]
    pub(crate) cluster_secret_file: Option<PathBuf>,

    /// Start with a broker on another machine and without --cluster-secret-file
    ///
    /// For a broker that only the nodes can reach. Whoever else reaches it can make clients see people who
    /// are not there, and cannot make messages up.
    #[arg(long, env = "CHAT_TRUST_BROKER", value_parser = FalseyValueParser::new())]
    pub(crate) trust_broker: bool,

    /// How many processes serve the chat, on this port and those after it
    ///
    /// With more than one, the first process starts the others, starts them again when they end, and
    /// stops them.
    #[arg(
        long,
        env = "CHAT_WORKERS",
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub(crate) workers: u16,

    /// For how long a client that lost its connection gets its session back, as in 90s or 2m; 0s turns
    /// it off
    ///
    /// It bounds the session only: messages are never lost, and a client that names its last offset gets
    /// what it missed at any time.
    #[arg(
        long,
        env = "CHAT_RECOVERY_WINDOW",
        value_name = "DURATION",
        default_value = "2m",
        value_parser = humantime::parse_duration
    )]
    pub(crate) recovery_window: Duration,

    /// For how long somebody whose connection broke still counts as present; who connects again within it
    /// has not left
    #[arg(
        long,
        env = "CHAT_PRESENCE_GRACE",
        value_name = "DURATION",
        default_value = "5s",
        value_parser = humantime::parse_duration
    )]
    pub(crate) presence_grace: Duration,

    /// For how long a nickname stays its owner's who does not connect; then somebody else may claim it, and
    /// sees nothing of what was private to the owner before
    #[arg(
        long,
        env = "CHAT_NICKNAME_LIFETIME",
        value_name = "DURATION",
        default_value = "90days",
        value_parser = lifetime
    )]
    pub(crate) nickname_lifetime: Duration,

    /// Nicknames that nobody can choose, nor any that looks like one of them; signed tokens may give them
    ///
    /// With commas between them; an empty text reserves none.
    #[arg(
        long,
        env = "CHAT_RESERVED_NAMES",
        value_name = "NAME,…",
        value_delimiter = ',',
        value_parser = reserved_name,
        default_value = RESERVED_NAMES.as_str()
    )]
    pub(crate) reserved_names: Vec<Option<Nickname>>,

    /// Have signed tokens say who clients are: the key to check them with
    ///
    /// A file with a secret of 32 bytes or more (HS256), or an RSA (RS256) or Ed25519 (EdDSA) public key in
    /// PEM. Clients give a JSON Web Token as `token` in `auth`; those without a valid one are refused. Its
    /// claim `sub` says who it is, and `nickname`, `preferred_username` or `name` what to call them.
    #[arg(long, env = "CHAT_JWT_KEY", value_name = "FILE")]
    pub(crate) jwt_key: Option<PathBuf>,

    /// Log every event of every connection, in both directions: its name and size, not its contents
    #[arg(long, env = "CHAT_TRACE_EVENTS")]
    pub(crate) trace_events: bool,

    /// What to log on standard error: error, warn, info, debug or trace, or a filter such as
    /// chat_server=debug
    #[arg(long, env = "CHAT_LOG", value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,

    /// A proxy that is believed who a client is: an address, ADDRESS/BITS, loopback or private; several with
    /// commas, or the option again
    ///
    /// It has to set X-Forwarded-For, and X-Forwarded-Host and X-Forwarded-Proto where it does not pass on Host or
    /// is reached by HTTPS. Nobody else is believed.
    #[arg(
        long = "trusted-proxy",
        env = "CHAT_TRUSTED_PROXY",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub(crate) trusted_proxies: Vec<TrustedProxy>,

    /// Pages of another origin that may use the chat: `https://example.org`, `https://*.example.org`,
    /// `http://localhost:*` or `*`; several with commas, or the option again
    ///
    /// The server's own pages always may, and so may programs. Pages that are named here may send credentials,
    /// those that only * stands for may not.
    #[arg(
        long = "allowed-origin",
        env = "CHAT_ALLOWED_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub(crate) allowed_origins: Vec<AllowedOrigin>,

    /// A name by which the server may be asked: chat.example.org or *.example.org; several with commas, or the
    /// option again
    ///
    /// Addresses and localhost always are. Without this option any other name is too, except where the server
    /// listens on a loopback address and no --trusted-proxy asks: there a page could pass for the server's own.
    #[arg(
        long = "allowed-host",
        env = "CHAT_ALLOWED_HOST",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub(crate) allowed_hosts: Vec<AllowedHost>,

    /// Serve everything below this path, for a proxy that passes it on: /chat
    ///
    /// A proxy that takes the path off needs none. Clients connect with `io(url, { path: "/chat/socket.io" })`; the
    /// page does so by itself.
    #[arg(long, env = "CHAT_BASE_PATH", value_name = "PATH", default_value = "/")]
    pub(crate) base_path: BasePath,

    #[command(flatten)]
    pub(super) limits: LimitArgs,

    /// Makes this process a worker: the address that its supervisor gives it.
    #[arg(long, hide = true)]
    pub(super) worker_listen: Option<ListenAddress>,

    /// Where the supervisor's hub listens; none when the adapter needs none.
    #[arg(long, hide = true, requires = "worker_listen")]
    pub(super) worker_hub: Option<PathBuf>,
}

impl Cli {
    /// The limits of clients, and how long what is theirs is kept.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = self.limits.limits();
        limits.recovery_window = self.recovery_window;
        limits.presence_grace = self.presence_grace;
        limits.nickname_lifetime = self.nickname_lifetime;
        limits
    }

    /// What the command line and the environment of this process say, of which the command line counts. An
    /// environment variable that is set and empty counts as not set.
    ///
    /// Ends the process when that cannot be understood, and for `--help` and `--version`.
    pub(crate) fn from_process() -> Self {
        let matches = without_empty_variables(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    pub(super) fn address(&self) -> ListenAddress {
        if let Some(address) = self.worker_listen.as_ref().or(self.listen.as_ref()) {
            return address.clone();
        }
        let port = std::env::var("PORT").ok().filter(|port| !port.is_empty());
        let Ok(address) = port.as_deref().unwrap_or(DEFAULT_PORT).parse();
        address
    }
}

/// The names that are reserved when nothing else is said.
static RESERVED_NAMES: LazyLock<String> = LazyLock::new(|| ChatBuilder::RESERVED_NAMES.join(","));

/// A name that is reserved; none for an empty text.
fn reserved_name(text: &str) -> Result<Option<Nickname>, ParseError> {
    if text.trim().is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// Has no option look at an environment variable that is empty: files and units set variables so to say nothing.
fn without_empty_variables(command: Command) -> Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command.mut_args(|arg| if arg.get_env().is_some_and(is_empty) { arg.env(None) } else { arg })
}

/// The lifetime of a nickname: not so short that its owner could lose it while connected.
fn lifetime(text: &str) -> Result<Duration, String> {
    let lifetime = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if lifetime < Duration::from_secs(1) {
        return Err("it has to be one second or more".into());
    }
    Ok(lifetime)
}
