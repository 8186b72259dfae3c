use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OrderUpdated {
    id: u32,
}

impl TypedEvent for OrderUpdated {
    const NAME: &'static str = "order updated";
}

fn event(json: &str) -> Received {
    Received::parse(json).unwrap()
}

#[test]
fn events_of_the_log_are_told_apart() {
    let meta = r#"{"of":3,"room":"r","from":"Ada","user":null,"at":1,"clientOffset":"k"}"#;
    let edited = event(&format!(r#"["message edited","new",4,{meta},"a-4"]"#));
    assert!(matches!(edited, Received::Edited(_)) && edited.key().is_some());
    let deleted = event(&format!(r#"["message deleted",5,{meta},"a-5"]"#));
    assert!(matches!(deleted, Received::Deleted(_)));
    assert_eq!(deleted.position().unwrap().offset.as_u64(), 5);
    let on = meta.replace("\"of\":3", "\"of\":3,\"on\":false");
    let Received::Reaction(Reacted(emoji, _, meta, _)) =
        event(&format!(r#"["reaction","👍",6,{on},"a-6"]"#))
    else {
        panic!()
    };
    assert_eq!((emoji.as_str(), meta.on), ("👍", Some(false)));
    let private = r#"["private message","hi",7,{"from":"Ada","to":"Bob","at":1,"clientOffset":null},"a-7-2"]"#;
    let private = event(private);
    assert!(matches!(private, Received::Private(_)) && private.key().is_none());
    assert_eq!(private.position().unwrap().rewinds, 2);
}

#[test]
fn events_of_the_application_are_read_as_their_type() {
    let json = r#"["order updated",{"id":7},8,{"room":"r","from":null,"user":null,"at":1,"clientOffset":null},"a-8"]"#;
    let Received::Event(order) = event(json) else { panic!() };
    assert_eq!(order.read::<OrderUpdated>().unwrap().unwrap(), OrderUpdated { id: 7 });
    assert_eq!(order.offset.as_u64(), 8);
    let json =
        json.replace("order updated", "order shipped").replace("\"room\":\"r\"", "\"to\":\"Bob\"");
    let Received::Event(other) = event(&json) else { panic!() };
    assert!(other.read::<OrderUpdated>().is_none());
    assert_eq!(other.meta.to.unwrap().as_str(), "Bob");
}

#[test]
fn what_is_not_kept_has_no_position() {
    let typing = event(r#"["typing",{"room":"r","nickname":"Ada","user":null,"typing":true}]"#);
    assert!(matches!(typing, Received::Typing(_)));
    let own = event(r#"["hello",{"a":1},"text"]"#);
    let Received::Other { name, arguments, position: None } = own else { panic!() };
    assert_eq!((&*name, &*arguments), ("hello", r#"[{"a":1},"text"]"#));
}

#[test]
fn a_later_version_is_not_lost_but_counts() {
    let later = event(r#"["chat message",{"rich":true},9,{"room":"r"},"a-9"]"#);
    let Received::Other { position: Some(position), .. } = later else { panic!() };
    assert_eq!(position.offset.as_u64(), 9);
    for bad in ["{}", "[]", "[1]", "[", "[null,1]"] {
        assert!(Received::parse(bad).is_none(), "{bad}");
    }
}
