//! The core of the chat: the log, delivery, users and presence. It knows neither sockets nor HTTP.

pub(crate) mod client_events;
pub(crate) mod consumers;
pub(crate) mod delivery;
pub(crate) mod episode;
pub(crate) mod intercept;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod moderation;
pub(crate) mod outage;
pub(crate) mod outgoing;
#[cfg(not(feature = "simulation"))]
pub(crate) mod planted;
#[cfg(feature = "simulation")]
pub mod planted;
pub(crate) mod policy;
pub(crate) mod presence;
pub(crate) mod quota;
pub(crate) mod rate;
pub(crate) mod reading;
pub(crate) mod relay;
pub(crate) mod retention;
pub(crate) mod search;
pub(crate) mod source;
pub(crate) mod turns;
pub(crate) mod users;
