use std::fmt;

use super::{FileId, FileName};
use crate::Content;

/// What the path of every file begins with, below the path of the chat.
const PATH: &str = "files/";

/// A line of a text that refers to a file: a link in Markdown, so that a client which knows nothing of files shows
/// something sensible.
///
/// A line is a reference if it is nothing else: `[name](files/ID/NAME#BYTES)`, with a `!` in front for a picture, and
/// then with its size in pixels after that in bytes: `![what it shows](files/ID/NAME#BYTES-WIDTHxHEIGHT)`. Everything
/// after the path is for those who show it, and is not checked.
///
/// ```
/// use chat_core::FileReference;
///
/// let text = "Look!\n![a barn](files/000102030405060708090a0b0c0d0e0f/barn.jpg#34567-1200x800)";
/// let content = text.parse()?;
/// let [barn] = &FileReference::all_in(&content)[..] else { panic!("there is one") };
/// assert_eq!(barn.id.to_string(), "000102030405060708090a0b0c0d0e0f");
/// # Ok::<_, chat_core::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileReference {
    /// The file.
    pub id: FileId,
}

impl FileReference {
    /// The maximum number of references in a text.
    pub const MAX: usize = 20;

    /// Returns the references in a text, in its order.
    pub fn all_in(content: &Content) -> Vec<Self> {
        if !Self::is_any_in(content) {
            return Vec::new();
        }
        content.as_str().lines().filter_map(Self::of_line).collect()
    }

    /// Returns whether a text may refer to a file: a quick look, before a long one.
    pub fn is_any_in(content: &Content) -> bool {
        content.as_str().contains("](files/")
    }

    /// Returns whether a text refers to this file.
    pub fn is_in(content: &Content, id: FileId) -> bool {
        Self::all_in(content).iter().any(|reference| reference.id == id)
    }

    /// Returns the path to which a file is uploaded, relative to that of the chat.
    pub(crate) fn upload_path(id: FileId) -> String {
        format!("{PATH}{id}")
    }

    /// Returns the path of a file, relative to that of the chat.
    pub fn path(id: FileId, name: &FileName) -> String {
        format!("{PATH}{id}/{}", name.in_url())
    }

    /// Returns the line that refers to a file of this name and size in bytes.
    pub fn line(id: FileId, name: &FileName, bytes: u64) -> String {
        format!("[{}]({}#{bytes})", Escaped(name.as_str()), Self::path(id, name))
    }

    fn of_line(line: &str) -> Option<Self> {
        let line = line.trim_ascii_end();
        let label = line.strip_prefix('!').unwrap_or(line).strip_prefix('[')?;
        let target = label[end_of_label(label)?..].strip_prefix("](")?.strip_suffix(')')?;
        let (id, name) = target.strip_prefix(PATH)?.split_once('/')?;
        let is_url = |byte: u8| byte.is_ascii_graphic() && !b"()<>\"\\".contains(&byte);
        let id = id.parse().ok()?;
        (!name.is_empty() && name.bytes().all(is_url)).then_some(Self { id })
    }
}

/// Returns where the first bracket is that ends a label and is not escaped.
fn end_of_label(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, char)| {
        let ends = char == ']' && !is_escaped;
        is_escaped = char == '\\' && !is_escaped;
        ends.then_some(at)
    })
}

/// A text as a label.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '\\' | '[' | ']' => write!(f, "\\{char}"),
            _ => write!(f, "{char}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn ids(text: &str) -> Vec<String> {
        let references = FileReference::all_in(&text.parse().unwrap());
        references.iter().map(|reference| reference.id.to_string()).collect()
    }

    #[test]
    fn a_line_that_is_a_link_to_a_file_refers_to_it() {
        let other = ID.replace('0', "1");
        let text = format!(
            "[a \\[1\\] b](files/{ID}/a%20b.txt#12)\r\nhello\n![](files/{other}/x.png#7-1x2)"
        );
        assert_eq!(ids(&text), [ID, &*other]);
    }

    #[test]
    fn everything_else_is_text() {
        for text in [
            format!("see [a](files/{ID}/a.txt)"),
            format!("[a](files/{ID}/a.txt) and more"),
            format!("[a](files/{ID}/)"),
            format!("[a](files/{}/a.txt)", ID.to_uppercase()),
            format!("[a](files/{}/a.txt)", &ID[1..]),
            format!("[a](/files/{ID}/a.txt)"),
            format!("[a](https://example.com/files/{ID}/a.txt)"),
            format!("[a](files/{ID}/a b.txt)"),
            format!("[a](files/{ID}/a.txt)](files/{ID}/b.txt)"),
            format!("[a\\](files/{ID}/a.txt)"),
        ] {
            assert!(ids(&text).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_line_of_any_file_refers_to_it(name in ".{0,60}", id: [u8; 16], bytes: u64) {
            let id = FileId::from_random(id);
            let line = FileReference::line(id, &FileName::fitted(&name), bytes);
            prop_assert_eq!(ids(&line), [id.to_string()]);
            prop_assert!(FileReference::is_in(&line.parse().unwrap(), id));
        }

        #[test]
        fn no_text_is_too_strange(text in "(!|\\[|\\]|\\\\|\\(|\\)|files/|\n|.){1,40}") {
            let content = Content::from_stored(text);
            prop_assert!(FileReference::all_in(&content).len() <= content.as_str().len());
        }
    }
}
