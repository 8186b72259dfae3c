use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::{router, socket_io_client};

async fn send(router: Router, request: Request<Body>) -> Response<Body> {
    router.oneshot(request).await.unwrap()
}

async fn get(path: &str) -> Response<Body> {
    send(router(), Request::get(path).body(Body::empty()).unwrap()).await
}

async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The paths that `src`, `href` and `import` name in the page, or in one of its scripts.
fn references(path: &str, source: &str) -> Vec<String> {
    let (folder, _) = path.rsplit_once('/').unwrap();
    ["src=\"", "href=\"", "from \""]
        .into_iter()
        .flat_map(|start| source.split(start).skip(1))
        .filter_map(|rest| rest.split_once('"'))
        .map(|(reference, _)| {
            if let Some(beside) = reference.strip_prefix("./") {
                format!("{folder}/{beside}")
            } else if let Some(above) = reference.strip_prefix("../") {
                let (parent, _) = folder.rsplit_once('/').unwrap();
                format!("{parent}/{above}")
            } else {
                reference.to_owned()
            }
        })
        .collect()
}

#[tokio::test]
async fn every_file_that_the_page_refers_to_is_served() {
    let mut queue = vec!["/".to_owned()];
    let mut seen = Vec::new();
    while let Some(path) = queue.pop() {
        if seen.contains(&path) {
            continue;
        }
        let response = get(&path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let content_type = header(&response, "content-type").to_owned();
        let expected = match path.rsplit_once('.') {
            Some((_, "js")) => "application/javascript; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            _ => "text/html; charset=utf-8",
        };
        assert_eq!(content_type, expected, "{path}");
        let found = references(&path, &text(response).await);
        seen.push(path);
        // The client has tests of its own, and may be missing.
        queue.extend(found.into_iter().filter(|path| !path.starts_with("/socket.io/")));
    }
    seen.sort();
    let mut served: Vec<_> = super::page::FILES.iter().map(|(path, ..)| path.to_string()).collect();
    served.sort();
    assert_eq!(seen, served, "files that the page does not use");
}

#[tokio::test]
async fn the_page_allows_no_inline_script_or_style() {
    let response = get("/").await;

    let policy = header(&response, "content-security-policy");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header(&response, "x-content-type-options"), "nosniff");
    assert_eq!(header(&response, "referrer-policy"), "no-referrer");
    let html = text(response).await;
    assert!(!html.contains("<style") && !html.contains("style="), "inline style");
    let mut attributes = html.split(" on").skip(1);
    let is_handler =
        |rest: &str| rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with('=');
    assert!(!html.contains("<script>") && !attributes.any(is_handler), "inline script");
}

#[tokio::test]
async fn what_the_browser_has_already_is_not_sent_again() {
    let etag = header(&get("/chat.js").await, "etag").to_owned();
    let other = "\"another\"";

    for known in [&etag, "*", &format!("W/{etag}"), &format!("{other}, W/\"x\" ,{etag}")] {
        let request = Request::get("/chat.js").header("if-none-match", known);
        let response = send(router(), request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(header(&response, "etag"), etag);
        assert_eq!(text(response).await, "");
    }
    for unknown in [other, etag.trim_matches('"'), ""] {
        let request = Request::get("/chat.js").header("if-none-match", unknown);
        let response = send(router(), request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK, "{unknown}");
    }
}

#[tokio::test]
async fn files_with_different_content_have_different_tags() {
    let tags = [get("/").await, get("/chat.js").await].map(|r| header(&r, "etag").to_owned());

    assert!(tags.iter().all(|tag| tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"')));
    assert_ne!(tags[0], tags[1]);
}

#[tokio::test]
async fn head_answers_without_a_body() {
    let response = send(router(), Request::head("/").body(Body::empty()).unwrap()).await;

    assert_eq!(response.status(), StatusCode::OK);
    assert_ne!(header(&response, "content-length"), "0");
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn the_client_is_served_as_by_the_node_js_server() {
    const FILES: &[(&str, &[u8])] = &[("socket.io.js", b"io"), ("socket.io.js.map", b"{}")];
    let types = ["application/javascript; charset=utf-8", "application/json; charset=utf-8"];

    for ((name, body), content_type) in FILES.iter().zip(types) {
        let request = Request::get(format!("/socket.io/{name}?v=1")).body(Body::empty()).unwrap();
        let response = send(socket_io_client::router_of("4.8.4", FILES), request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), content_type);
        assert_eq!(header(&response, "cache-control"), "public, max-age=0");
        assert_eq!(header(&response, "etag"), "\"4.8.4\"");
        assert_eq!(text(response).await.as_bytes(), *body);
    }
}

#[tokio::test]
async fn without_the_client_the_answer_says_what_to_do() {
    let request = Request::get("/socket.io/socket.io.min.js").body(Body::empty()).unwrap();
    let response = send(socket_io_client::router_of("", &[]), request).await;

    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(text(response).await.contains("Install Node.js with npm and build the server again"));
}

#[cfg(has_socket_io_client)]
#[tokio::test]
async fn the_installed_client_is_built_in() {
    for name in ["socket.io", "socket.io.min", "socket.io.esm.min", "socket.io.msgpack.min"] {
        let script = text(get(&format!("/socket.io/{name}.js")).await).await;
        assert!(script.starts_with("/*!\n * Socket.IO v4.8."), "{name}");
        let map = get(&format!("/socket.io/{name}.js.map")).await;
        assert_eq!(map.status(), StatusCode::OK, "{name}");
    }
}

#[tokio::test]
async fn healthz_says_ok() {
    let response =
        send(super::health(), Request::get("/healthz").body(Body::empty()).unwrap()).await;

    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, "ok");
}
