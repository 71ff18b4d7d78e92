//! The life of a device's identity, with real collectors and a real server.

mod clones;
mod rotation;
mod soak;
