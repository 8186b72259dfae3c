//! The link with which somebody becomes the administrator, printed at each start while there is none.

use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use chat_core::event::DeviceCode;
use chat_server::administrator_code;
use chat_store::UserStore;

use super::Cli;

/// Returns a code if an administrator is missing. If the store fails, the server
/// starts all the same, and the next start prints one.
pub(super) async fn code(cli: &Cli, store: &dyn UserStore) -> Option<DeviceCode> {
    if !may_be_missing(cli) {
        return None;
    }
    administrator_code(store).await.unwrap_or_else(|error| {
        tracing::warn!("no link for an administrator can be made: {error}");
        None
    })
}

/// Returns whether there are rules that an administrator may change, and no signed tokens that say who that is.
pub(super) fn may_be_missing(cli: &Cli) -> bool {
    cli.rooms && !cli.jwt.has_keys()
}

/// Prints the link, which is a secret: on standard output, and never in the log.
pub(super) fn print(cli: &Cli, local: &str, DeviceCode { code, expires_at, .. }: &DeviceCode) {
    let host = match local.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
        _ => local.to_owned(),
    };
    let path = cli.base_path.as_str();
    let until = Duration::from_millis(u64::try_from(expires_at.as_millis()).unwrap_or(0));
    let until = humantime::format_rfc3339_seconds(UNIX_EPOCH + until);
    let scheme = cli.tls.scheme();
    println!("administrator: {scheme}://{host}{path}/#device={code} (works once, until {until})");
}
