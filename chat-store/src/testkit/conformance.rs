/// Creates a module of tests, one for each case that a store has to pass.
///
/// ```text
/// conformance!(name, backend);                      any store
/// conformance!(name, backend, persistent);          … whose log can be opened again
/// conformance!(name, backend, persistent, shared);  … also several times at once
/// ```
///
/// `backend` is an expression for a [`Backend`](crate::testkit::Backend), evaluated for each case; each should have a
/// log of its own. The tests are named `name::case`. Attributes before the name apply to each of them: `#[ignore =
/// "needs a server"] name`.
#[macro_export]
macro_rules! conformance {
    ($(#[$attribute:meta])* $name:ident, $backend:expr $(, $kind:ident)*) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::conformance!(@any [$(#[$attribute])*] $backend);
            $crate::conformance!(@kinds [$(#[$attribute])*] $backend $(, $kind)*);
        }
    };
    (@kinds $attributes:tt $backend:expr $(, $kind:ident)*) => {
        $($crate::conformance!(@$kind $attributes $backend);)*
    };
    (@any $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            numbers:
                the_first_offset_is_1_and_each_message_gets_the_next
                numbers_go_on_over_all_rooms
                a_duplicate_uses_no_number
                a_batch_keeps_its_order
                an_empty_batch_does_nothing
                ten_thousand_messages_fit_into_one_batch;
            once:
                a_retry_gets_the_first_offset
                a_retry_concurrent_with_itself_is_stored_once
                a_message_without_a_key_is_stored_each_time
                a_key_twice_in_one_batch_is_stored_once
                a_key_with_another_content_room_or_author_is_refused
                what_is_only_a_retry_is_recognised_and_never_stored
                an_author_who_was_or_is_unknown_does_not_matter
                new_messages_duplicates_and_conflicts_mix_in_one_batch
                keys_are_compared_byte_for_byte;
            authors:
                users_have_keys_of_their_own
                a_retry_under_another_name_is_recognised
                a_key_that_its_user_has_used_is_refused
                a_retry_without_a_name_is_recognised_in_a_later_session
                a_key_of_another_client_without_a_name_is_in_nobodys_way
                clients_without_a_name_choose_one_key_in_one_batch
                a_key_without_an_id_belongs_to_its_session
                what_was_sent_before_there_was_a_name_is_recognised
                keys_and_authors_come_back_as_they_were;
            order:
                nothing_appears_below_an_offset_that_was_seen
                nothing_appears_below_a_tail_that_was_seen
                a_batch_has_no_other_messages_in_between
                what_was_acknowledged_can_be_read;
            reading:
                pages_follow_each_other_without_gap_or_repeat
                a_limit_is_kept_and_more_tells_of_the_rest
                a_page_ends_when_its_contents_reach_the_limit_in_bytes
                a_log_ends_after_its_tail
                a_room_nobody_wrote_to_is_empty
                several_rooms_are_read_in_one_order
                hundreds_of_rooms_can_be_read_at_once
                what_is_counted_is_what_is_read;
            feeds:
                rooms_and_users_are_read_in_one_order
                a_private_message_is_in_the_feeds_of_its_two_users_only
                hundreds_of_users_can_be_read_at_once
                a_user_nobody_wrote_to_has_an_empty_feed
                the_names_of_rooms_with_messages_are_listed;
            backwards:
                what_is_read_backwards_is_what_is_read_forwards
                a_limit_is_kept_backwards_and_more_tells_of_the_rest
                only_what_is_before_an_offset_is_read
                a_page_backwards_ends_when_its_contents_reach_the_limit_in_bytes
                pages_backwards_do_not_change_while_others_write;
            private:
                a_private_message_comes_back_as_it_was
                a_retry_of_a_private_message_is_known_by_its_users
                a_private_message_is_no_retry_of_one_to_a_room
                retries_of_private_messages_in_one_batch_are_told_apart;
            text:
                every_field_comes_back_as_it_was
                any_text_comes_back_as_it_was
                the_longest_texts_come_back_as_they_were;
            events:
                events_are_kept_as_they_are
                what_a_user_is_told_alone_is_in_each_page_once
                a_retry_of_an_event_is_recognised;
            changes:
                what_messages_are_about_is_kept
                an_edit_replaces_the_text_and_a_deletion_removes_it
                a_retry_of_what_was_changed_is_recognised
                what_is_not_there_is_not_changed
                a_message_is_deleted_once
                private_messages_are_changed_by_both
                what_was_said_and_is_there_is_counted
                reactions_are_counted_as_they_are_now
                clients_without_a_name_choose_one_key_for_different_things;
            erasure:
                an_erased_user_is_gone_from_messages;
            horizon:
                nobody_reads_what_is_below_the_horizon
                a_horizon_is_in_the_log_and_never_goes_back
                a_key_below_the_horizon_is_known_for_its_time
                nothing_refers_to_what_is_below_the_horizon;
            whole:
                an_append_that_is_dropped_has_happened_as_a_whole_or_not_at_all
                reads_that_are_dropped_leave_the_store_usable
                a_commit_that_is_tried_leaves_nothing_behind
                a_closed_store_says_so;
        }
    };
    (@persistent $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            persistent:
                a_log_that_is_opened_again_is_the_same_log
                a_key_is_known_after_any_number_of_restarts
                closing_waits_for_appends_that_were_called_before;
            authors:
                keys_of_authors_are_known_after_any_number_of_restarts;
            changes:
                changes_last;
            horizon:
                a_horizon_lasts;
        }
    };
    (@shared $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            shared:
                stores_that_share_a_log_agree_on_its_numbers
                a_key_is_stored_once_by_several_stores
                nothing_appears_below_an_offset_that_another_store_saw;
            authors:
                one_key_of_several_authors_is_stored_once_for_each_by_several_stores;
            horizon:
                a_horizon_is_the_same_for_all_stores;
        }
    };
    (@cases $attributes:tt $backend:expr; $($module:ident: $($case:ident)+;)+) => {
        $($($crate::conformance!(@case $attributes $backend; $module $case);)+)+
    };
    (@case [$($attribute:tt)*] $backend:expr; $module:ident $case:ident) => {
        #[test]
        $($attribute)*
        fn $case() {
            $crate::testkit::run(async {
                $crate::testkit::cases::$module::$case(&$backend).await;
            });
        }
    };
}
