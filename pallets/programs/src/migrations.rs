//! Storage migrations, one module a version.
//!
//! Each keeps the layouts it translates between for itself, so that it stays true however the
//! pallet's own types go on. They are compiled and tested always; a runtime runs those that it
//! lists.

pub mod v1;
