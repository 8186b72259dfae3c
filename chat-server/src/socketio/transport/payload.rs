//! Several packets in a body, see the
//! [protocol](https://github.com/socketio/engine.io-protocol#http-long-polling-1).

/// Stands between the packets of a body.
pub(super) const SEPARATOR: u8 = 0x1e;

/// A packet that says nothing.
pub(super) const NOOP: &str = "6";

/// The packets of a body.
pub(super) fn packets(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|&byte| byte == SEPARATOR)
}
