//! One file a subject.

mod sellers;
