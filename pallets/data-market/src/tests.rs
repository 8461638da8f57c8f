//! One file a subject.

mod attacks;
mod evidence;
mod goods;
mod model;
mod pools;
mod revenue;
mod sellers;
