//! Pages of the log, and what of them has not been deleted from its beginning.

use chat_core::{Feed, Offset};

use super::Connection;
use super::feeds::Side;
use super::read::{horizon, page};
use crate::Page;

/// Returns the messages of `feeds` after an offset, or all with `None`, and none that were deleted from the beginning.
pub(super) async fn read_above_horizon(
    connection: &mut Connection,
    feeds: Option<&[Feed]>,
    mut after: Offset,
    limit: usize,
) -> Result<Page, sqlx::Error> {
    loop {
        let page = read_after(connection, feeds, after, limit).await?;
        if after >= page.horizon {
            return Ok(page);
        }
        after = page.horizon;
    }
}

/// Returns the last messages of a feed before an offset, and none that were deleted from the beginning.
pub(super) async fn read_down_to_horizon(
    connection: &mut Connection,
    feed: &Feed,
    before: Option<Offset>,
    limit: usize,
) -> Result<Page, sqlx::Error> {
    let mut page = read_before(connection, feed, before, limit).await?;
    if page.more && page.horizon > Offset::ZERO {
        let before = page.messages.first().map(|message| message.offset).or(before);
        let earlier = read_before(connection, feed, before, 1).await?;
        page.more = !earlier.messages.is_empty();
    }
    Ok(page)
}

/// Returns the messages of `feeds` after an offset, or all with `None`, with the horizon: what is missing is below it.
pub(super) async fn read_after(
    connection: &mut Connection,
    feeds: Option<&[Feed]>,
    after: Offset,
    limit: usize,
) -> Result<Page, sqlx::Error> {
    if feeds.is_some_and(<[Feed]>::is_empty) {
        return Ok(Page::default().with_horizon(horizon(connection).await?));
    }
    let (page, horizon) = page(connection, feeds, Side::After(after), limit).await?;
    Ok(page.build().with_horizon(horizon))
}

/// Returns the last messages of a feed before an offset, as far as they are above the horizon.
async fn read_before(
    connection: &mut Connection,
    feed: &Feed,
    before: Option<Offset>,
    limit: usize,
) -> Result<Page, sqlx::Error> {
    let feeds = Some(std::slice::from_ref(feed));
    let (page, horizon) = page(connection, feeds, Side::Before(before), limit).await?;
    Ok(page.build_reversed().above(horizon))
}
