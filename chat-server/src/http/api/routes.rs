use axum::Router;
use axum::extract::State;
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, patch, post, put};

use super::error::{ApiError, Code, HttpCode};
use super::state::Api;
use super::{
    accounts, changes, document, events, messages, moderation_log, rooms, sanctions, search, users,
};
use crate::http::origin::Origins;

/// Returns the routes of the API, for pages that may use the chat and for programs.
pub(crate) fn router(api: Api, origins: Origins) -> Router {
    let mut router = Router::new();
    for (path, methods) in routes() {
        router = router.route(path, methods);
    }
    let router = router
        .fallback(async || ApiError::http(HttpCode::NotFound))
        .method_not_allowed_fallback(async || ApiError::http(HttpCode::MethodNotAllowed))
        .layer(map_response_with_state(api.clone(), counted));
    origins.guard(router).with_state(api)
}

/// Counts what became of a request.
async fn counted(State(api): State<Api>, response: Response) -> Response {
    let requests = &api.services().log.metrics().api;
    match response.extensions().get() {
        None => requests.accepted.add(1),
        Some(Code::Refused(code)) => requests.refused.add(*code),
        Some(Code::Http(_)) => requests.unsuitable.add(1),
    }
    response
}

/// All paths with what they answer.
fn routes() -> Vec<(&'static str, MethodRouter<Api>)> {
    vec![
        ("/openapi.json", get(document::show)),
        ("/rooms", get(rooms::list)),
        ("/rooms/{room}/messages", get(messages::list).post(messages::post)),
        ("/rooms/{room}/messages/{offset}", patch(changes::edit).delete(changes::delete)),
        ("/rooms/{room}/users", get(users::in_room)),
        ("/rooms/{room}/bans", post(sanctions::ban_in_room).delete(sanctions::lift_ban_in_room)),
        ("/rooms/{room}/mutes", post(sanctions::mute_in_room).delete(sanctions::lift_mute_in_room)),
        ("/rooms/{room}/kicks", post(sanctions::kick_from_room)),
        ("/kicks", post(sanctions::kick)),
        ("/bans", post(sanctions::ban).delete(sanctions::lift_ban)),
        ("/mutes", post(sanctions::mute).delete(sanctions::lift_mute)),
        ("/moderation", get(moderation_log::list)),
        ("/events", get(events::follow)),
        ("/search", get(search::find)),
        ("/users/{nickname}", get(users::show)),
        ("/users/{nickname}/nickname", put(accounts::rename)),
        ("/users/{nickname}/devices", get(accounts::devices)),
        ("/users/{nickname}/devices/{device}", delete(accounts::unlink)),
        ("/users/{nickname}/events", post(messages::post_to_user)),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_path_is_in_the_document() {
        let document = document::json();
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        let described = document["paths"].as_object().unwrap().keys().map(String::as_str);
        let routes: BTreeSet<&str> = routes().into_iter().map(|(path, _)| path).collect();
        let described: BTreeSet<&str> = described.chain(["/openapi.json"]).collect();
        assert_eq!(routes, described);
    }
}
