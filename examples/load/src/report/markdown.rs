use std::fmt::Write as _;

/// Rows as a Markdown table, the first of which is its head. All have as many cells.
pub(super) fn markdown(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        text += "|";
        for (cell, &width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(text, " {cell:width$} |");
        }
        text += "\n";
        if index == 0 {
            text += "|";
            for width in &widths {
                let _ = write!(text, "{:-<1$}|", "", width + 2);
            }
            text += "\n";
        }
    }
    text
}
