//! Tests, by behaviour.

mod deposits;
mod models;
mod programs;
mod registry;
mod views;
