//! Whether the client is told that its position is of another log.

use serde_json::Value;

use super::Client;

impl Client {
    /// Checks that the client recovers its session only in the log that it knows; else it has to be told.
    pub(super) fn goes_on(&mut self, recovered: bool) {
        let (Some(last), Some(at)) = (&self.last, &self.recovery_offset) else { return };
        if !self.world.is_forked {
            return;
        }
        let epoch = at.split('-').next().unwrap_or_default();
        let is_here = self.world.disk().has_still(last, epoch);
        if !is_here && recovered {
            self.violated(format_args!("it recovers at {at}, where the log has another message"));
        }
        self.is_to_be_told = !is_here;
    }

    /// Takes an event, and checks that the client is told of another log if it has to be, and before any message.
    pub(super) fn is_told(&mut self, event: &[Value]) {
        let is_report = event.first().is_some_and(|name| name == "other log");
        let is_message = matches!(event.last(), Some(Value::String(_)));
        if is_report {
            if !std::mem::take(&mut self.is_to_be_told) {
                self.violated("it is told of another log, and knows this one");
            }
            (self.server_offset, self.recovery_offset, self.last) = (0, None, None);
        }
        if is_message && self.is_to_be_told {
            self.violated("it gets messages of another log, and is not told");
        }
    }
}
