use std::collections::HashMap;

use chat_core::{Message, Offset};

use crate::Target;

/// Messages that others depend on, with the offsets of their deletions.
#[derive(Debug, Default)]
pub(crate) struct Targets(HashMap<Offset, (Message, Option<Offset>)>);

impl Targets {
    pub(crate) fn add(&mut self, message: Message, deletion: Option<Offset>) {
        self.0.insert(message.offset, (message, deletion));
    }

    pub(crate) fn get(&self, of: Offset) -> Option<Target<'_>> {
        self.0.get(&of).map(|(message, deletion)| Target { message, deletion: *deletion })
    }
}
