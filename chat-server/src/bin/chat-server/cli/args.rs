use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::bail;
use chat_core::{Nickname, ParseError};
use clap::builder::{BoolishValueParser, PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser};

use super::command::Command;
use super::config;
use super::files::FilesPlace;
use super::jwt::JwtArgs;
use super::limits::LimitArgs;
use super::listen::ListenAddress;
use super::retention::RetentionArgs;
use super::secret_files;
use super::tls::TlsArgs;
use super::webhooks::WebhookArgs;
use crate::telemetry::LogFormat;
use chat_server::{
    AllowedHost, AllowedOrigin, BasePath, ChatBuilder, Limits, Registration, TrustedProxy,
};

/// The exit code for options that cannot be used, as clap's.
const UNUSABLE: i32 = 2;

const DEFAULT_PORT: &str = "3000";

/// Chat server that loses no messages, for any Socket.IO client
///
/// Open the printed address in a browser, or connect a Socket.IO client to it. An environment variable that is set
/// but empty counts as not set.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    /// File with options (TOML): each by its long name, as in max-rooms = 50
    ///
    /// The command line overrides the environment, and both override the file. "chat-server config doc" prints such a file,
    /// and "chat-server config check" checks one. If it has passwords, only its owner should be able to read it.
    #[arg(long, env = "CHAT_CONFIG", value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// Address to listen on; port 0 picks any free port [default: 127.0.0.1:3000]
    ///
    /// Use 0.0.0.0:3000, or :3000 to include IPv6, to accept connections from other machines. A port alone, as in
    /// 3000, accepts connections from this machine only. unix:PATH is a Unix domain socket, for a proxy. systemd is the
    /// socket that a .socket unit has opened. Without this option, the environment variable PORT sets the port alone.
    #[arg(long, env = "CHAT_LISTEN", value_name = "HOST:PORT")]
    pub(crate) listen: Option<ListenAddress>,

    /// Where messages are stored: sqlite:PATH, memory: or postgres://HOST/DATABASE
    ///
    /// sqlite:PATH is a database file, created with access for its owner only if it is missing. A file made by the
    /// server of the Socket.IO tutorial works too. PATH takes no parameters. memory: loses everything when the server
    /// stops. postgres: needs a build with that feature. CHAT_STORE_FILE names a file with the URL, for one with a
    /// password.
    #[arg(
        long,
        env = "CHAT_STORE",
        hide_env_values = true,
        value_name = "URL",
        default_value = "sqlite:chat.db",
        global = true
    )]
    pub(crate) store: String,

    /// Directory for the files that users attach to messages, or off [default: next to the store's file, as chat.db-files]
    ///
    /// The first upload creates it. Nodes on several machines need a directory that they share. With postgres: and memory:
    /// users can attach files only if this is set.
    #[arg(long = "files", env = "CHAT_FILES", value_name = "DIR")]
    pub(super) file_directory: Option<FilesPlace>,

    /// How nodes tell each other about new messages
    ///
    /// local: works within one process and, with --workers, between the workers. cluster:PATH is a Unix domain
    /// socket: a server with --workers listens on it, and other processes may join. redis://HOST, nats://HOST and
    /// postgres://HOST/DATABASE are brokers for nodes on several machines; each needs a build with that feature. If
    /// the broker is not on this machine, set --cluster-secret-file too. CHAT_ADAPTER_FILE names a file with the URL,
    /// for one with a password.
    #[arg(
        long,
        env = "CHAT_ADAPTER",
        hide_env_values = true,
        value_name = "URL",
        default_value = "local:"
    )]
    pub(crate) adapter: String,

    /// File with the secret that authenticates frames between nodes; the same on all nodes
    ///
    /// Create one with "openssl rand -hex 32 > FILE". Each line is a secret of at least 32 bytes. The first one signs
    /// and all are accepted, so you can change the secret one node at a time. Without a secret, a node trusts nothing
    /// from the broker and reads every message of another node from the store.
    #[arg(long, env = "CHAT_CLUSTER_SECRET_FILE", value_name = "FILE")]
    pub(crate) cluster_secret_file: Option<PathBuf>,

    /// Start with a broker on another machine without --cluster-secret-file
    ///
    /// Use it only if nobody but the nodes can reach the broker. Anyone else who can reach it can make clients see
    /// users who are not present, but cannot forge messages.
    #[arg(long, env = "CHAT_TRUST_BROKER", value_parser = BoolishValueParser::new())]
    pub(crate) trust_broker: bool,

    /// Number of processes that serve the chat, on this port and the ones after it
    ///
    /// With more than one, the first process starts the others, restarts them when they exit, and stops them.
    #[arg(
        long,
        env = "CHAT_WORKERS",
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub(crate) workers: u16,

    /// How long a client that lost its connection can recover its session, as in 90s or 2m; 0s turns recovery off
    ///
    /// This limits the session only. Messages are never lost: a client that sends its last offset gets what it missed
    /// at any time.
    #[arg(
        long,
        env = "CHAT_RECOVERY_WINDOW",
        value_name = "DURATION",
        default_value = "2m",
        value_parser = humantime::parse_duration
    )]
    pub(crate) recovery_window: Duration,

    /// How long a user whose connection broke still counts as present; a user who reconnects in time has not left
    #[arg(
        long,
        env = "CHAT_PRESENCE_GRACE",
        value_name = "DURATION",
        default_value = "5s",
        value_parser = humantime::parse_duration
    )]
    pub(crate) presence_grace: Duration,

    /// How long an absent owner keeps a nickname
    ///
    /// After that, another user may claim it. The new owner sees none of the previous owner's private messages.
    #[arg(
        long,
        env = "CHAT_NICKNAME_LIFETIME",
        value_name = "DURATION",
        default_value = "90days",
        value_parser = humantime::parse_duration
    )]
    pub(crate) nickname_lifetime: Duration,

    /// Nicknames that users cannot choose, nor any that looks like one of them; signed tokens may still grant them
    ///
    /// Separate them with commas. An empty value reserves none.
    #[arg(
        long,
        env = "CHAT_RESERVED_NAMES",
        value_name = "NAME,…",
        value_delimiter = ',',
        value_parser = reserved_name,
        default_value = RESERVED_NAMES.as_str()
    )]
    pub(crate) reserved_names: Vec<Option<Nickname>>,

    /// Apply the rules of rooms, bans and mutes that the commands below set
    ///
    /// Without it, everybody reads and writes every room. All nodes need it. Until there is an administrator, each start
    /// prints a link that makes one.
    #[arg(long, env = "CHAT_ROOMS", value_parser = BoolishValueParser::new())]
    pub(crate) rooms: bool,

    /// Who may become a new user by taking a nickname: open for everybody, closed for nobody
    ///
    /// With "invite", a new user needs the code of an invitation to a room. Unless registration is open, clients that are not
    /// users cannot enter any room: they connect only to become a user, or to link a device to one. "invite" and "closed"
    /// need --rooms; "closed" does not if signed tokens name the users. All nodes need the same value.
    #[arg(
        long,
        env = "CHAT_REGISTRATION",
        value_name = "WHO",
        default_value = "open",
        value_parser = PossibleValuesParser::new(["open", "invite", "closed"]).map(|who| registration(&who))
    )]
    pub(crate) registration: Registration,

    /// Whether clients can search the messages that they may read: on or off
    ///
    /// SQLite keeps the index in a file next to the store, several times as large as the texts; PostgreSQL keeps it in tables
    /// of its own. The server builds it in the background, from earlier messages too, and that takes CPU time.
    #[arg(
        long,
        env = "CHAT_SEARCH",
        action = ArgAction::Set,
        value_name = "ON",
        default_value = "on",
        value_parser = PossibleValuesParser::new(["on", "off"]).map(|on| on == "on")
    )]
    pub(crate) search: bool,

    #[command(flatten)]
    pub(super) tls: TlsArgs,

    #[command(flatten)]
    pub(super) jwt: JwtArgs,

    /// File with the tokens of programs that use the API, /api/v1; without it there is no API
    ///
    /// "chat-server api-token NAME --scope SCOPE" adds one. FILE holds names, scopes and hashes, one token a line, and
    /// nobody but its owner may read it. On SIGHUP it is read again.
    #[arg(long, env = "CHAT_API_TOKENS", value_name = "FILE")]
    pub(super) api_tokens: Option<PathBuf>,

    /// Address for the operator, with /metrics for Prometheus, /healthz and /readyz; without it there is none
    ///
    /// As in --listen; a port alone accepts connections from this machine only. Let nobody else reach it. With --workers,
    /// each worker has its own: the ports after this one.
    #[arg(long, env = "CHAT_ADMIN_LISTEN", value_name = "HOST:PORT")]
    pub(crate) admin_listen: Option<ListenAddress>,

    /// File with the token that the operator's requests need, but for /healthz and /readyz, as "Authorization: Bearer …"
    ///
    /// Create one with "openssl rand -hex 32 > FILE" and "chmod 600 FILE". Without a token, other machines have the metrics and
    /// health only.
    #[arg(long, env = "CHAT_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// How long the server takes to move its clients to other nodes before it stops, as in 30s; 0s stops at once
    ///
    /// On SIGTERM or Ctrl-C, connections then end one after the other, spread evenly over this time, so that not all clients
    /// come back at once. A second signal stops the server at once. Allow your service manager as much time and 15 s more.
    #[arg(
        long,
        env = "CHAT_DRAIN",
        value_name = "DURATION",
        default_value = "0s",
        value_parser = humantime::parse_duration
    )]
    pub(crate) drain: Duration,

    /// Log every event of every connection, in both directions: name and size, not contents
    #[arg(long, env = "CHAT_TRACE_EVENTS")]
    pub(crate) trace_events: bool,

    /// What to log to standard error: error, warn, info, debug or trace, or a filter such as chat_server=debug
    #[arg(long, env = "CHAT_LOG", value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,

    /// What each line of the log looks like
    #[arg(
        long,
        env = "CHAT_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,

    /// Proxy to trust for the client's address: an address, ADDRESS/BITS, loopback or private; separate several with
    /// commas or repeat the option
    ///
    /// The proxy must set X-Forwarded-For. It must also set X-Forwarded-Host if it does not pass on Host, and
    /// X-Forwarded-Proto if clients reach it over HTTPS. These headers are ignored from anyone else.
    #[arg(
        long = "trusted-proxy",
        env = "CHAT_TRUSTED_PROXY",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub(crate) trusted_proxies: Vec<TrustedProxy>,

    /// Origin whose pages may use the chat: `https://example.org`, `https://*.example.org`, `http://localhost:*` or
    /// `*`; separate several with commas or repeat the option
    ///
    /// The server's own pages and programs other than browsers are always allowed. Pages of an origin named here may
    /// send credentials; pages that match only * may not.
    #[arg(
        long = "allowed-origin",
        env = "CHAT_ALLOWED_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub(crate) allowed_origins: Vec<AllowedOrigin>,

    /// Host name that requests may use: chat.example.org or *.example.org; separate several with commas or repeat the
    /// option
    ///
    /// IP addresses and localhost are always allowed. Without this option all names are allowed, except on a loopback
    /// address for requests that no --trusted-proxy passed on: there, a page of another site could pass for the
    /// server's own.
    #[arg(
        long = "allowed-host",
        env = "CHAT_ALLOWED_HOST",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub(crate) allowed_hosts: Vec<AllowedHost>,

    /// Serve everything below this path, for a proxy that keeps the path: /chat
    ///
    /// A proxy that strips the path needs no base path. Clients connect with `io(url, { path: "/chat/socket.io" })`;
    /// the built-in page does so by itself.
    #[arg(long, env = "CHAT_BASE_PATH", value_name = "PATH", default_value = "/")]
    pub(crate) base_path: BasePath,

    #[command(flatten)]
    pub(super) webhooks: WebhookArgs,

    #[command(flatten)]
    pub(super) retention: RetentionArgs,

    #[command(flatten)]
    pub(super) limits: LimitArgs,

    #[command(subcommand)]
    pub(super) command: Option<Command>,

    /// Makes this process a worker: the address that its supervisor gives it.
    #[arg(long, hide = true)]
    pub(super) worker_listen: Option<ListenAddress>,

    /// Where this worker serves its operator.
    #[arg(long, hide = true, requires = "worker_listen")]
    pub(super) worker_admin_listen: Option<ListenAddress>,

    /// Where the supervisor's hub listens; none if the adapter needs no hub.
    #[arg(long, hide = true, requires = "worker_listen")]
    pub(super) worker_hub: Option<PathBuf>,
}

impl Cli {
    /// Returns the limits of clients, and how long sessions, presence and nicknames are kept.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = self.limits.limits();
        limits.recovery_window = self.recovery_window;
        limits.presence_grace = self.presence_grace;
        limits.nickname_lifetime = self.nickname_lifetime;
        limits
    }

    /// Reads the options from the command line, the environment of this process and the file of `--config`; of these,
    /// each takes precedence over those after it. An environment variable that is set but empty counts as not set.
    ///
    /// `CHAT_STORE_FILE` and `CHAT_ADAPTER_FILE` name files with the values of those options, and take precedence over the
    /// variables without `_FILE`.
    ///
    /// Ends the process on invalid options, and for `--help` and `--version`.
    pub(crate) fn from_process() -> Self {
        let command = secret_files::with_files(without_empty_variables(Self::command()));
        let command = command.unwrap_or_else(|error| error.exit());
        let arguments = config::with_file(&command, std::env::args_os().collect());
        let arguments = arguments.unwrap_or_else(|problems| {
            problems.lines().for_each(|problem| eprintln!("chat-server: {problem}"));
            std::process::exit(UNUSABLE)
        });
        let matches = command.get_matches_from(arguments);
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Refuses options that make no sense together.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.registration == Registration::Closed && !self.rooms && !self.jwt.has_keys() {
            bail!("--registration closed needs --rooms, whose rules keep out who is no user");
        }
        if self.registration == Registration::Invite && !self.rooms {
            bail!("--registration invite needs --rooms: invitations are to rooms");
        }
        self.limits().check()?;
        self.tls.check()
    }

    /// Returns where the operator is served; none if nowhere.
    pub(super) fn admin_address(&self) -> Option<&ListenAddress> {
        match self.worker_listen {
            Some(_) => self.worker_admin_listen.as_ref(),
            None => self.admin_listen.as_ref(),
        }
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

/// The default of `--reserved-names`.
static RESERVED_NAMES: LazyLock<String> = LazyLock::new(|| ChatBuilder::RESERVED_NAMES.join(","));

/// Reads one of the values of `--registration`.
fn registration(who: &str) -> Registration {
    match who {
        "closed" => Registration::Closed,
        "invite" => Registration::Invite,
        _ => Registration::Open,
    }
}

/// Parses a reserved name; none for an empty text.
fn reserved_name(text: &str) -> Result<Option<Nickname>, ParseError> {
    if text.trim().is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// Makes options ignore empty environment variables: files and systemd units set a variable to nothing to unset it.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| if arg.get_env().is_some_and(is_empty) { arg.env(None) } else { arg })
        .mut_subcommands(without_empty_variables)
}
