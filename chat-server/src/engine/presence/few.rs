/// A list that usually has one item, which is then stored inline: most users in a room have one connection, and
/// most connections are in one room.
#[derive(Debug)]
pub(super) enum Few<T> {
    One(T),
    Many(Vec<T>),
}

impl<T: PartialEq> Few<T> {
    /// Adds an item unless it is there. Returns whether it was added.
    pub(super) fn insert(&mut self, item: T) -> bool {
        if self.contains(&item) {
            return false;
        }
        *self = match std::mem::take(self) {
            Self::Many(items) if items.is_empty() => Self::One(item),
            Self::Many(mut items) => {
                items.push(item);
                Self::Many(items)
            }
            Self::One(first) => Self::Many(vec![first, item]),
        };
        true
    }

    /// Removes an item if it is there. Returns whether it was removed.
    pub(super) fn remove(&mut self, item: &T) -> bool {
        match self {
            Self::One(only) if only == item => *self = Self::default(),
            Self::One(_) => return false,
            Self::Many(items) => {
                let Some(index) = items.iter().position(|other| other == item) else {
                    return false;
                };
                items.swap_remove(index);
            }
        }
        true
    }

    pub(super) fn contains(&self, item: &T) -> bool {
        self.as_slice().contains(item)
    }

    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}
