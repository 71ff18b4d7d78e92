//! The Windows collector's own program, on Windows machines that Wine plays.

mod endpoint;
mod inspect;
mod kit;
mod msi;
mod run;
mod secure_boot;
mod self_test;
mod service;
mod site;
mod stand_ins;
