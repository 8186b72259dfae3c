use std::io::Read;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use flate2::read::GzDecoder;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::{page, router, socket_io_client};

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

/// The paths that attributes and imports name in the page, or in one of its scripts.
fn references(path: &str, source: &str) -> Vec<String> {
    let (folder, _) = path.rsplit_once('/').unwrap();
    source
        .split(['"', '\''])
        .filter(|quoted| quoted.starts_with("./") || quoted.starts_with("../"))
        .map(|reference| {
            let (mut folder, mut rest) = (folder, reference);
            while let Some(above) = rest.strip_prefix("../") {
                folder = folder.rsplit_once('/').map_or("", |(parent, _)| parent);
                rest = above;
            }
            format!("{folder}/{}", rest.trim_start_matches("./"))
        })
        .collect()
}

/// Follows what the page refers to; returns the paths, sorted.
async fn reachable(routes: &Router, files: &[page::File]) -> Vec<String> {
    let mut queue =
        ["/", "/chat/client.js", "/service_worker.js", "/favicon.svg"].map(str::to_owned).to_vec();
    let mut seen = Vec::new();
    while let Some(path) = queue.pop() {
        if seen.contains(&path) {
            continue;
        }
        let request = Request::get(&path).body(Body::empty()).unwrap();
        let response = send(routes.clone(), request).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let content_type = header(&response, "content-type").to_owned();
        let expected = match path.rsplit_once('.') {
            Some((_, "js")) => "application/javascript; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            Some((_, "webmanifest")) => "application/manifest+json",
            _ => "text/html; charset=utf-8",
        };
        assert_eq!(content_type, expected, "{path}");
        let found = references(&path, &text(response).await);
        seen.push(path);
        // The client has tests of its own, and may be missing. The bundle of a module names what it is made of nowhere.
        let is_here = |path: &String| files.iter().any(|file| file.path == path);
        queue.extend(
            found.into_iter().filter(|path| !path.starts_with("/socket.io/")).filter(is_here),
        );
    }
    seen.sort();
    seen
}

fn paths(files: &[page::File]) -> Vec<String> {
    let mut paths: Vec<_> = files.iter().map(|file| file.path.to_owned()).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn every_file_of_the_sources_is_used() {
    let routes = page::router_of(page::SOURCES);
    let used = reachable(&routes, page::SOURCES).await;
    assert_eq!(used, paths(page::SOURCES), "files that the page does not use");
}

#[cfg(has_bundle)]
#[tokio::test]
async fn every_file_of_the_bundle_is_used() {
    let routes = page::router_of(page::BUNDLE);
    let used = reachable(&routes, page::BUNDLE).await;
    assert_eq!(used, paths(page::BUNDLE), "files that the page does not use");
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
    let etag = header(&get("/chat/client.js").await, "etag").to_owned();
    let other = "\"another\"";

    for known in [&etag, "*", &format!("W/{etag}"), &format!("{other}, W/\"x\" ,{etag}")] {
        let request = Request::get("/chat/client.js").header("if-none-match", known);
        let response = send(router(), request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(header(&response, "etag"), etag);
        assert_eq!(text(response).await, "");
    }
    for unknown in [other, etag.trim_matches('"'), ""] {
        let request = Request::get("/chat/client.js").header("if-none-match", unknown);
        let response = send(router(), request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK, "{unknown}");
    }
}

#[tokio::test]
async fn what_is_sent_is_as_small_as_the_browser_takes_it() {
    let get = |accepted: &str| {
        let request = Request::get("/chat/client.js").header("accept-encoding", accepted);
        send(router(), request.body(Body::empty()).unwrap())
    };
    let plain = get("identity").await;
    let brotli = if cfg!(has_bundle) { "br" } else { "gzip" };
    let cases = [
        ("gzip, deflate, br, zstd", brotli),
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("gzip;q=0.0", ""),
        ("deflate", ""),
        ("", ""),
    ];
    let plain_tag = header(&plain, "etag").to_owned();
    let length = plain.into_body().collect().await.unwrap().to_bytes().len();
    for (accepted, encoding) in cases {
        let response = get(accepted).await;
        assert_eq!(header(&response, "content-encoding"), encoding, "{accepted}");
        assert_eq!(header(&response, "vary"), "accept-encoding", "{accepted}");
        assert_eq!(header(&response, "etag") == plain_tag, encoding.is_empty(), "{accepted}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len() < length, !encoding.is_empty(), "{accepted}");
    }
}

#[tokio::test]
async fn what_is_compressed_is_the_same() {
    for file in page::SOURCES {
        let request = Request::get(file.path).header("accept-encoding", "gzip");
        let routes = page::router_of(page::SOURCES);
        let response = send(routes, request.body(Body::empty()).unwrap()).await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let mut content = Vec::new();
        GzDecoder::new(&body[..]).read_to_end(&mut content).unwrap();
        assert_eq!(content, file.body, "{}", file.path);
    }
}

#[cfg(has_bundle)]
#[tokio::test]
async fn files_whose_names_change_are_kept_and_others_are_asked_for() {
    for file in page::BUNDLE {
        let response = get(file.path).await;
        let caching = header(&response, "cache-control");
        assert_eq!(
            caching.contains("immutable"),
            file.path.starts_with("/assets/"),
            "{}",
            file.path
        );
        assert_eq!(
            caching.contains("max-age=0"),
            !file.path.starts_with("/assets/"),
            "{}",
            file.path
        );
    }
}

#[cfg(has_bundle)]
#[test]
fn the_bundle_is_few_files_and_small() {
    // What the page names, and what comes with that; other files come when they are needed.
    let mut paths: Vec<&str> = vec!["/", "/service_worker.js"];
    let mut at = 0;
    while let Some(path) = paths.get(at) {
        let file = page::BUNDLE.iter().find(|file| file.path == *path).unwrap();
        let text = str::from_utf8(file.body).unwrap();
        let (folder, _) = path.rsplit_once('/').unwrap();
        let is_named = |it: &page::File| {
            let name = it.path.strip_prefix(folder).unwrap_or_default();
            let ways = match *path {
                "/" => vec![format!("\".{name}\"")],
                _ => vec![format!("from\".{name}\""), format!("import\".{name}\"")],
            };
            !name.is_empty() && ways.iter().any(|way| text.contains(way))
        };
        let named = page::BUNDLE.iter().filter(|it| is_named(it)).map(|it| it.path);
        let new: Vec<_> = named.filter(|it| !paths.contains(it)).collect();
        paths.extend(new);
        at += 1;
    }
    let files = page::BUNDLE.iter().filter(|file| paths.contains(&file.path));
    let bytes: usize = files.map(|file| file.brotli.unwrap().len()).sum();

    assert!((6..=7).contains(&paths.len()), "{paths:?}");
    assert!(bytes <= 45_000 + SOCKET_IO_BYTES, "{bytes} bytes");
}

/// The Socket.IO client in the bundle, which is as large as it is.
#[cfg(has_bundle)]
const SOCKET_IO_BYTES: usize = 12_000;

#[tokio::test]
async fn pages_of_other_origins_may_import_the_library_alone() {
    let allowed =
        |response: &Response<Body>| header(response, "access-control-allow-origin").to_owned();

    assert_eq!(allowed(&get("/chat/client.js").await), "*");
    assert_eq!(allowed(&get("/").await), "");
    assert_eq!(allowed(&get("/service_worker.js").await), "");
}

#[tokio::test]
async fn files_with_different_content_have_different_tags() {
    let tags =
        [get("/").await, get("/chat/client.js").await].map(|r| header(&r, "etag").to_owned());

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
