use std::ops::Range;

/// The bytes to read instead of the input. Copies nothing as long as they are the same.
pub(super) struct Output<'a> {
    read: &'a [u8],
    /// The number of leading bytes that pass.
    kept: usize,
    /// The replacement, if they differ.
    other: Option<Vec<u8>>,
}

impl<'a> Output<'a> {
    pub(super) fn new(read: &'a [u8]) -> Self {
        Self { read, kept: 0, other: None }
    }

    /// Passes these bytes.
    pub(super) fn keep(&mut self, range: Range<usize>) {
        if self.other.is_none() && range.start == self.kept {
            self.kept = range.end;
        } else {
            let read = self.read;
            self.put(&read[range]);
        }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.other().extend_from_slice(bytes);
    }

    /// Starts a replacement from here on.
    pub(super) fn other(&mut self) -> &mut Vec<u8> {
        self.other.get_or_insert_with(|| self.read[..self.kept].to_vec())
    }

    /// Returns the replacement, if it differs from the bytes up to `end`.
    pub(super) fn finish(mut self, end: usize) -> Option<Vec<u8>> {
        if self.other.is_none() && self.kept == end {
            return None;
        }
        Some(std::mem::take(self.other()))
    }
}
