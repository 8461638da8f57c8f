//! The subcommands.

pub mod bench;
pub mod config;
pub mod doctor;
pub mod provide;
pub mod run;
pub mod selftest;
pub mod serve;
pub mod status;

use clap::ValueEnum;
use comfy_table::{presets::NOTHING, ContentArrangement, Table};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON object.
    Json,
}

/// A table of two columns without lines.
fn pairs<K: ToString, V: ToString>(rows: impl IntoIterator<Item = (K, V)>) -> Table {
    let mut table = Table::new();
    table
        .load_preset(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    for (key, value) in rows {
        table.add_row([key.to_string(), value.to_string()]);
    }
    table
}
