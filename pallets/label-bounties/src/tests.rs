//! Tests by behaviour. `build_and_execute` checks the pallet's state and the sum of all money
//! after each.

mod answers;
mod attacks;
mod batches;
mod campaigns;
mod crowd;
mod feeless;
mod groups;
mod leases;
mod model;
mod money;
mod records;
mod rule;
mod shares;
mod sizes;
mod time;
mod transactions;
mod try_state;
mod views;
mod work;
