//! A Postgres of the tests' own: Debian's programs, a cluster in a temporary folder that listens on a socket alone.
//!
//! Tests that want a database share one cluster ([`Database`]), whose first user starts it and which stops by itself soon after the
//! last one is gone. A test that kills its server has one to itself ([`Cluster`]), or two of which one takes over ([`Pair`]). Postgres refuses to run as root, so under root it
//! runs as the user that Debian's package makes.
//!
//! What it leaves out: the schema. Whoever asks for a database says how its template is made.
#![forbid(unsafe_code)]

mod cluster;
mod database;
mod pair;

pub use cluster::{Cluster, Durability};
pub use database::Database;
pub use pair::Pair;
