/// Creates a module of tests, one for each case that a search index has to pass.
///
/// ```text
/// search_conformance!(name, backend);                      any store with an index
/// search_conformance!(name, backend, persistent);          … that can be opened again
/// search_conformance!(name, backend, persistent, shared);  … also several times at once
/// ```
///
/// `backend` is an expression for a [`SessionBackend`](crate::testkit::SessionBackend), evaluated for each case; each
/// should have an index of its own. The tests are named `name::case`.
#[macro_export]
macro_rules! search_conformance {
    ($(#[$attribute:meta])* $name:ident, $backend:expr $(, $kind:ident)*) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::search_conformance!(@any [$(#[$attribute])*] $backend);
            $crate::search_conformance!(@kinds [$(#[$attribute])*] $backend $(, $kind)*);
        }
    };
    (@kinds $attributes:tt $backend:expr $(, $kind:ident)*) => {
        $($crate::search_conformance!(@$kind $attributes $backend);)*
    };
    (@any $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            search:
                words_are_found_newest_first
                the_beginning_of_an_index_is_removed
                phrases_and_beginnings_of_words_are_found
                what_is_excluded_is_not_found
                scripts_without_spaces_and_emoji_are_found
                only_what_is_in_the_feeds_is_found
                writers_are_told_apart
                bounds_and_limits_are_kept
                what_is_removed_or_replaced_is_not_found
                a_batch_that_begins_elsewhere_changes_nothing
                an_index_of_another_version_is_replaced
                a_long_text_is_found_by_its_words
                random_searches_find_what_a_scan_finds
                a_closed_store_says_so_of_its_index;
        }
    };
    (@persistent $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            search_restarts:
                an_index_is_kept_over_restarts;
        }
    };
    (@shared $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            search_restarts:
                of_several_that_apply_a_batch_one_does;
        }
    };
}
