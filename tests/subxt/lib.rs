//! Nothing: the test `subxt-codegen` is what this crate is for.
