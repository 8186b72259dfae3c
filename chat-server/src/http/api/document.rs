//! The description of the API for programs, in [OpenAPI](https://spec.openapis.org/oas/v3.1.0).

use std::sync::LazyLock;

use axum::response::Response;
use http::StatusCode;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::answer::json_bytes;
use super::{
    accounts, changes, events, messages, moderation_log, rooms, sanctions, schemas, search, users,
};

/// The name of the scheme in the document.
const TOKEN: &str = "token";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "chat-server",
        description = "The chat for programs. Names in paths are percent-encoded. Unknown fields are refused.",
    ),
    // From the address of this document.
    servers((url = "../v1")),
    paths(
        messages::post,
        messages::list,
        changes::edit,
        changes::delete,
        events::follow,
        search::find,
        messages::post_to_user,
        users::in_room,
        users::show,
        accounts::rename,
        accounts::devices,
        accounts::unlink,
        rooms::list,
        sanctions::ban,
        sanctions::ban_in_room,
        sanctions::mute,
        sanctions::mute_in_room,
        sanctions::lift_ban,
        sanctions::lift_ban_in_room,
        sanctions::lift_mute,
        sanctions::lift_mute_in_room,
        sanctions::kick,
        sanctions::kick_from_room,
        moderation_log::list,
    ),
    // The errors, and the data of events in streams.
    components(schemas(schemas::Error, schemas::Message, schemas::Change, schemas::Moderated)),
    security(("token" = [])),
    modifiers(&Bearer),
)]
struct Document;

/// Adds the scheme of the tokens.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let about = "A token of the server's file, see `chat-server api-token --help`. Scopes: read, send, moderate.";
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about));
        let scheme = SecurityScheme::Http(bearer.build());
        document.components.get_or_insert_default().add_security_scheme(TOKEN, scheme);
    }
}

/// `GET /openapi.json`, which takes no token.
pub(super) async fn show() -> Response {
    json_bytes(StatusCode::OK, json())
}

/// Returns the document as JSON.
pub(super) fn json() -> &'static str {
    // It cannot fail: there are only texts and numbers.
    static JSON: LazyLock<String> =
        LazyLock::new(|| Document::openapi().to_json().unwrap_or_default());
    &JSON
}
