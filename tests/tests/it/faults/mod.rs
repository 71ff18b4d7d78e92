//! Whatever is killed, set back or full: what was acknowledged is there, what was not arrives, and nothing arrives twice.

mod collector_killed;
mod collector_set_back;
mod disk_full;
mod replicas;
mod replicas_killed;
mod server_killed;
mod server_restored;
