use super::*;

const THIS: NodeId = NodeId::from_random([1; 8]);
const OTHER: NodeId = NodeId::from_random([2; 8]);
const THIRD: NodeId = NodeId::from_random([3; 8]);

const STATE: OperatorQuestion = OperatorQuestion::State;

/// A node with its frames for others and the questions that it is to answer.
struct Node {
    inquiries: Inquiries,
    frames: Receiver<FrameBody>,
    asked: Receiver<Asked>,
}

fn node(id: NodeId, believed: bool) -> Node {
    let (outgoing, frames) = Outgoing::new();
    let (inquiries, asked) = Inquiries::new(id, believed, outgoing);
    Node { inquiries, frames, asked }
}

/// The number in a frame with a question.
fn inquiry_of(frame: &FrameBody) -> u64 {
    match frame {
        FrameBody::OperatorAsked { inquiry, .. } => *inquiry,
        other => panic!("{other:?}"),
    }
}

fn answered(inquiry: u64, part: u32, parts: u32, text: &str) -> FrameBody {
    FrameBody::OperatorAnswered { inquiry, part, parts, text: text.into() }
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_arrives_whole_whatever_the_order_of_its_parts() {
    let (mut this, mut other) = (node(THIS, false), node(OTHER, false));
    let long = "ä€\"".repeat(5000);
    let exchange = async {
        let question = this.frames.recv().await.unwrap();
        assert!(other.inquiries.take(THIS, question).is_none());
        let asked = other.asked.recv().await.unwrap();
        assert_eq!(asked.question, STATE);
        other.inquiries.answer(&asked, &long).await;
        drop(other.inquiries);
        let mut parts = Vec::new();
        while let Some(part) = other.frames.recv().await {
            parts.push(part);
        }
        assert!(parts.len() > 5);
        for part in parts.into_iter().rev() {
            // Each has to fit into a notification of PostgreSQL.
            assert!(chat_core::Frame::new(OTHER, part.clone()).encode().len() < 7500);
            this.inquiries.take(OTHER, part);
        }
    };
    let began = Instant::now();
    let inquiries = this.inquiries.clone();
    let (answers, ()) = tokio::join!(inquiries.ask([OTHER].into(), STATE), exchange);
    assert_eq!(answers, BTreeMap::from([(OTHER, long.clone())]));
    assert_eq!(began.elapsed(), Duration::ZERO, "it waits for nothing more");
}

#[test]
fn the_longest_answer_fits_into_the_parts() {
    let longest = "€".repeat(MAX_ANSWER_BYTES / 3);
    assert!(split(&longest).len() <= MAX_PARTS as usize);
    assert_eq!(split(&longest).concat(), longest);
    assert_eq!(split(""), [""]);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_waited_for_for_a_second() {
    let mut this = node(THIS, false);
    let answer = async {
        let inquiry = inquiry_of(&this.frames.recv().await.unwrap());
        this.inquiries.take(OTHER, answered(inquiry, 0, 1, "1"));
        this.inquiries.take(THIRD, answered(inquiry, 0, 2, "half of an answer"));
        inquiry
    };
    let began = Instant::now();
    let inquiries = this.inquiries.clone();
    let (answers, inquiry) = tokio::join!(inquiries.ask([OTHER, THIRD].into(), STATE), answer);
    assert_eq!(answers, BTreeMap::from([(OTHER, "1".into())]));
    assert_eq!(began.elapsed(), PATIENCE);
    // Nothing is kept for what comes too late.
    this.inquiries.take(THIRD, answered(inquiry, 1, 2, "the rest"));
    assert!(this.inquiries.waiting().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_given_up_leaves_nothing() {
    let this = node(THIS, false);
    let asking = tokio::time::timeout(PATIENCE / 2, this.inquiries.ask([OTHER].into(), STATE));
    assert!(asking.await.is_err());
    assert!(this.inquiries.waiting().is_empty());
}

#[tokio::test]
async fn commands_are_for_those_who_believe_them() {
    let commands = [
        OperatorQuestion::Drain { seconds: 1 },
        OperatorQuestion::EndConnection { id: "a".into() },
    ];
    for question in commands {
        for believed in [false, true] {
            let mut this = node(THIS, believed);
            let frame =
                FrameBody::OperatorAsked { inquiry: 1, of: Some(THIS), question: question.clone() };
            assert!(this.inquiries.take(OTHER, frame).is_none());
            assert_eq!(this.asked.try_recv().is_ok(), believed, "{question:?}");
        }
    }
}

#[tokio::test]
async fn a_question_for_another_node_is_not_answered_here() {
    let mut this = node(THIS, true);
    for (of, is_here) in [(Some(THIS), true), (Some(OTHER), false), (None, true)] {
        this.inquiries.take(OTHER, FrameBody::OperatorAsked { inquiry: 1, of, question: STATE });
        assert_eq!(this.asked.try_recv().is_ok(), is_here, "{of:?}");
    }
}

#[tokio::test]
async fn a_recorded_drain_of_all_drains_nobody() {
    let mut this = node(THIS, true);
    let question = OperatorQuestion::Drain { seconds: 1 };
    this.inquiries.take(OTHER, FrameBody::OperatorAsked { inquiry: 1, of: None, question });
    assert!(this.asked.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_questions_and_answers_occupies_little() {
    let mut this = node(THIS, false);
    for inquiry in 0..1000 {
        let frame = FrameBody::OperatorAsked { inquiry, of: None, question: STATE };
        this.inquiries.take(OTHER, frame);
    }
    let mut waiting = 0;
    while this.asked.try_recv().is_ok() {
        waiting += 1;
    }
    assert_eq!(waiting, ASKED);

    let flood = async {
        let inquiry = inquiry_of(&this.frames.recv().await.unwrap());
        let wrong = [
            answered(inquiry, 1, 1, "a part too many"),
            answered(inquiry, 0, MAX_PARTS + 1, "too many parts"),
            answered(inquiry, 0, 1, &"x".repeat(PART_BYTES + 1)),
            answered(inquiry.wrapping_add(1), 0, 1, "nobody has asked"),
        ];
        for frame in wrong {
            this.inquiries.take(OTHER, frame);
        }
        for _ in 0..4 * MAX_PARTS {
            this.inquiries.take(OTHER, answered(inquiry, 0, 2, "one of two"));
            tokio::task::yield_now().await;
        }
    };
    let inquiries = this.inquiries.clone();
    let began = Instant::now();
    let (answers, ()) = tokio::join!(inquiries.ask([OTHER, THIRD].into(), STATE), flood);
    assert!(answers.is_empty());
    assert_eq!(began.elapsed(), Duration::ZERO, "it does not take more");
}

#[tokio::test(start_paused = true)]
async fn only_nodes_that_are_asked_are_listened_to() {
    let mut this = node(THIS, false);
    let answer = async {
        let inquiry = inquiry_of(&this.frames.recv().await.unwrap());
        // More than have room if they counted, and before those that do.
        for number in 10..10 + 4 * u64::from(MAX_PARTS) {
            let forger = NodeId::from_random(number.to_be_bytes());
            this.inquiries.take(forger, answered(inquiry, 0, 1, "forged"));
        }
        this.inquiries.take(OTHER, answered(inquiry, 0, 1, "1"));
        this.inquiries.take(OTHER, answered(inquiry, 0, 1, "not once more"));
    };
    let began = Instant::now();
    let inquiries = this.inquiries.clone();
    let (answers, ()) = tokio::join!(inquiries.ask([OTHER, THIRD].into(), STATE), answer);
    assert_eq!(answers, BTreeMap::from([(OTHER, "1".into())]));
    assert_eq!(began.elapsed(), PATIENCE, "the third one is silent");
}

#[tokio::test(start_paused = true)]
async fn many_nodes_with_long_answers_are_all_heard() {
    const PARTS: u32 = 50;
    let mut this = node(THIS, false);
    let nodes: BTreeSet<_> =
        (1..=100_u64).map(|number| NodeId::from_random(number.to_be_bytes())).collect();
    let answer = async {
        let frame = this.frames.recv().await.unwrap();
        assert!(matches!(frame, FrameBody::OperatorAsked { of: None, .. }));
        let inquiry = inquiry_of(&frame);
        for part in 0..PARTS {
            for &node in &nodes {
                this.inquiries.take(node, answered(inquiry, part, PARTS, "x"));
            }
        }
    };
    let inquiries = this.inquiries.clone();
    let (answers, ()) = tokio::join!(inquiries.ask(nodes.clone(), STATE), answer);
    assert_eq!(answers.into_keys().collect::<BTreeSet<_>>(), nodes);
}

#[tokio::test]
async fn one_node_is_asked_alone_and_none_not_at_all() {
    let mut this = node(THIS, true);
    assert!(this.inquiries.ask([].into(), STATE).await.is_empty());
    assert!(this.frames.try_recv().is_err());
    let asking = this.inquiries.ask([OTHER].into(), STATE);
    let frame = async { this.frames.recv().await.unwrap() };
    let frame = tokio::select! {
        biased;
        _ = asking => panic!("nobody has answered"),
        frame = frame => frame,
    };
    assert!(matches!(frame, FrameBody::OperatorAsked { of: Some(OTHER), .. }), "{frame:?}");
}
