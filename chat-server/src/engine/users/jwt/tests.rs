use jsonwebtoken::{Algorithm, EncodingKey, Header as TokenHeader, encode};
use serde_json::json;

use super::claims::{MAX_ROLE_BYTES, MAX_ROLES, MAX_ROOMS};
use super::*;
use crate::engine::users::TokenClaims;

const SECRET: &[u8] = b"a secret of thirty-two bytes or so";
const OTHER: &[u8] = b"another secret of thirty-two bytes";

fn verifier() -> JwtVerifier {
    JwtVerifier::from_bytes(SECRET).unwrap()
}

fn now() -> f64 {
    Timestamp::now().as_millis() as f64 / 1000.0
}

fn signed(claims: &Json, secret: &[u8], change: impl FnOnce(&mut TokenHeader)) -> Token {
    let mut header = TokenHeader::new(Algorithm::HS256);
    change(&mut header);
    encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap().try_into().unwrap()
}

fn token(claims: &Json) -> Token {
    signed(claims, SECRET, |_| {})
}

fn refusal(verifier: &JwtVerifier, token: &Token) -> (RefusalCode, String) {
    let refusal = verifier.subject(Some(token)).unwrap_err();
    (refusal.code, refusal.message)
}

#[test]
fn a_token_that_has_expired_is_refused_at_once_and_one_that_begins_soon_is_accepted() {
    let verifier = verifier();
    for (claims, code) in [
        (json!({ "sub": "1", "exp": now() - 0.002 }), Some(RefusalCode::ExpiredToken)),
        (json!({ "sub": "1", "exp": now() - 5.0 }), Some(RefusalCode::ExpiredToken)),
        (json!({ "sub": "1", "exp": -1 }), Some(RefusalCode::ExpiredToken)),
        (json!({ "sub": "1", "exp": now() + 5.0 }), None),
        (json!({ "sub": "1", "exp": now() + 50.0, "nbf": now() + 8.0 }), None),
        (
            json!({ "sub": "1", "exp": now() + 50.0, "nbf": now() + 15.0 }),
            Some(RefusalCode::InvalidToken),
        ),
        (json!({ "sub": "1", "exp": now() + 50.0, "iat": now() + 600.0 }), None),
    ] {
        let refused = verifier.subject(Some(&token(&claims))).err().map(|refusal| refusal.code);
        assert_eq!(refused, code, "{claims}");
    }
    // What is accepted lasts exactly until the time in the token, so that no tolerance can end it at once.
    let claims = json!({ "sub": "1", "exp": 9_000_000_000.75 });
    let subject = verifier.subject(Some(&token(&claims))).unwrap();
    assert_eq!(subject.until, Some(Timestamp::from_millis(9_000_000_000_750)));
}

#[test]
fn a_token_needs_an_end_unless_that_is_allowed() {
    let endless = token(&json!({ "sub": "1" }));
    let (code, message) = refusal(&verifier(), &endless);
    assert_eq!((code, message.contains("`exp`")), (RefusalCode::InvalidToken, true));
    let subject = verifier().allow_no_expiry().subject(Some(&endless)).unwrap();
    assert_eq!(subject.until, None);
    let ended = token(&json!({ "sub": "1", "exp": 5 }));
    assert_eq!(refusal(&verifier().allow_no_expiry(), &ended).0, RefusalCode::ExpiredToken);
}

#[test]
fn absurd_times_are_refused_by_name() {
    let verifier = verifier().allow_no_expiry();
    for absurd in
        [json!(now() * 1000.0), json!(1e300), json!(-1e300), json!("5"), json!(null), json!([5])]
    {
        for claim in ["exp", "nbf", "iat"] {
            let mut claims = json!({ "sub": "1" });
            claims[claim] = absurd.clone();
            let (code, message) = refusal(&verifier, &token(&claims));
            assert_eq!(code, RefusalCode::InvalidToken);
            assert!(message.contains(&format!("`{claim}`")), "{claims}: {message}");
        }
    }
}

#[test]
fn claims_that_cannot_be_read_are_refused_and_never_a_panic() {
    let verifier = verifier().allow_no_expiry();
    let raw = |json: &str| {
        let json = serde_json::value::RawValue::from_string(json.into()).unwrap();
        let header = TokenHeader::new(Algorithm::HS256);
        let token = encode(&header, &json, &EncodingKey::from_secret(SECRET)).unwrap();
        refusal(&verifier, &token.try_into().unwrap())
    };
    for json in
        ["5", "[]", "null", r#"{"sub":"1","sub":"2"}"#, r#"{"sub":"1","exp":1e999}"#, r#"["1"]"#]
    {
        assert_eq!(raw(json).0, RefusalCode::InvalidToken, "{json}");
    }
    let halved = r#"{"sub":"1\ud83d","name":"Ada","exp":4000000000}"#;
    assert_eq!(raw(halved).0, RefusalCode::InvalidToken, "two users could become one");
    for json in ["{}", r#"{"sub":null}"#, r#"{"sub":5}"#, r#"{"sub":""}"#] {
        assert_eq!(
            raw(json),
            (RefusalCode::InvalidToken, "the token has no subject (`sub`)".into())
        );
    }
    assert!(raw(r#"{"sub":"1","iss":5}"#).1.contains("`iss`"));
    for text in ["", ".", "..", "a.b.c", "e30.e30.", "e30.e30.e30.e30", "é.é.é"] {
        if let Ok(token) = Token::try_from(text.to_owned()) {
            assert_eq!(refusal(&verifier, &token).0, RefusalCode::InvalidToken, "{text}");
        }
    }
}

#[test]
fn the_audience_and_the_issuer_count_if_they_are_configured() {
    let (any, some) =
        (verifier(), verifier().with_audiences(["chat", "talk"]).with_issuers(["a", "b"]));
    for (aud, iss, expected) in [
        (json!("chat"), json!("a"), None),
        (json!(["shop", "talk"]), json!("b"), None),
        (json!("shop"), json!("a"), Some("`aud`")),
        (json!(["shop"]), json!("a"), Some("`aud`")),
        (json!([]), json!("a"), Some("`aud`")),
        (json!(null), json!("a"), Some("`aud`")),
        (json!({ "chat": 1 }), json!("a"), Some("`aud`")),
        (json!("chat"), json!("c"), Some("`iss`")),
        (json!("chat"), json!(null), Some("`iss`")),
    ] {
        let token = token(&json!({ "sub": "1", "exp": now() + 50.0, "aud": aud, "iss": iss }));
        assert!(any.subject(Some(&token)).is_ok(), "{aud} {iss}");
        match (some.subject(Some(&token)), expected) {
            (Ok(_), None) => {}
            (Err(refusal), Some(claim)) if refusal.message.contains(claim) => {}
            (other, _) => panic!("{aud} {iss}: {other:?}"),
        }
    }
}

#[test]
fn the_user_is_the_subject_with_the_issuer() {
    let owner = |iss: Json| {
        let claims = json!({ "sub": "1", "iss": iss, "exp": now() + 50.0 });
        verifier().subject(Some(&token(&claims))).unwrap().owner
    };
    // Owners that are in stores already.
    assert_eq!(owner(json!("a")), super::super::owner::owner("jwt", &["a", "1"]));
    assert_eq!(owner(json!(null)), super::super::owner::owner("jwt", &["", "1"]));
    assert_ne!(owner(json!("a")), owner(json!("b")));
}

#[test]
fn a_token_that_demands_extensions_is_refused() {
    let claims = json!({ "sub": "1", "exp": now() + 50.0 });
    for critical in [vec!["exp".into()], vec![]] {
        let token = signed(&claims, SECRET, |header| header.crit = Some(critical));
        let (code, message) = refusal(&verifier(), &token);
        assert_eq!((code, message.contains("`crit`")), (RefusalCode::InvalidToken, true));
    }
}

/// A key set with a secret for each id.
fn key_set(secrets: &[(Option<&str>, &[u8])]) -> Vec<u8> {
    let key = |(kid, secret): &(Option<&str>, &[u8])| {
        let mut key = json!({ "kty": "oct", "k": data_encoding::BASE64URL_NOPAD.encode(secret) });
        if let Some(kid) = kid {
            key["kid"] = json!(kid);
        }
        key
    };
    let keys: Vec<_> = secrets.iter().map(key).collect();
    json!({ "keys": keys }).to_string().into_bytes()
}

#[test]
fn a_known_key_id_picks_the_key_and_otherwise_all_are_tried() {
    let set = key_set(&[(Some("old"), SECRET), (Some("new"), OTHER), (None, &[7; 32])]);
    let verifier = JwtVerifier::from_bytes(&set).unwrap();
    let claims = json!({ "sub": "1", "exp": now() + 50.0 });
    for (secret, kid, accepted) in [
        (SECRET, Some("old"), true),
        (OTHER, Some("new"), true),
        (SECRET, Some("new"), false),
        (OTHER, Some("unknown"), true),
        (OTHER, None, true),
        (&[7; 32][..], None, true),
        (&[8; 32][..], None, false),
    ] {
        let token = signed(&claims, secret, |header| header.kid = kid.map(ToOwned::to_owned));
        assert_eq!(verifier.subject(Some(&token)).is_ok(), accepted, "{kid:?}");
    }
}

#[test]
fn what_may_be_public_is_never_taken_for_a_secret() {
    use JwtKeyError::*;
    let long = "x".repeat(64);
    for (file, expected) in [
        (format!("{{\"keys\":[{{\"kty\":\"RSA\",\"n\":\"{long}"), NoKeySet),
        (format!("\u{feff} {{\"kty\":\"oct\",\"k\":\"{long}\"}}"), NoKeySet),
        (format!("[\"{long}\"]"), NoKeySet),
        (format!("-----BEGIN PUBLIC KEY-----\n{long}"), Unsupported),
        (format!("-----BEG{long}"), Unsupported),
        (format!("ssh-ed25519 {long} ada@home"), Unsupported),
        (format!("-----BEGIN EC PRIVATE KEY-----\n{long}"), Private),
        (r#"{"keys":[]}"#.into(), NoneUsable { skipped: 0 }),
        (r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"","d":"AAAA"}]}"#.into(), Private),
        (String::new(), Short { bytes: 0 }),
    ] {
        assert_eq!(JwtVerifier::from_bytes(file.as_bytes()).unwrap_err(), expected, "{file}");
    }
}

#[test]
fn keys_that_cannot_be_used_are_skipped() {
    let (secret, point) = ("A".repeat(43), "A".repeat(43));
    let modulus = format!("AQ{}", "A".repeat(342));
    let keys = [
        (json!({ "kty": "oct", "k": secret }), true),
        (
            json!({ "kty": "oct", "k": secret, "alg": "HS256", "use": "sig", "key_ops": ["verify"] }),
            true,
        ),
        (json!({ "kty": "RSA", "n": modulus, "e": "AQAB", "kid": "r", "x5c": ["…"] }), true),
        (json!({ "kty": "EC", "crv": "P-256", "x": point, "y": point }), true),
        (json!({ "kty": "OKP", "crv": "Ed25519", "x": point, "alg": "Ed25519" }), true),
        (json!({ "kty": "oct", "k": "AAAA" }), false),
        (json!({ "kty": "oct", "k": secret, "alg": "HS512" }), false),
        (json!({ "kty": "oct", "k": secret, "use": "enc" }), false),
        (json!({ "kty": "oct", "k": secret, "key_ops": ["sign"] }), false),
        (json!({ "kty": "RSA", "n": &modulus[..100], "e": "AQAB" }), false),
        (json!({ "kty": "RSA", "n": modulus }), false),
        (json!({ "kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RSA-OAEP" }), false),
        (json!({ "kty": "EC", "crv": "P-384", "x": point, "y": point }), false),
        (json!({ "kty": "EC", "crv": "P-256", "x": point, "y": "AAAA" }), false),
        (json!({ "kty": "OKP", "crv": "X25519", "x": point }), false),
        (json!({ "kty": "later" }), false),
        (json!({ "k": secret }), false),
        (json!(5), false),
    ];
    let usable = keys.iter().filter(|(_, usable)| *usable).count();
    for (key, usable) in &keys {
        let set = json!({ "keys": [key, { "kty": "oct", "k": secret }] }).to_string();
        let read = Keys::read(set.as_bytes()).unwrap();
        assert_eq!(
            (read.keys.len(), read.skipped.len()),
            (1 + usize::from(*usable), usize::from(!usable)),
            "{key}"
        );
    }
    let all: Vec<_> = keys.into_iter().map(|(key, _)| key).collect();
    let read = Keys::read(json!({ "keys": all }).to_string().as_bytes()).unwrap();
    assert_eq!(read.keys.len(), usable);
    let many: Vec<_> = (0..33).map(|_| json!({ "kty": "oct", "k": secret })).collect();
    let many = JwtVerifier::from_bytes(json!({ "keys": many }).to_string().as_bytes());
    assert_eq!(many.unwrap_err(), JwtKeyError::TooMany { keys: 33, max: 32 });
}

#[test]
fn files_are_read_again_and_one_that_cannot_be_keeps_its_keys() {
    let directory = tempfile::tempdir().unwrap();
    let paths = ["one", "two"].map(|name| directory.path().join(name));
    std::fs::write(&paths[0], SECRET).unwrap();
    std::fs::write(&paths[1], key_set(&[(None, OTHER)])).unwrap();
    let verifier = JwtVerifier::from_files(&paths).unwrap();
    let accepts = |secret: &[u8]| {
        let token = signed(&json!({ "sub": "1", "exp": now() + 50.0 }), secret, |_| {});
        verifier.clone().subject(Some(&token)).is_ok()
    };
    assert!(accepts(SECRET) && accepts(OTHER) && !accepts(&[7; 32]));
    std::fs::write(&paths[0], "{").unwrap();
    std::fs::write(&paths[1], key_set(&[(None, &[7; 32]), (None, &[8; 32])])).unwrap();
    assert_eq!(verifier.reload(), 3);
    assert!(accepts(SECRET) && !accepts(OTHER) && accepts(&[7; 32]) && accepts(&[8; 32]));
    std::fs::remove_file(&paths[1]).unwrap();
    std::fs::write(&paths[0], OTHER).unwrap();
    assert_eq!(verifier.reload(), 3);
    assert!(!accepts(SECRET) && accepts(OTHER) && accepts(&[7; 32]));
    let missing = JwtVerifier::from_files(&paths).unwrap_err();
    assert_eq!(missing.path, paths[1]);
    assert!(matches!(missing.source, JwtFileErrorKind::Unreadable(_)));
}

#[test]
fn rooms_and_roles_are_read_within_their_limits() {
    let claims_of = |claims: Json| {
        let mut all = json!({ "sub": "1", "exp": now() + 50.0 });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        verifier().subject(Some(&token(&all))).map(|subject| (*subject.claims).clone())
    };
    assert_eq!(claims_of(json!({})), Ok(TokenClaims::default()));
    assert_eq!(claims_of(json!({ "rooms": null, "roles": "admin" })), Ok(TokenClaims::default()));
    let rooms = |names: &[&str]| Some(names.iter().map(|name| name.parse().unwrap()).collect());
    let some =
        claims_of(json!({ "rooms": ["rust", "ci ", 5, "ci", "rust"], "roles": ["b", "", 7, "a"] }));
    let expected =
        TokenClaims { rooms: rooms(&["ci", "rust"]), roles: vec!["a".into(), "b".into()] };
    assert_eq!(some, Ok(expected));
    assert_eq!(claims_of(json!({ "rooms": [] })).unwrap().rooms, rooms(&[]));
    // Passing over it would let the user into every room.
    assert!(claims_of(json!({ "rooms": "rust" })).unwrap_err().message.contains("`rooms`"));
    let many: Vec<_> = (0..800).map(|n| format!("{n:x}")).collect();
    let bounded = claims_of(json!({ "rooms": many, "roles": [] })).unwrap();
    assert_eq!(bounded.rooms.unwrap().len(), MAX_ROOMS);
    let long = "x".repeat(MAX_ROLE_BYTES + 1);
    let roles = claims_of(json!({ "roles": many.into_iter().chain([long]).collect::<Vec<_>>() }));
    assert_eq!(roles.unwrap().roles.len(), MAX_ROLES);
}

#[test]
fn the_names_of_a_token_come_in_their_order() {
    let claims = json!({ "sub": "1", "exp": now() + 50.0, "name": "Ada Lovelace", "nickname": "Ada", "preferred_username": 5 });
    let subject = verifier().subject(Some(&token(&claims))).unwrap();
    assert_eq!(subject.names, ["Ada", "Ada Lovelace", "1"]);
}
