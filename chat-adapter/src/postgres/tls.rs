//! When a connection has TLS.

use std::path::Path;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::BroadcastError;
use crate::broker::is_this_machine;

/// The parameters of a URL that name a file with certificates of authorities.
const AUTHORITIES: [&str; 3] = ["sslrootcert", "ssl-root-cert", "ssl-ca"];

/// Returns the options with the TLS that the way to the server needs. A URL that does not choose gets TLS elsewhere than on
/// this machine, and a server whose authority it names has to have that one's certificate, as with `libpq`.
///
/// # Errors
/// When the file with that authority is missing.
pub(super) fn secured(
    options: PgConnectOptions,
    url: &str,
) -> Result<PgConnectOptions, BroadcastError> {
    use PgSslMode::{Allow, Prefer, Require, VerifyCa, VerifyFull};

    let file = authority(url);
    // One with escapes is left to the library.
    if let Some(path) = file.filter(|path| !path.contains('%') && !Path::new(path).is_file()) {
        let reason = format!("the file of sslrootcert, {path}, is not there");
        return Err(BroadcastError::url(reason));
    }
    let has_authority = file.is_some() || std::env::var_os("PGSSLROOTCERT").is_some();
    let mode = match options.get_ssl_mode() {
        Allow | Prefer if has_authority => VerifyFull,
        Allow | Prefer if !is_here(&options) => Require,
        Require if has_authority => VerifyCa,
        mode => mode,
    };
    Ok(options.ssl_mode(mode))
}

fn authority(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| AUTHORITIES.contains(name)).map(|(_, path)| path)
}

fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    // A host that begins with a slash is the folder of a socket.
    options.get_socket().is_some() || host.starts_with('/') || is_this_machine(host)
}

#[cfg(test)]
mod tests {
    fn mode(url: &str) -> String {
        format!("{:?}", super::super::Options::parse(url).expect("a URL").connect.get_ssl_mode())
    }

    #[test]
    fn nothing_is_plain_by_accident() {
        for (url, expected) in [
            ("postgres://127.0.0.1/chat", "Prefer"),
            ("postgres://[::1]/chat", "Prefer"),
            ("postgres://localhost/chat", "Prefer"),
            ("postgres:///chat?host=/run/postgresql", "Prefer"),
            ("postgres://db/chat", "Require"),
            ("postgres://10.0.0.1/chat?sslmode=prefer", "Require"),
            ("postgres://db/chat?sslmode=allow", "Require"),
            ("postgres://db/chat?sslmode=disable", "Disable"),
            ("postgres://db/chat?sslmode=verify-full", "VerifyFull"),
            ("postgres://db/chat?sslrootcert=/%63a.pem", "VerifyFull"),
            ("postgres://localhost/chat?sslrootcert=/%63a.pem", "VerifyFull"),
            ("postgres://db/chat?sslmode=require&sslrootcert=/%63a.pem", "VerifyCa"),
            ("postgres://db/chat?sslmode=disable&sslrootcert=/%63a.pem", "Disable"),
        ] {
            assert_eq!(mode(url), expected, "{url}");
        }
    }
}
