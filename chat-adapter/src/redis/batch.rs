/// What arrived at once.
pub(super) struct Batch {
    /// Whether something may be missing before it.
    pub(super) gap: bool,
    pub(super) payloads: Vec<Vec<u8>>,
}
