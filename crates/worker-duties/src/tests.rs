mod daemon;
mod duties;
mod properties;
mod world;
