use std::ops::Range;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use chat_core::{FileId, FileName, Offset};
use chat_store::FileError;
use data_encoding::HEXLOWER;
use futures_util::stream::{self, Stream};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::answer::{failed, text};
use super::range::{Asked, asked};
use crate::engine::files::{Fetched, Files, is_shown};

/// How much of a file is in memory for one request.
const AT_ONCE: usize = 128 * 1024;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// Nothing in a file runs, or fetches anything, even if a browser is made to show it as a page.
const POLICY: &str = "sandbox; default-src 'none'";

/// Answers with a file, or a part of it.
pub(super) async fn fetch(
    State(files): State<Files>,
    Path((id, _)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let gone = "this link was not made for you, has expired, or its message is gone; open the message in the chat\n";
    let Some((id, of, until, signature)) = link(&id, query.as_deref().unwrap_or_default()) else {
        return text(StatusCode::FORBIDDEN, gone);
    };
    match files.fetched(id, of, until, &signature).await {
        Ok(Some(file)) => answer(files, &file, &headers),
        Ok(None) => text(StatusCode::FORBIDDEN, gone),
        Err(error) => failed(error),
    }
}

fn link(id: &str, query: &str) -> Option<(FileId, Offset, i64, String)> {
    let part = |name: &str| {
        let mut parts = form_urlencoded::parse(query.as_bytes());
        parts.find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
    };
    let of = Offset::new(part("of")?.parse().ok()?).ok()?;
    Some((id.parse().ok()?, of, part("until")?.parse().ok()?, part("signature")?))
}

fn answer(files: Files, file: &Fetched, asked_with: &HeaderMap) -> Response<Body> {
    let tag = format!("\"{}\"", HEXLOWER.encode(&file.hash));
    let size = file.record.bytes;
    let header = |name| asked_with.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_known = header(IF_NONE_MATCH).is_some_and(|tags| tags == "*" || tags.contains(&tag));
    let range = header(RANGE).filter(|_| header(IF_RANGE).is_none_or(|version| version == tag));
    let (status, part, body) = match asked(range, size) {
        _ if is_known => (StatusCode::NOT_MODIFIED, None, Body::empty()),
        Asked::Beyond => (StatusCode::RANGE_NOT_SATISFIABLE, None, Body::empty()),
        Asked::All => {
            let bytes = bytes_of(files, file.record.id, 0..size);
            (StatusCode::OK, Some(0..size), Body::from_stream(bytes))
        }
        Asked::Part(part) => {
            let bytes = bytes_of(files, file.record.id, part.clone());
            (StatusCode::PARTIAL_CONTENT, Some(part), Body::from_stream(bytes))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(ETAG, &tag);
    let seconds = file.remaining.as_secs();
    set(CACHE_CONTROL, &format!("private, max-age={seconds}, immutable"));
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
    set(REFERRER_POLICY, "no-referrer");
    set(ACCEPT_RANGES, "bytes");
    set(CONTENT_TYPE, file.media_type);
    set(CONTENT_DISPOSITION, &disposition(&file.record.name, is_shown(file.media_type)));
    match (status, part) {
        (StatusCode::RANGE_NOT_SATISFIABLE, _) => set(CONTENT_RANGE, &format!("bytes */{size}")),
        (StatusCode::PARTIAL_CONTENT, Some(part)) => {
            set(CONTENT_LENGTH, &(part.end - part.start).to_string());
            set(CONTENT_RANGE, &format!("bytes {}-{}/{size}", part.start, part.end - 1));
        }
        (_, Some(part)) => set(CONTENT_LENGTH, &(part.end - part.start).to_string()),
        (_, None) => {}
    }
    response
}

/// Reads a part of a file as it is sent. If the file is removed meanwhile, the answer breaks off.
fn bytes_of(
    files: Files,
    id: FileId,
    part: Range<u64>,
) -> impl Stream<Item = Result<Bytes, FileError>> {
    stream::try_unfold((files, part), move |(files, part)| async move {
        let most = usize::try_from(part.end - part.start).unwrap_or(AT_ONCE).min(AT_ONCE);
        if most == 0 {
            return Ok(None);
        }
        let bytes = files.read(id, part.start, most).await?;
        if bytes.is_empty() {
            return Err(FileError::Unknown);
        }
        let rest = part.start + bytes.len() as u64..part.end;
        Ok(Some((bytes, (files, rest))))
    })
}

/// Returns `Content-Disposition`, with a name in ASCII for clients that know no other (RFC 6266).
fn disposition(name: &FileName, is_shown: bool) -> String {
    let kind = if is_shown { "inline" } else { "attachment" };
    let is_plain = |char: char| char.is_ascii_graphic() && !"\"\\%;".contains(char) || char == ' ';
    let plain: String =
        name.as_str().chars().map(|char| if is_plain(char) { char } else { '_' }).collect();
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", name.in_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_characters_stays_in_its_header() {
        let name = FileName::fitted("a;\"b\"\r\nX: y é.txt");
        let header = disposition(&name, false);
        let plain = "a__b___X_ y _.txt";
        let encoded = "a%3B_b___X_%20y%20%C3%A9.txt";
        assert_eq!(header, format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"));
        assert!(HeaderValue::from_str(&header).is_ok());
    }
}
