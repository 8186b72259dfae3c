use super::*;
use crate::RefusalCode;
use crate::event::ChatMessage;

const PATIENCE: Duration = Duration::from_secs(10);

fn outbox(texts: usize) -> Outbox {
    let mut outbox = Outbox::new("run", 3).unwrap();
    for text in 0..texts {
        outbox.push(ChatMessage::new(text.to_string().parse().unwrap()).into());
    }
    outbox
}

/// The tickets of the frames that are to be written now.
fn written(outbox: &mut Outbox, now: Instant) -> Vec<u64> {
    let frames = std::iter::from_fn(|| outbox.write(now));
    let ticket = |frame: String| frame[2..frame.find('[').unwrap()].parse().unwrap();
    frames.map(ticket).collect()
}

fn stored(outbox: &mut Outbox, ticket: u64, now: Instant) -> bool {
    outbox.answer(ticket, r#"[{"offset":1,"duplicate":false}]"#, now).is_some()
}

#[test]
fn no_more_than_the_window_is_in_flight() {
    let (mut outbox, now) = (outbox(5), Instant::now());
    assert_eq!(written(&mut outbox, now), [0, 1, 2]);
    assert!(stored(&mut outbox, 1, now));
    assert_eq!(written(&mut outbox, now), [3]);
    assert!(!stored(&mut outbox, 1, now), "an answer comes once");
    assert!(!stored(&mut outbox, 99, now));
    assert!(written(&mut outbox, now).is_empty());
}

#[test]
fn what_has_no_answer_goes_out_again_in_order_under_its_key() {
    let (mut outbox, now) = (outbox(4), Instant::now());
    let first = outbox.write(now).unwrap();
    assert_eq!(first, r#"420["chat message","0","run-0",{}]"#);
    written(&mut outbox, now);
    assert!(stored(&mut outbox, 1, now));
    outbox.rewind();
    assert_eq!(outbox.write(now).unwrap(), first);
    assert_eq!(written(&mut outbox, now), [2, 3]);
}

#[test]
fn an_overdue_answer_makes_it_go_out_again() {
    let (mut outbox, now) = (outbox(2), Instant::now());
    written(&mut outbox, now);
    assert_eq!(outbox.deadline(PATIENCE), Some(now + PATIENCE));
    outbox.expire(now + PATIENCE / 2, PATIENCE);
    assert!(written(&mut outbox, now).is_empty());
    let later = now + PATIENCE;
    outbox.expire(later, PATIENCE);
    assert_eq!(written(&mut outbox, later), [0, 1]);
    assert!(stored(&mut outbox, 0, later) && stored(&mut outbox, 1, later));
    assert_eq!(outbox.deadline(PATIENCE), None);
}

#[test]
fn a_refusal_for_now_holds_everything_and_goes_first() {
    let (mut outbox, now) = (outbox(5), Instant::now());
    assert_eq!(written(&mut outbox, now), [0, 1, 2]);
    let wait = r#"[{"error":{"code":"slow_down","message":"wait","retryAfter":500}}]"#;
    assert!(outbox.answer(0, wait, now).is_none());
    assert!(stored(&mut outbox, 1, now));
    assert!(written(&mut outbox, now).is_empty());
    let until = now + Duration::from_millis(500);
    assert_eq!(outbox.deadline(PATIENCE), Some(until));
    assert_eq!(written(&mut outbox, until), [0, 3]);
}

#[test]
fn any_other_refusal_is_the_answer() {
    let (mut outbox, now) = (outbox(1), Instant::now());
    written(&mut outbox, now);
    let refused = r#"[{"error":{"code":"not_in_room","message":"join first"}}]"#;
    let (answered, _) = outbox.answer(0, refused, now).unwrap();
    assert_eq!(answered.result.unwrap_err().code, RefusalCode::NotInRoom);
    assert_eq!(outbox.len(), 0);
}

#[test]
fn a_key_of_the_program_stays() {
    let mut outbox = outbox(0);
    let text = ChatMessage::new("hi".parse().unwrap());
    outbox.push(text.with_client_offset("mine".parse().unwrap()).into());
    assert_eq!(outbox.write(Instant::now()).unwrap(), r#"420["chat message","hi","mine",{}]"#);
    assert!(Outbox::new("", 3).is_err());
    assert!(Outbox::new(&"x".repeat(250), 3).is_err());
}
