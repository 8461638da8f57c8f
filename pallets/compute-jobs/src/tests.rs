//! Tests by behaviour. `build_and_execute` checks the pallet's state and the sum of
//! all money after each.

mod attacks;
mod disputes;
mod draws;
mod jobs;
mod lifecycle;
mod money;
mod offchain;
mod providers;
mod queue;
mod views;
mod walk;
