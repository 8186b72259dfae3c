use chat_core::Nickname;
use sqlx::PgConnection;

/// Stores the skeletons of nicknames from an earlier version.
pub(super) async fn fill_skeletons(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    const EMPTY: &str = "
        SELECT key, nickname FROM chat_nicknames WHERE key > $1 AND skeleton IS NULL
        ORDER BY key LIMIT 1000";
    const FILL: &str = "
        UPDATE chat_nicknames AS held SET skeleton = new.skeleton
        FROM unnest($1, $2) AS new (key, skeleton) WHERE held.key = new.key";
    let mut last = String::new();
    loop {
        let names = sqlx::query_as(EMPTY).bind(last).fetch_all(&mut *connection).await?;
        let names: Vec<(String, String)> = names;
        let Some((key, _)) = names.last() else { return Ok(()) };
        last = key.clone();
        let skeleton = |name: String| Nickname::from_stored(name).skeleton().as_str().to_owned();
        let names = names.into_iter().map(|(key, name)| (key, skeleton(name)));
        let (keys, skeletons): (Vec<_>, Vec<_>) = names.unzip();
        sqlx::query(FILL).bind(keys).bind(skeletons).execute(&mut *connection).await?;
    }
}
