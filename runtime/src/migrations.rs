//! Storage migrations.
//!
//! Short ones go into [`SingleBlockMigrations`], which run in one block at an upgrade; those that
//! walk a map go into `pallet-migrations`, a bounded step a block
//! (`configs::MultiBlockMigrations`). A release empties the lists of what every live chain has run.
//!
//! The feature `rehearsal` makes the next version of this runtime, with a migration of
//! `pallet-programs`. `make e2e-upgrade` upgrades a live network to it, by referendum and with work
//! in flight. It is the pattern to follow: the old layout kept beside, a version checked at the
//! start and written at the end, checks before and after, tests that take several steps.

/// Migrations that run in the first block of a new runtime.
pub type SingleBlockMigrations = ();

/// Migrations that are spread over blocks.
#[cfg(not(feature = "rehearsal"))]
pub type MultiBlockMigrations = ();

/// Migrations that are spread over blocks.
#[cfg(feature = "rehearsal")]
pub type MultiBlockMigrations =
    (pallet_programs::migrations::v1::AddModelBytes<crate::Runtime, ModelsPerBlock>,);

#[cfg(feature = "rehearsal")]
frame_support::parameter_types! {
    /// Most models that are translated in a block. The weight bounds it too; in a rehearsal it is
    /// so small that a few models take several blocks.
    pub const ModelsPerBlock: u32 = crate::prod_or_fast!(1_000, 8);
}
