use std::sync::Arc;

use chat_server::{Chat, SearchError, Stores};
use chat_store::MemoryStore;
use serde_json::{Value, json};

use super::{Http, Nodes, hears, token, user};

/// Asks until a search finds so many messages: they are indexed in the background.
async fn finds(http: &Http, path: &str, count: usize) -> Value {
    loop {
        let page = http.get(path).await.with_status(200);
        let found = page["hits"].as_array().unwrap().len();
        assert!(found <= count, "{page}");
        if found == count {
            return page;
        }
    }
}

#[tokio::test]
async fn a_token_searches_the_rooms_that_it_may_read_and_nothing_private() {
    let (all, all_secret) = token("all", &["read"]);
    let (ci, ci_secret) = token("ci", &["read:ci"]);
    let (sender, sender_secret) = token("sender", &["send"]);
    let nodes = Nodes::new(&[&all, &ci, &sender]);
    let (chat, address) = nodes.start().await;
    let [all, ci, sender] =
        [all_secret, ci_secret, sender_secret].map(|secret| Http::new(&address, &secret));
    let mut ada = user(&address, "Ada", json!({ "rooms": ["ci", "staff"] })).await;
    let _bob = user(&address, "Bob", json!({})).await;
    for packet in [
        r#"42["chat message","the plan of ci",null,{"room":"ci"}]"#,
        r#"42["chat message","the plan of staff",null,{"room":"staff"}]"#,
        r#"42["private message","Bob","the private plan"]"#,
    ] {
        ada.send(packet).await;
    }
    hears(&mut ada, "private message").await;
    let text = json!({ "content": "the plan is done", "from": "CI" });
    sender.post("/rooms/ci/messages", &text).await.with_status(201);

    let page = finds(&all, "/search?query=plan", 3).await;
    let offsets: Vec<_> = page["hits"].as_array().unwrap().iter().map(|it| &it["offset"]).collect();
    assert_eq!(offsets, [4, 2, 1]);
    let page = finds(&ci, "/search?query=plan", 2).await;
    assert_eq!(
        (&page["hits"][0]["text"], &page["hits"][0]["matches"]),
        (&text["content"], &json!([[4, 8]]))
    );
    assert_eq!(finds(&all, "/search?query=plan+from:CI", 1).await["hits"][0]["offset"], 4);
    assert_eq!(
        finds(&all, "/search?query=plan+from:Ada+in:staff", 1).await["hits"][0]["offset"],
        2
    );
    let page = finds(&all, "/search?query=plan&limit=1&before=4", 1).await;
    assert_eq!((&page["hits"][0]["offset"], &page["before"]), (&json!(2), &json!(2)));
    finds(&all, "/search?query=private", 0).await;

    ci.get("/search?query=plan+in:staff").await.is_refused(403, "forbidden");
    sender.get("/search?query=plan").await.is_refused(403, "forbidden");
    all.get("/search?query=%22plan").await.is_refused(400, "invalid_query");
    all.get("/search").await.is_refused(400, "invalid_arguments");
    all.get("/search?query=plan&limit=51").await.is_refused(400, "invalid_arguments");

    let found = chat.search("plan in:ci", None, 10).await.unwrap();
    assert_eq!(found.hits.len(), 2);
    assert!(matches!(chat.search("\"", None, 10).await, Err(SearchError::Query(_))));
}

#[tokio::test]
async fn a_chat_without_an_index_says_so() {
    let stores = Stores::from(Arc::new(MemoryStore::new())).with_search(None);
    let chat = Chat::builder(stores).start().await.unwrap();
    assert!(matches!(chat.search("plan", None, 10).await, Err(SearchError::Off)));
}
