//! For the tests of whoever writes or uses a store.
