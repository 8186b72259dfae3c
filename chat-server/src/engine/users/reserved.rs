use std::collections::HashSet;

use chat_core::{Nickname, NicknameSkeleton};

/// The default reserved nicknames: people would take their owner for the chat itself, for one of its operators, or
/// for more than one user.
pub(crate) const RESERVED: [&str; 17] = [
    "admin",
    "administrator",
    "all",
    "anonymous",
    "channel",
    "everyone",
    "here",
    "mod",
    "moderator",
    "official",
    "owner",
    "root",
    "security",
    "server",
    "staff",
    "support",
    "system",
];

/// Nicknames that nobody can choose, by skeleton.
#[derive(Debug, Default)]
pub(super) struct Reserved(HashSet<NicknameSkeleton>);

impl Reserved {
    pub(super) fn new(names: impl IntoIterator<Item = Nickname>) -> Self {
        // In several spellings: a capital I looks like a small l, a small i does not.
        let ways = |name: Nickname| {
            let lower = Nickname::from_stored(name.key().as_str());
            let upper = Nickname::from_stored(name.as_str().to_uppercase());
            [lower.skeleton(), upper.skeleton(), name.skeleton()]
        };
        Self(names.into_iter().flat_map(ways).collect())
    }

    pub(super) fn contains(&self, name: &Nickname) -> bool {
        let lower = || Nickname::from_stored(name.key().as_str()).skeleton();
        self.0.contains(&name.skeleton()) || self.0.contains(&lower())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_reserved_name_is_reserved() {
        let names = RESERVED.map(|name| name.parse().unwrap());
        let reserved = Reserved::new(names);
        for name in [
            "admin",
            "Admin",
            "ADMIN",
            "аdmіn",
            "ADMlN",
            "Ａｄｍｉｎ",
            "Support",
            "r00t",
            "aLL",
            "AII",
        ] {
            assert!(reserved.contains(&name.parse().unwrap()), "{name}");
        }
        for name in ["Ada", "admin2", "administer", "Al", "Ali", "The admin", "Rooty"] {
            assert!(!reserved.contains(&name.parse().unwrap()), "{name}");
        }
    }
}
