/// How much a node knows of who is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// Rooms with a user on any node.
    pub(crate) rooms: usize,
    /// Users with a nickname on this node.
    pub(crate) users: usize,
    /// Other nodes.
    pub(crate) nodes: usize,
}
