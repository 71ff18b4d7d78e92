//! The read-only Sickbay collector.
//!
//! It reads ([`host`], [`checks`]), keeps what the server has not acknowledged ([`spool`]) and speaks with the server ([`session`]).
//! It has no code path that executes, downloads or writes outside its own folder on the server's word.

mod certificate;
pub mod checks;
pub mod cli;
mod clock;
mod crash;
pub mod host;
pub mod inspection;
pub mod policy;
pub mod session;
pub mod spool;
pub mod state;
pub mod supervisor;
mod wire;
