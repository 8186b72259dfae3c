pub(crate) fn router() -> axum::Router { axum::Router::new() }
