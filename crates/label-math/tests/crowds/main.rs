//! Random crowds of every type, against a slow implementation and against what must always hold.

mod bounds;
mod consensus;
mod crowd;
mod rational;
mod scoring;
mod sheets;
