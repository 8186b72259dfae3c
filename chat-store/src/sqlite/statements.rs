/// Maximum number of rows per statement.
pub(super) const MAX_ROWS: usize = 1024;

/// The texts of a statement for 1, 2, 4, … [`MAX_ROWS`] rows, each prepared once per connection: preparing one costs
/// more than running it.
pub(super) struct Statements(Vec<String>);

impl Statements {
    pub(super) fn new(text: impl Fn(usize) -> String) -> Self {
        Self((0..=MAX_ROWS.ilog2()).map(|log| text(1 << log)).collect())
    }

    /// Returns the smallest statement with enough rows. Unbound rows are NULL.
    pub(super) fn for_rows(&self, rows: usize) -> &str {
        &self.0[rows.next_power_of_two().ilog2() as usize]
    }
}
