/// Creates a module of tests, one for each case that a store of rooms has to pass.
///
/// ```text
/// room_conformance!(name, backend);                      any store
/// room_conformance!(name, backend, persistent);          … whose rooms can be opened again
/// room_conformance!(name, backend, persistent, shared);  … also several times at once
/// ```
///
/// `backend` is an expression for a [`SessionBackend`](crate::testkit::SessionBackend), evaluated for each case; each
/// should have rooms of its own. The tests are named `name::case`. [`conformance!`](crate::conformance),
/// [`session_conformance!`](crate::session_conformance) and [`nickname_conformance!`](crate::nickname_conformance)
/// create the tests for the rest of the same store.
#[macro_export]
macro_rules! room_conformance {
    ($(#[$attribute:meta])* $name:ident, $backend:expr $(, $kind:ident)*) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::room_conformance!(@any [$(#[$attribute])*] $backend);
            $crate::room_conformance!(@kinds [$(#[$attribute])*] $backend $(, $kind)*);
        }
    };
    (@kinds $attributes:tt $backend:expr $(, $kind:ident)*) => {
        $($crate::room_conformance!(@$kind $attributes $backend);)*
    };
    (@any $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            rooms:
                a_room_comes_back_as_it_was_created
                a_room_exists_once_whatever_its_case_width_and_spaces
                of_creations_at_once_one_makes_the_room
                what_is_changed_of_a_room_is_changed_and_the_rest_stays
                a_room_that_is_not_kept_cannot_be_changed
                rooms_are_listed_in_order_page_by_page
                a_private_room_is_listed_for_its_members_only
                all_rooms_are_listed_for_operators
                a_deleted_room_is_listed_for_nobody
                there_are_no_more_rooms_than_the_limit
                any_name_topic_and_reason_comes_back_as_it_was;
            room_members:
                members_have_roles_and_are_counted
                who_is_a_member_already_keeps_the_role
                the_last_owner_neither_leaves_nor_becomes_less
                of_two_owners_that_leave_at_once_one_stays
                members_are_listed_page_by_page
                there_are_no_more_members_than_the_limit;
            invitations:
                an_invitation_makes_members_as_often_as_it_is_for
                a_user_redeems_an_invitation_once
                an_invitation_is_redeemed_by_no_more_users_at_once_than_it_is_for
                an_invitation_that_has_expired_or_was_revoked_is_refused
                an_invitation_is_found_and_listed_until_it_expires
                there_are_no_more_invitations_than_the_limit
                invitations_that_have_expired_are_swept;
            sanctions:
                a_sanction_holds_until_it_ends
                a_sanction_is_replaced_and_lifted
                sanctions_of_a_user_and_of_addresses_are_found
                sanctions_are_listed_by_room_page_by_page
                there_are_no_more_sanctions_than_the_limit
                sanctions_that_have_ended_are_swept;
            access_log:
                old_entries_are_swept_and_numbers_go_on
                every_change_has_an_entry_and_numbers_are_dense
                what_changes_nothing_has_no_entry
                entries_say_who_did_what_to_whom_and_why
                the_log_is_read_forwards_and_backwards
                the_log_of_a_room_has_its_changes_only
                changes_at_once_get_numbers_of_their_own
                a_change_that_is_dropped_has_happened_as_a_whole_or_not_at_all
                a_closed_store_says_so_of_rooms;
        }
    };
    (@persistent $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            room_restarts:
                rooms_and_their_log_are_kept_over_any_number_of_restarts;
        }
    };
    (@shared $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            room_sharing:
                of_creations_at_several_stores_one_makes_the_room
                an_invitation_is_used_up_once_over_several_stores
                of_owners_that_leave_at_several_stores_one_stays
                no_change_appears_below_a_number_that_was_seen;
        }
    };
}
