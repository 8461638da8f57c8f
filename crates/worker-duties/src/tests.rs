mod court;
mod crowd;
mod daemon;
mod disputes;
mod duties;
mod properties;
mod world;
