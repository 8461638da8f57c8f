//! Tests by behaviour. `build_and_execute` checks the pallet's state and the sum of
//! all money after each.

mod attacks;
mod audits;
mod disputes;
mod draws;
mod eligibility;
mod jobs;
mod lifecycle;
mod model;
mod money;
mod offchain;
mod providers;
mod queue;
mod sampling;
mod scale;
mod try_state;
mod views;
mod walk;
