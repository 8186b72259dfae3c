use serde::Serialize;
use serde_json::Value;
use socketioxide::SendError;
use socketioxide::extract::SocketRef;
use thiserror::Error;

/// The error of sending an event.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The arguments cannot be serialised.
    #[error("the arguments of the event cannot be serialised")]
    Arguments(#[source] serde_json::Error),
    /// The connection is gone or its buffer is full. Nothing was sent.
    #[error("the event cannot be sent")]
    Send(#[source] SendError),
}

/// Sends an event that does not change the client's position in the log.
///
/// A Socket.IO client stores the trailing string of any event as its position, and could not recover with an
/// arbitrary string. So this function appends a `null` to arguments that end with a string; handlers that name their
/// arguments do not see it.
///
/// A tuple or an array holds the arguments; any other value is the only argument.
///
/// # Errors
/// Nothing was sent.
pub fn emit<T: Serialize + ?Sized>(
    socket: &SocketRef,
    event: &str,
    arguments: &T,
) -> Result<(), EmitError> {
    let arguments = without_trailing_string(arguments).map_err(EmitError::Arguments)?;
    // As separate arguments: socketioxide would send a plain list as one.
    socket.emit(event, &Spread(arguments)).map_err(EmitError::Send)
}

/// Returns the arguments such that the last one is no string.
fn without_trailing_string<T: Serialize + ?Sized>(arguments: &T) -> serde_json::Result<Vec<Value>> {
    let mut arguments = match serde_json::to_value(arguments)? {
        Value::Array(arguments) => arguments,
        Value::Null => Vec::new(),
        argument => vec![argument],
    };
    if arguments.last().is_some_and(Value::is_string) {
        arguments.push(Value::Null);
    }
    Ok(arguments)
}

struct Spread(Vec<Value>);

impl Serialize for Spread {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|argument| tuple.serialize_element(argument))?;
        tuple.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::without_trailing_string;

    #[test]
    fn no_event_ends_with_a_string() {
        assert_eq!(without_trailing_string(&("a", 1)).unwrap(), [json!("a"), json!(1)]);
        assert_eq!(
            without_trailing_string(&(1, "a")).unwrap(),
            [json!(1), json!("a"), json!(null)]
        );
        assert_eq!(without_trailing_string("a").unwrap(), [json!("a"), json!(null)]);
        assert_eq!(
            without_trailing_string(&["a", "b"]).unwrap(),
            [json!("a"), json!("b"), json!(null)]
        );
        assert_eq!(without_trailing_string(&json!({"a": "b"})).unwrap(), [json!({"a": "b"})]);
        assert!(without_trailing_string(&()).unwrap().is_empty());
    }
}
