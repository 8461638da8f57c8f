mod court;
mod daemon;
mod disputes;
mod duties;
mod properties;
mod world;
