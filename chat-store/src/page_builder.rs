use chat_core::Message;

use crate::Page;

/// Collects the messages of a [`Page`] until the page is full.
///
/// For implementations of stores: it decides how many messages a page has, by their number and by their size, and
/// whether there are [`more`](Page::more).
///
/// ```
/// use chat_core::{Message, NewMessage, Offset, RoomId};
/// use chat_store::{Page, PageBuilder};
///
/// /// The first messages of a log, at most `limit`.
/// fn read(log: &[Message], limit: usize) -> Page {
///     let mut page = PageBuilder::new(limit);
///     for message in log.iter().take(page.wanted()) {
///         if !page.push(message.clone()) {
///             break;
///         }
///     }
///     page.build()
/// }
///
/// let new = NewMessage::new(RoomId::general(), "hello".parse()?);
/// let log: Vec<_> = (1..=3).map(|n| Message::from_new(Offset::ZERO.plus(n), new.clone())).collect();
/// let page = read(&log, 2);
/// assert_eq!((&page.messages[..], page.more), (&log[..2], true));
/// let page = read(&log, 3);
/// assert_eq!((page.messages.len(), page.more), (3, false));
/// # Ok::<_, chat_core::ParseError>(())
/// ```
#[derive(Debug)]
pub struct PageBuilder {
    page: Page,
    limit: usize,
    bytes: usize,
}

impl PageBuilder {
    /// Begins an empty page of at most `limit` messages.
    pub fn new(limit: usize) -> Self {
        Self { page: Page::default(), limit, bytes: 0 }
    }

    /// Returns how many further messages to look up: one more than the page takes, because that one shows that there
    /// are more.
    pub fn wanted(&self) -> usize {
        (self.limit - self.page.messages.len()).saturating_add(1)
    }

    /// Returns how many more bytes of contents the page takes. The message that reaches them is the last one.
    pub fn wanted_bytes(&self) -> usize {
        Page::MAX_BYTES.saturating_sub(self.bytes)
    }

    /// Returns the message that was added last.
    pub fn last(&self) -> Option<&Message> {
        self.page.messages.last()
    }

    /// Adds the next message in the direction of reading, and returns whether it belongs to the page. If it does not,
    /// the page is complete, and there are more messages.
    #[must_use = "a page that is full takes no more messages"]
    pub fn push(&mut self, message: Message) -> bool {
        self.page.more |= self.is_full();
        if !self.page.more {
            self.bytes += message.content.as_str().len();
            self.page.messages.push(message);
        }
        !self.page.more
    }

    /// Like [`push`](Self::push), but calls `message` only if the message belongs to the page. So one that cannot be
    /// read spoils no page that ends before it.
    ///
    /// # Errors
    /// The error of `message`. The page is as before.
    pub fn push_with<E>(
        &mut self,
        message: impl FnOnce() -> Result<Message, E>,
    ) -> Result<bool, E> {
        self.page.more |= self.is_full();
        Ok(!self.page.more && self.push(message()?))
    }

    /// Notes that there are more messages, although the next one was not looked up.
    pub fn cut(&mut self) {
        self.page.more = true;
    }

    fn is_full(&self) -> bool {
        self.page.messages.len() == self.limit || self.bytes >= Page::MAX_BYTES
    }

    /// Returns the page with the messages in the order in which they were added.
    pub fn build(self) -> Page {
        self.page
    }

    /// Returns the page with the messages in the opposite order, for
    /// [`read_before`](crate::MessageStore::read_before), which finds the last message first.
    pub fn build_reversed(mut self) -> Page {
        self.page.messages.reverse();
        self.page
    }
}
