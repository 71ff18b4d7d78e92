//! What an administrator of a Windows domain is handed: the kit.
//!
//! A kit is a zip: the collector's installer, the policy templates, backups of group policy objects to import, a script that imports
//! them, and a page with the steps. Promises: the same order gives the same bytes; the enrolment token stands in one file alone,
//! `registry.pol`; whatever is put into a script, a page or XML stays text there. Does no I/O and has no clock. `msi/` and `admx/` beside
//! `src/` are the installer's source and the policy templates; `kit/` holds what the kit's files are made from.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test may fail by panicking")
)]

mod archive;
mod backup;
mod installer;
mod kit;
#[cfg(test)]
mod powershell_grammar;
mod quoting;
mod registry_pol;
mod settings;

pub use installer::{Installer, NotAnInstaller, PRODUCT_NAME, UPGRADE_CODE};
pub use kit::{BadOrder, Order, build, files};
pub use quoting::powershell as powershell_string;
pub use registry_pol::{Data, Entry, NotAPolicy, read as read_registry_pol};
pub use settings::{BadSetting, Settings};
