//! The rooms of a run, and under which spellings they are compared.

/// Where everybody is at first. Nobody keeps it.
pub(crate) const GENERAL: &str = "general";

/// The rooms that are kept, and whose rules change: these names are their keys.
pub(crate) const KEPT: [&str; 2] = ["a", "b"];

/// The feed of a client's private messages, beside those of rooms.
pub(crate) const PRIVATE: &str = "@";

/// What there are rules for.
pub(crate) const RULED: [&str; 4] = [GENERAL, KEPT[0], KEPT[1], PRIVATE];

/// All rooms. The last two are other spellings of those that are kept: feeds of their own, to which the same rules apply.
const ALL: [&str; 5] = [GENERAL, KEPT[0], KEPT[1], "A", "ｂ"];

/// Returns the rooms of a run. Where nobody moderates, spellings make no difference.
pub(crate) fn all(is_moderated: bool) -> &'static [&'static str] {
    if is_moderated { &ALL } else { &ALL[..3] }
}

/// Returns by whose rules a room goes, or private messages.
pub(crate) fn ruled_as(feed: &str) -> Option<&'static str> {
    let feed = match feed {
        "A" => KEPT[0],
        "ｂ" => KEPT[1],
        feed => feed,
    };
    RULED.into_iter().find(|ruled| *ruled == feed)
}

pub(crate) fn is_kept(feed: &str) -> bool {
    ruled_as(feed).is_some_and(|ruled| KEPT.contains(&ruled))
}
