//! Tests by behaviour. `build_and_execute` checks the pallet's state and the sum of all money
//! after each.

mod answers;
mod batches;
mod campaigns;
mod feeless;
mod groups;
mod leases;
mod money;
mod sizes;
mod time;
mod transactions;
mod work;
