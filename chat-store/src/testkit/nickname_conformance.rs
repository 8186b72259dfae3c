/// Creates a module of tests, one for each case that a store of users and nicknames has to pass.
///
/// ```text
/// nickname_conformance!(name, backend);                      any store
/// nickname_conformance!(name, backend, persistent);          … whose nicknames can be opened again
/// nickname_conformance!(name, backend, persistent, shared);  … also several times at once
/// nickname_conformance!(name, backend, sweeping);            … which sweeps credentials
/// ```
///
/// `backend` is an expression for a [`SessionBackend`](crate::testkit::SessionBackend), evaluated for each case; each
/// should have nicknames of its own. The tests are named `name::case`. [`conformance!`](crate::conformance) and
/// [`session_conformance!`](crate::session_conformance) create the tests for messages and sessions of the same store.
#[macro_export]
macro_rules! nickname_conformance {
    ($(#[$attribute:meta])* $name:ident, $backend:expr $(, $kind:ident)*) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::nickname_conformance!(@any [$(#[$attribute])*] $backend);
            $crate::nickname_conformance!(@kinds [$(#[$attribute])*] $backend $(, $kind)*);
        }
    };
    (@kinds $attributes:tt $backend:expr $(, $kind:ident)*) => {
        $($crate::nickname_conformance!(@$kind $attributes $backend);)*
    };
    (@any $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            nicknames:
                a_name_belongs_to_the_first_who_claims_it
                an_owner_stays_the_same_user
                a_user_has_a_current_name
                a_name_can_be_taken_away
                a_name_that_has_expired_can_be_claimed_by_another
                a_name_that_changes_hands_gives_another_user
                a_name_that_has_expired_still_leads_to_who_had_it_last
                of_owners_that_claim_at_once_one_gets_the_name
                claims_of_one_owner_at_once_give_one_user
                any_name_comes_back_as_it_was
                a_name_is_renewed_by_its_last_owner_only
                a_name_that_looks_like_anothers_is_not_given_to_anybody_new
                names_that_look_alike_and_are_there_both_stay
                of_owners_that_claim_names_that_look_alike_at_once_one_gets_one
                names_that_have_expired_are_swept_unless_they_have_private_messages
                a_claim_that_is_dropped_has_happened_as_a_whole_or_not_at_all
                a_closed_store_says_so_of_nicknames;
            users:
                a_credential_belongs_to_one_user
                an_owner_of_nicknames_is_a_user
                a_credential_outlives_the_nicknames
                a_revoked_credential_is_never_valid_again
                a_revoked_credential_adds_no_device
                devices_are_listed
                a_code_adds_one_device
                codes_and_devices_have_a_maximum
                of_devices_that_use_a_code_at_once_one_is_added
                a_code_that_is_used_by_a_dropped_call_can_be_used_again
                a_closed_store_says_so_of_users;
            erasure:
                an_erased_user_has_no_names_and_never_comes_back;
        }
    };
    (@persistent $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            nickname_restarts:
                nicknames_are_kept_over_any_number_of_restarts;
            users:
                users_are_kept_over_restarts;
        }
    };
    (@sweeping $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            users:
                users_of_whom_nothing_is_left_are_swept;
        }
    };
    (@shared $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            nickname_sharing:
                a_nickname_is_known_to_every_store_that_shares_it
                of_claims_at_several_stores_one_gets_the_name
                of_claims_to_names_that_look_alike_at_several_stores_one_is_granted;
        }
    };
}
