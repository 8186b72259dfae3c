use super::*;
use crate::event::{ChatMessage, Delivery};
use crate::{RecoveryOffset, RefusalCode};

mod losses;

const OPEN: &str = r#"0{"sid":"x","pingInterval":25000,"pingTimeout":20000}"#;

fn session(handshake: Handshake) -> Session {
    Session::new(handshake, "run").unwrap()
}

fn text(content: &str) -> ChatMessage {
    ChatMessage::new(content.parse().unwrap())
}

fn delivery(content: &str, offset: u64, key: Option<&str>) -> String {
    let meta = serde_json::json!({ "room": "general", "from": null, "at": 1, "clientOffset": key });
    format!(
        "42{}",
        serde_json::json!(["chat message", content, offset, meta, format!("a-{offset}")])
    )
}

/// Opens a connection, and returns what the session says in `auth`.
fn open(session: &mut Session, now: Instant) -> serde_json::Value {
    session.opened(now);
    session.read(OPEN, now).unwrap();
    let auth = session.write(now).unwrap();
    serde_json::from_str(auth.strip_prefix("40").unwrap()).unwrap()
}

fn contents(session: &mut Session) -> Vec<String> {
    let received = std::iter::from_fn(|| session.next_received());
    let content = |received| match received {
        Received::Text(Delivery(content, ..)) => Some(content.as_str().to_owned()),
        _ => None,
    };
    received.filter_map(content).collect()
}

#[test]
fn nothing_is_sent_before_the_server_accepts_the_client() {
    let (mut session, now) = (session(Handshake::default()), Instant::now());
    session.send(text("hi"));
    assert_eq!(session.write(now), None);
    open(&mut session, now);
    assert_eq!(session.write(now), None);
    session.read("2", now).unwrap();
    assert_eq!(session.write(now).as_deref(), Some(PONG));
    session.read(r#"40{"sid":"s"}"#, now).unwrap();
    assert!(session.write(now).unwrap().starts_with("420["));
    assert_eq!(*session.connection(), Connection::Connected);
}

#[test]
fn it_resumes_by_session_position_name_and_rooms() {
    let now = Instant::now();
    let handshake =
        Handshake::default().with_nickname("Ada").with_rooms(vec!["r".parse().unwrap()]);
    let mut session = session(handshake);
    open(&mut session, now);
    session.read(r#"40{"sid":"s","pid":"secret"}"#, now).unwrap();
    session.read(r#"42["nickname",{"nickname":"Ada","token":"from the server"}]"#, now).unwrap();
    session.send(Request::Join("more".parse().unwrap()));
    assert_eq!(session.write(now).unwrap(), r#"420["join","more"]"#);
    session.read(r#"430[{"room":"more","users":1,"tail":6}]"#, now).unwrap();
    assert!(matches!(session.next_answer().unwrap().result, Ok(Done::Joined(_))));
    session.read(&delivery("hi", 7, None), now).unwrap();
    let auth = open(&mut session, now);
    let expected = serde_json::json!({
        "serverOffset": 7, "offset": "a-7", "pid": "secret", "rooms": ["r", "more"],
        "nickname": "Ada", "token": "from the server",
    });
    assert_eq!(auth, expected);
}

#[test]
fn a_client_that_begins_at_the_end_of_the_log_goes_on_there_if_nothing_arrives() {
    let now = Instant::now();
    let mut session = session(Handshake::default().with_history(0));
    open(&mut session, now);
    session.read(r#"40{"sid":"s"}"#, now).unwrap();
    let join = session.write(now).unwrap();
    let ticket = join.strip_suffix(r#"["join","general"]"#).unwrap().strip_prefix("42").unwrap();
    assert_eq!(*session.connection(), Connection::Opening);
    session.read(&format!(r#"43{ticket}[{{"room":"general","users":1,"tail":41}}]"#), now).unwrap();
    assert_eq!(*session.connection(), Connection::Connected);
    assert_eq!(open(&mut session, now)["serverOffset"], 41);
    session.read(r#"40{"sid":"s"}"#, now).unwrap();
    assert_eq!(*session.connection(), Connection::Connected, "it knows where it is");
}

#[test]
fn own_messages_are_left_out_without_echo() {
    let now = Instant::now();
    let mut session = session(Handshake::default().with_echo(false));
    open(&mut session, now);
    session.read(r#"40{"sid":"s"}"#, now).unwrap();
    session.read(&delivery("mine", 1, Some("run-0")), now).unwrap();
    session.read(&delivery("theirs", 2, None), now).unwrap();
    assert_eq!(contents(&mut session), ["theirs"]);
}

#[test]
fn a_refused_client_knows_whether_to_try_again() {
    let (mut session, now) = (session(Handshake::default()), Instant::now());
    open(&mut session, now);
    let refused = r#"44{"message":"x","data":{"code":"nickname_taken","message":"take another"}}"#;
    session.read(refused, now).unwrap();
    let Connection::Refused(refusal) = session.connection() else { panic!() };
    assert_eq!((refusal.code, refusal.retry_after), (RefusalCode::NicknameTaken, None));
}

#[test]
fn a_silent_server_is_noticed() {
    let (mut session, now) = (session(Handshake::default()), Instant::now());
    assert_eq!(session.deadline(), None);
    open(&mut session, now);
    assert_eq!(session.deadline(), Some(now + Session::ACCEPTED_WITHIN));
    session.read(r#"40{"sid":"s"}"#, now).unwrap();
    let later = now + Duration::from_secs(30);
    session.expire(later).unwrap();
    session.read("2", later).unwrap();
    session.expire(later + Duration::from_secs(44)).unwrap();
    assert_eq!(session.expire(later + Duration::from_secs(45)), Err(SessionError::Silent));
    assert_eq!(session.read("41", later), Err(SessionError::Ended));
    assert!(matches!(session.read("nonsense", later), Err(SessionError::Malformed { .. })));
}

#[test]
fn a_slow_program_gets_what_was_left_out_on_another_connection() {
    let (mut session, now) = (session(Handshake::default()), Instant::now());
    open(&mut session, now);
    session.read(r#"40{"sid":"s"}"#, now).unwrap();
    let all = Session::MAX_RECEIVED as u64 + 10;
    for offset in 1..=all {
        session.read(&delivery("x", offset, None), now).unwrap();
    }
    assert!(session.is_behind());
    assert_eq!(contents(&mut session).len(), Session::MAX_RECEIVED);
    session.read(&delivery("x", all + 1, None), now).unwrap();
    assert!(!session.has_received(), "it would be a gap");
    assert_eq!(open(&mut session, now)["serverOffset"], Session::MAX_RECEIVED);
    session.read(r#"40{"sid":"s"}"#, now).unwrap();
    for offset in Session::MAX_RECEIVED as u64 + 1..=all {
        session.read(&delivery("x", offset, None), now).unwrap();
    }
    assert_eq!(contents(&mut session).len(), 10);
}

#[test]
fn in_another_log_it_begins_anew() {
    let position = "a-9-00c0ffee".parse().unwrap();
    let (mut session, now) = (session(Handshake::resume(position)), Instant::now());
    assert_eq!(open(&mut session, now)["offset"], "a-9-00c0ffee");
    session.read(r#"40{"sid":"s"}"#, now).unwrap();
    session.read(r#"42["other log",{"epoch":"a","tail":1}]"#, now).unwrap();
    session.read(&delivery("another one", 1, None), now).unwrap();
    assert!(matches!(session.next_received(), Some(Received::OtherLog(_))));
    assert_eq!(contents(&mut session), ["another one"]);
    assert_eq!(open(&mut session, now)["serverOffset"], 1);
}

#[test]
fn a_position_that_was_saved_is_where_it_begins() {
    let position = RecoveryOffset::new("a".parse().unwrap(), Offset::new(9).unwrap());
    let (mut session, now) = (session(Handshake::resume(position)), Instant::now());
    assert_eq!(open(&mut session, now)["offset"], "a-9");
    session.read(r#"40{"sid":"s"}"#, now).unwrap();
    session.read(&delivery("old", 9, None), now).unwrap();
    session.read(&delivery("new", 10, None), now).unwrap();
    assert_eq!(contents(&mut session), ["new"]);
}
