/// The version of the tables of a store: the number of changes that they have seen. Each change is made when the store is
/// opened, all of them or none, and a program that does not know one refuses the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaVersion {
    /// The version of the store; 0 for the tutorial's file, and where there is none yet.
    pub stored: usize,
    /// The version that this program makes of it.
    pub known: usize,
}
