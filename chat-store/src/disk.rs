/// The space that a store takes on a disk; see [`MessageStore::disk`](crate::MessageStore::disk).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disk {
    /// The bytes of the store's files.
    pub used: u64,
    /// The bytes that are still free for this process; none if the disk is another machine's.
    pub free: Option<u64>,
    /// The bytes of the search index, beside the store's files.
    pub search: u64,
}

impl Disk {
    /// Creates what a store says.
    pub const fn new(used: u64, free: Option<u64>) -> Self {
        Self { used, free, search: 0 }
    }

    /// Sets the size of the search index.
    #[must_use]
    pub const fn with_search(self, search: u64) -> Self {
        Self { search, ..self }
    }
}
