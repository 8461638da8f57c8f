//! The labeller: pages of tasks on a terminal.
//!
//! [`state`] is the whole behaviour, without a terminal, a file or a clock: keys in,
//! effects out. [`view`] draws it, [`draft`] has the widget of each label type,
//! [`journal`] keeps the answers.

pub mod draft;
pub mod from_file;
pub mod input;
pub mod journal;
pub mod keys;
pub mod plain;
pub mod screen;
pub mod state;
pub mod task;
pub mod terminal;
pub mod view;
pub mod wrap;

#[cfg(test)]
mod tests;
