/// The frames that arrived together.
pub(super) struct Batch {
    /// Whether frames may be missing before it.
    pub(super) gap: bool,
    pub(super) payloads: Vec<Vec<u8>>,
}
