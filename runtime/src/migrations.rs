//! Storage migrations.
//!
//! Short ones go into [`SingleBlockMigrations`], which run in one block at an upgrade; those that
//! walk a map go into `pallet-migrations`, a bounded step a block
//! (`configs::MultiBlockMigrations`). A release empties the lists of what every live chain has run.

/// Migrations that run in the first block of a new runtime.
pub type SingleBlockMigrations = ();

/// Migrations that are spread over blocks.
pub type MultiBlockMigrations = ();
