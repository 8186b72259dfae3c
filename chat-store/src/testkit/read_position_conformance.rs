/// Creates a module of tests, one for each case that a store of read positions has to pass.
///
/// ```text
/// read_position_conformance!(name, backend);                      any store
/// read_position_conformance!(name, backend, persistent);          … whose positions can be opened again
/// read_position_conformance!(name, backend, persistent, shared);  … also several times at once
/// ```
///
/// `backend` is an expression for a [`SessionBackend`](crate::testkit::SessionBackend), evaluated for each case; each
/// should have positions of its own. The tests are named `name::case`.
#[macro_export]
macro_rules! read_position_conformance {
    ($(#[$attribute:meta])* $name:ident, $backend:expr $(, $kind:ident)*) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::read_position_conformance!(@any [$(#[$attribute])*] $backend);
            $crate::read_position_conformance!(@kinds [$(#[$attribute])*] $backend $(, $kind)*);
        }
    };
    (@kinds $attributes:tt $backend:expr $(, $kind:ident)*) => {
        $($crate::read_position_conformance!(@$kind $attributes $backend);)*
    };
    (@any $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            read_positions:
                a_position_comes_back_as_it_was_noted
                a_position_never_goes_back
                of_positions_noted_at_once_the_furthest_counts
                the_readers_of_a_room_are_listed
                a_closed_store_says_so_of_read_positions;
        }
    };
    (@persistent $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            read_positions:
                positions_are_kept_over_any_number_of_restarts;
        }
    };
    (@shared $attributes:tt $backend:expr) => {
        $crate::conformance! { @cases $attributes $backend;
            read_positions:
                a_position_never_goes_back_at_several_stores;
        }
    };
}
