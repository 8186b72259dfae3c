use tokio::process::Command;

/// Limits that no measurement is to reach.
const LIFTED: [&str; 6] = [
    "CHAT_MAX_CONNECTIONS",
    "CHAT_MAX_CONNECTIONS_PER_ADDRESS",
    "CHAT_MAX_SESSIONS",
    "CHAT_MAX_SESSIONS_PER_ADDRESS",
    "CHAT_MAX_HANDSHAKES",
    "CHAT_MAX_HANDSHAKES_PER_ADDRESS",
];

/// Limits that 0 turns off.
const OFF: [&str; 8] = [
    "CHAT_MAX_EVENTS_PER_SECOND",
    "CHAT_MAX_EPHEMERAL_EVENTS_PER_SECOND",
    "CHAT_MAX_NEW_NAMES_PER_HOUR",
    "CHAT_MAX_WRONG_TOKENS_PER_MINUTE",
    "CHAT_MAX_MESSAGES_PER_DAY",
    "CHAT_MAX_BYTES_PER_DAY",
    "CHAT_MAX_MESSAGES_PER_DAY_PER_ADDRESS",
    "CHAT_MAX_BYTES_PER_DAY_PER_ADDRESS",
];

/// Lifts the limits of a chat-server: it is the server that is measured, and not what it takes of one client, or of one
/// address, from which all come. By variables, because a server of an earlier version does not know the options.
pub(super) fn lift_limits(command: &mut Command) {
    command.envs(LIFTED.map(|limit| (limit, "1000000"))).envs(OFF.map(|limit| (limit, "0")));
}
