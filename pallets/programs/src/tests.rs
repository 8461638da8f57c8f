//! Tests, by behaviour.

mod deposits;
mod migrations;
mod models;
mod programs;
mod registry;
mod views;
