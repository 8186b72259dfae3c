#![doc = include_str!("../README.md")]
// Shows which feature has what, where rustdoc can.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod chat;
mod engine;
mod http;
mod socketio;

pub use chat::{
    Chat, ChatBuilder, ChatError, Impairment, RoomHandle, SearchError, SendError, Sending, Stores,
    UserHandle,
};
pub use engine::consumers::{Consumer, ConsumerError, Consuming, Consumption};
pub use engine::erasure::{Erased, erase_user};
pub use engine::intercept::Interceptor;
pub use engine::limits::{LimitError, Limits};
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub use engine::planted;
pub use engine::policy::{Action, Decision, Identity, Policy, PolicyError, RoomPolicy};
pub use engine::retention::Retention;
pub use engine::users::{
    ImportedUser, Registration, administrator_code, free_nickname, import_user, invitation,
    link_code, rename, take_nickname,
};
#[cfg(feature = "jwt")]
pub use engine::users::{JwtFileError, JwtFileErrorKind, JwtKeyError, JwtVerifier};
#[cfg(feature = "api")]
pub use http::api::{
    ApiScope, ApiScopeError, ApiToken, ApiTokenError, ApiTokenFileError, ApiTokenFileErrorKind,
    ApiTokenLineError, ApiTokens, NewApiToken,
};
pub use http::base_path::{BasePath, BasePathError};
#[cfg(feature = "tls")]
pub use http::certificate::{TlsCertificate, TlsCertificateError};
pub use http::operator_token::{OperatorToken, OperatorTokenError};
pub use http::origin::{AllowedHost, AllowedHostError, AllowedOrigin, AllowedOriginError};
pub use http::server::Listener;
pub use http::trusted_proxy::{TrustedProxy, TrustedProxyError};
#[cfg(feature = "page")]
pub use http::web::client_router;
#[cfg(feature = "webhook")]
pub use http::webhook::{
    Webhook, WebhookSecrets, WebhookSecretsError, WebhookSecretsFileError,
    WebhookSecretsFileErrorKind, WebhookTlsError, WebhookUrl, WebhookUrlError,
};
pub use socketio::client_address::ClientAddress;
pub use socketio::recovery;
pub use socketio::socket::{ConnectError, Direction, Observed};
pub use socketio::transport::TransportService;

/// Whose access has changed, for [`Chat::access_changed`].
pub use chat_core::AccessScope;

/// The version of socketioxide that the chat's sockets come from. An application that names no version of its own
/// always matches it.
pub use socketioxide;
