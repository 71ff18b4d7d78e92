//! Every page, by enumeration: with believable and with hostile text.
#![expect(clippy::unwrap_used, reason = "tests")]

mod assets;
mod contrast;
mod hostile;
mod pages;
mod sample;
mod structure;
