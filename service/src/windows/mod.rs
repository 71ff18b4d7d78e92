//! What a Windows service needs of Windows. Together with the collector's `host/windows`, the only place that calls it.

mod control;
pub(crate) mod event_source;
mod fault;
mod folder;
mod library;
mod limits;
mod secret;
mod setup;

pub use control::{NotAService, Order, Orders, run};
pub use fault::{Fault, on_fault};
pub use folder::{FolderError, keep_private};
pub use library::Library;
pub use limits::confine;
pub use secret::{is_foreign_secret, protect, unprotect};
pub use setup::{Definition, SetupError, install, settle, uninstall};

/// A text to hand to Windows: UTF-16, ended by a zero.
fn wide(text: &std::ffi::OsStr) -> Vec<u16> {
    use std::os::windows::ffi::OsStrExt as _;
    text.encode_wide().chain([0]).collect()
}
