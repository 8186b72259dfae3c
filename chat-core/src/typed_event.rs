use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Kind, Message};

/// An event of an application, with its name and the type of its payload.
///
/// ```
/// use chat_core::{NewMessage, Message, Offset, RoomId, TypedEvent};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct OrderUpdated {
///     id: u32,
///     state: String,
/// }
///
/// impl TypedEvent for OrderUpdated {
///     const NAME: &'static str = "order updated";
/// }
///
/// let order = OrderUpdated { id: 7, state: "paid".to_owned() };
/// let room: RoomId = "orders".parse()?;
/// let message = NewMessage::event(room, OrderUpdated::NAME.parse()?, &order)?;
/// let message = Message::from_new(Offset::FIRST, message);
/// assert_eq!(OrderUpdated::read(&message).transpose()?, Some(order));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait TypedEvent: Serialize + DeserializeOwned + 'static {
    /// The name of the event: an [`EventName`](crate::EventName).
    const NAME: &'static str;

    /// Reads the event from a message; none if it is another one, or no event.
    fn read(message: &Message) -> Option<serde_json::Result<Self>> {
        match &message.kind {
            Kind::Event(name) if name.as_str() == Self::NAME && !message.is_deleted() => {
                Some(serde_json::from_str(message.content.as_str()))
            }
            _ => None,
        }
    }
}
