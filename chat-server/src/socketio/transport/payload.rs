//! Several packets in one body, see the
//! [protocol](https://github.com/socketio/engine.io-protocol#http-long-polling-1).

/// Separates the packets of a body.
pub(super) const SEPARATOR: u8 = 0x1e;

/// An empty packet.
pub(super) const NOOP: &str = "6";

/// Returns the packets of a body.
pub(super) fn packets(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|&byte| byte == SEPARATOR)
}
