use chat_core::Nickname;
use sqlx::SqliteConnection;

/// `?1` is a JSON array of pairs: a key and its skeleton.
pub(super) const FILL: &str = "
    UPDATE nicknames SET skeleton = new.value ->> 1 FROM json_each(?1) AS new
    WHERE nicknames.key = new.value ->> 0";

/// Stores the skeletons of nicknames from an earlier version.
pub(super) async fn fill_skeletons(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    const EMPTY: &str = "SELECT key, nickname FROM nicknames WHERE key > ?1 AND skeleton IS NULL
        ORDER BY key LIMIT 1000";
    let mut last = String::new();
    loop {
        let names = sqlx::query_as(EMPTY).bind(last).fetch_all(&mut *connection).await?;
        let names: Vec<(String, String)> = names;
        let Some((key, _)) = names.last() else { return Ok(()) };
        last = key.clone();
        let skeleton = |name: String| Nickname::from_stored(name).skeleton().as_str().to_owned();
        let names: Vec<_> = names.into_iter().map(|(key, name)| (key, skeleton(name))).collect();
        sqlx::query(FILL).bind(json(&names)?).execute(&mut *connection).await?;
    }
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}
