//! Error codes without any table: how they are written, what their numbers say by themselves, and where they stand in a longer text.
//!
//! What a single code means is knowledge, which can be replaced while a server runs; see
//! [`Knowledge::explain`](crate::knowledge::Knowledge::explain). This module knows only how Windows makes and writes its numbers.

mod family;
mod meant;
mod mentioned;
pub mod network;
mod number;
mod written;

pub use family::Family;
pub use meant::Meant;
pub use mentioned::{CODES_OF_A_TEXT, KnownMessage, Mentioned, mentioned, spelled_in};
pub use number::{Kind, Number};
pub use written::{Form, forms, hresult, spelled};
