//! Whatever is killed, set back or full: what was acknowledged is there, what was not arrives, and nothing arrives twice.

mod server_killed;
