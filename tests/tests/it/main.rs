//! The product from outside: real processes, real connections, a real browser.
//!
//! The programs must be built before: `cargo build -p sickbay-server -p sickbay-collector`. `SICKBAY_LONG=1` repeats what is left to
//! chance more often.

mod accessibility;
mod api_description;
mod browser;
mod demo;
mod faults;
mod flows;
mod identity;
mod knowledge;
mod load;
mod search;
mod updates;
mod wine;
