use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A server with a log, and a connection of which each half loses what was not read when it breaks.
#[derive(Default)]
struct Server {
    log: Vec<(String, String)>,
    to_client: VecDeque<String>,
    to_server: VecDeque<String>,
    delivered: usize,
}

/// How the server treats a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Treatment {
    Stores,
    RefusesForNow,
    /// Its store fails.
    IsSilent,
}

impl Server {
    fn take(&mut self, treatment: Treatment) {
        let Some(frame) = self.to_server.pop_front().filter(|frame| frame != PONG) else { return };
        if let Some(auth) = frame.strip_prefix("40") {
            let auth: serde_json::Value = serde_json::from_str(auth).unwrap();
            self.delivered = auth["serverOffset"].as_u64().unwrap() as usize;
            self.to_client.push_back(r#"40{"sid":"s"}"#.to_owned());
        } else {
            let (id, event) = frame[2..].split_at(frame.find('[').unwrap() - 2);
            match treatment {
                Treatment::Stores => {}
                Treatment::RefusesForNow => {
                    let refusal = Refusal::slow_down("wait", Duration::from_millis(700));
                    let refusal = serde_json::to_string(&[refusal]).unwrap();
                    return self.to_client.push_back(format!("43{id}{refusal}"));
                }
                Treatment::IsSilent => return,
            }
            let event = ChatMessage::from_event(event).unwrap();
            let key = event.client_offset.unwrap().as_str().to_owned();
            let known = self.log.iter().position(|(other, _)| *other == key);
            let index = known.unwrap_or(self.log.len());
            if known.is_none() {
                self.log.push((key, event.content.as_str().to_owned()));
            }
            let ack = serde_json::json!([{ "offset": index + 1, "duplicate": known.is_some() }]);
            self.to_client.push_back(format!("43{id}{ack}"));
        }
        while let Some((key, content)) = self.log.get(self.delivered) {
            self.delivered += 1;
            self.to_client.push_back(delivery(content, self.delivered as u64, Some(key)));
        }
    }

    fn reopen(&mut self, session: &mut Session, now: Instant) {
        self.to_client.clear();
        self.to_server.clear();
        session.opened(now);
        self.to_client.push_back(OPEN.to_owned());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// However the connection breaks, all is stored once and in order, answered once, and arrives once and in order.
    #[test]
    fn nothing_is_lost_or_repeated(
        window in 1..6_usize,
        steps in prop::collection::vec(prop::sample::select(b"sssswwwwwttttttrrrrrrrrc".to_vec()), 0..300),
    ) {
        let (mut session, mut server, now) = (session(Handshake::default()), Server::default(), Instant::now());
        session.set_window(window);
        let (mut sent, mut heard, mut answered) = (Vec::new(), Vec::new(), BTreeSet::new());
        server.reopen(&mut session, now);
        let quiet = std::iter::repeat_n(*b"wtr", 4000).flatten();
        for step in steps.into_iter().chain(quiet) {
            match step {
                b's' => {
                    let content = sent.len().to_string();
                    session.send(text(&content));
                    sent.push(content);
                }
                b'w' => server.to_server.extend(session.write(now)),
                b't' => server.take(Treatment::Stores),
                b'r' => {
                    if let Some(frame) = server.to_client.pop_front() {
                        session.read(&frame, now).unwrap();
                    }
                }
                _ => server.reopen(&mut session, now),
            }
            heard.extend(contents(&mut session));
            while let Some(Answered { ticket, result }) = session.next_answer() {
                prop_assert!(result.is_ok() && answered.insert(ticket));
            }
        }
        let stored: Vec<String> = server.log.into_iter().map(|(_, content)| content).collect();
        prop_assert_eq!(&stored, &sent);
        prop_assert_eq!(&heard, &sent);
        prop_assert_eq!((answered.len(), session.unanswered()), (sent.len(), 0));
    }

    /// Whatever the server leaves without an answer or refuses for now, all is stored and answered once; in order if each
    /// request waits for the one before.
    #[test]
    fn what_is_not_done_now_is_done_later(
        window in 1..4_usize,
        steps in prop::collection::vec(prop::sample::select(b"ssswwwtttrrrrnxpc".to_vec()), 0..200),
    ) {
        let (mut session, mut server) = (session(Handshake::default()), Server::default());
        let mut now = Instant::now();
        session.set_window(window);
        let (mut sent, mut answered) = (Vec::new(), BTreeSet::new());
        server.reopen(&mut session, now);
        let quiet = std::iter::repeat_n(*b"wtrp", 1000).flatten();
        for step in steps.into_iter().chain(quiet) {
            match step {
                b's' => {
                    let content = sent.len().to_string();
                    session.send(text(&content));
                    sent.push(content);
                }
                b'w' => server.to_server.extend(session.write(now)),
                b't' => server.take(Treatment::Stores),
                b'n' => server.take(Treatment::RefusesForNow),
                b'x' => server.take(Treatment::IsSilent),
                b'r' => {
                    if let Some(frame) = server.to_client.pop_front() {
                        session.read(&frame, now).unwrap();
                    }
                }
                // Time passes until there is something to do. The server's pings do not stop meanwhile.
                b'p' if session.unanswered() > 0 && server.to_client.is_empty() => {
                    server.to_server.extend(std::iter::from_fn(|| session.write(now)));
                    if server.to_server.is_empty() && *session.connection() == Connection::Connected {
                        session.read("2", now).unwrap();
                        now = session.deadline().unwrap();
                        session.expire(now).unwrap();
                    }
                }
                b'c' => server.reopen(&mut session, now),
                _ => {}
            }
            while let Some(Answered { ticket, result }) = session.next_answer() {
                prop_assert!(result.is_ok() && answered.insert(ticket));
            }
        }
        let mut stored: Vec<String> = server.log.into_iter().map(|(_, content)| content).collect();
        if window > 1 {
            stored.sort_by_key(|content| content.parse::<u32>().unwrap());
        }
        let sent_count = sent.len();
        prop_assert_eq!(stored, sent);
        prop_assert_eq!((answered.len(), session.unanswered()), (sent_count, 0));
    }
}
