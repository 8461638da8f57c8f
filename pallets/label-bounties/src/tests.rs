//! Tests by behaviour. `build_and_execute` checks the pallet's state and the sum of all money
//! after each.

mod campaigns;
