/// Creates a module of tests, one for each case that a store of sessions has to pass.
///
/// ```text
/// session_conformance!(name, backend);                      any store
/// session_conformance!(name, backend, persistent);          … whose sessions can be opened again
/// session_conformance!(name, backend, persistent, shared);  … also several times at once
/// ```
///
/// `backend` is an expression for a [`SessionBackend`](crate::testkit::SessionBackend), evaluated for each case; each
/// should have sessions of its own. The tests are named `name::case`. [`conformance!`](crate::conformance) creates
/// the tests for messages of the same store.
#[macro_export]
macro_rules! session_conformance {
    ($(#[$attribute:meta])* $name:ident, $backend:expr $(, $kind:ident)*) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::session_conformance!(@any [$(#[$attribute])*] $backend);
            $crate::session_conformance!(@kinds [$(#[$attribute])*] $backend $(, $kind)*);
        }
    };
    (@kinds $attributes:tt $backend:expr $(, $kind:ident)*) => {
        $($crate::session_conformance!(@$kind $attributes $backend);)*
    };
    (@any $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            sessions:
                a_session_that_was_saved_is_found
                a_key_that_nobody_saved_is_not_found
                a_later_save_replaces_a_session
                a_session_is_found_until_the_moment_at_which_it_expires
                a_session_is_ended_by_a_save_that_has_expired
                any_text_comes_back_as_a_state
                the_first_and_the_last_moment_can_be_named;
            session_batches:
                a_batch_of_sessions_is_saved
                an_empty_batch_of_sessions_does_nothing
                of_two_records_with_one_key_in_a_batch_the_later_counts
                concurrent_saves_are_all_saved_and_do_not_mix
                a_save_that_is_dropped_has_happened_as_a_whole_or_not_at_all
                lookups_and_sweeps_that_are_dropped_leave_the_store_usable
                a_closed_store_says_so_of_sessions;
            session_versions:
                a_record_of_an_earlier_owner_does_not_count
                a_record_that_arrives_late_does_not_count
                the_newest_of_a_batch_is_saved
                an_earlier_owner_does_not_bring_back_what_has_ended
                any_number_is_a_version;
            session_sweeps:
                a_sweep_deletes_what_has_expired_and_nothing_else
                a_session_that_was_prolonged_is_not_swept
                sweeps_that_follow_each_other_delete_all_that_has_expired
                concurrent_sweeps_count_each_session_once;
        }
    };
    (@persistent $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            session_restarts:
                sessions_are_found_after_any_number_of_restarts;
        }
    };
    (@shared $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            session_sharing:
                a_session_is_found_by_every_store_that_shares_it
                a_sweep_counts_for_every_store_that_shares_the_sessions
                an_owner_that_was_replaced_at_another_store_is_outdated
                of_two_owners_that_save_at_once_the_later_stays;
        }
    };
}
