use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::source::Source;

/// The uploads whose bytes come in now. Each takes a descriptor, a connection and a part of its file in memory.
#[derive(Debug)]
pub(super) struct InFlight {
    most: usize,
    most_of_source: usize,
    open: Mutex<HashMap<Source, usize>>,
}

/// One of them, until it is dropped.
pub(crate) struct OpenUpload {
    of: Arc<InFlight>,
    source: Source,
}

/// Why another upload cannot be opened now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    OfSource,
    All,
}

impl InFlight {
    pub(super) fn new(most: usize, most_of_source: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_source, open: Mutex::default() })
    }

    pub(super) fn open(self: &Arc<Self>, source: Source) -> Result<OpenUpload, Full> {
        let mut open = self.lock();
        if open.get(&source).is_some_and(|&of_source| of_source >= self.most_of_source) {
            return Err(Full::OfSource);
        }
        if open.values().sum::<usize>() >= self.most {
            return Err(Full::All);
        }
        *open.entry(source).or_default() += 1;
        Ok(OpenUpload { of: Arc::clone(self), source })
    }

    pub(super) fn count(&self) -> usize {
        self.lock().values().sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Source, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenUpload {
    fn drop(&mut self) {
        let mut open = self.of.lock();
        if let Some(of_source) = open.get_mut(&self.source) {
            *of_source -= 1;
            if *of_source == 0 {
                open.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_part_of_the_uploads_and_gets_it_back() {
        let uploads = InFlight::new(3, 2);
        let from = |last: u8| Source::Address([192, 0, 2, last].into());
        let open: Vec<_> = (0..2).map(|_| uploads.open(from(1)).ok().unwrap()).collect();
        assert_eq!(uploads.open(from(1)).err(), Some(Full::OfSource));
        let other = uploads.open(from(2)).ok().unwrap();
        assert_eq!(uploads.open(from(3)).err(), Some(Full::All));
        drop(open);
        assert_eq!(uploads.count(), 1);
        drop(other);
        assert!(uploads.lock().is_empty(), "nothing is kept of who is gone");
    }
}
