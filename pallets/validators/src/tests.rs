//! One file a subject.

mod attacks;
mod bonds;
mod choice;
mod jail;
mod try_state;
