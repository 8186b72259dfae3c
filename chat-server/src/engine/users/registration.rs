/// Whether a client that is no user yet may become one by taking a nickname. Users, the devices that they link, and
/// clients with a signed token come in all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Registration {
    /// Everybody may.
    #[default]
    Open,
    /// Nobody may: a nickname is refused with
    /// [`registration_closed`](chat_core::RefusalCode::RegistrationClosed), whether somebody has it or not.
    Closed,
}
