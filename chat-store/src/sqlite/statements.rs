/// How many rows a statement takes at the most.
pub(super) const MAX_ROWS: usize = 1024;

/// The texts of a statement for 1, 2, 4, … [`MAX_ROWS`] rows, each prepared once for a connection: to
/// prepare one costs more than to run it.
pub(super) struct Statements(Vec<String>);

impl Statements {
    pub(super) fn new(text: impl Fn(usize) -> String) -> Self {
        Self((0..=MAX_ROWS.ilog2()).map(|log| text(1 << log)).collect())
    }

    /// The smallest with enough rows. What is not bound is NULL.
    pub(super) fn for_rows(&self, rows: usize) -> &str {
        &self.0[rows.next_power_of_two().ilog2() as usize]
    }
}
