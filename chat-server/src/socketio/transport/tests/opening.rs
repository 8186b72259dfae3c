//! How a connection is opened.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use socketioxide::SocketIo;
use tower::ServiceExt;

use crate::TransportService;

#[tokio::test]
async fn the_length_of_an_answer_is_right_whatever_engine_io_itself_would_announce() {
    for max_payload in [1_000, 100_000, 100_000_000] {
        let (inner, _io) = SocketIo::builder().max_payload(max_payload).build_svc();
        let service = TransportService::new(inner, Duration::from_secs(45));
        let request = Request::get("/socket.io/?EIO=4&transport=polling");
        let response = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let announced = response.headers().get(CONTENT_LENGTH).cloned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(b"0{"));
        if let Some(announced) = announced {
            assert_eq!(announced, body.len().to_string());
        }
    }
}
