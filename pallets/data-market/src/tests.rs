//! One file a subject.

mod attacks;
mod clock;
mod evidence;
mod goods;
mod listings;
mod model;
mod money;
mod orders;
mod pools;
mod revenue;
mod rights;
mod sellers;
mod try_state;
mod views;
