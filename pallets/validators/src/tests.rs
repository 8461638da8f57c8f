//! One file a subject.

mod attacks;
mod bonds;
mod choice;
mod jail;
