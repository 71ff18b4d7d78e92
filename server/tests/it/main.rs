//! The server from outside: a whole one in this process for each test, on free ports, with real TLS and a clock that the test moves.
//!
//! [`site`] starts it, [`device`] speaks to its collectors' port as a collector would (and as none should), [`readings`] is what the
//! devices say.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod acceptances;
mod access;
mod access_table;
mod api;
mod api_page;
mod backup;
mod canaille;
mod days;
mod device;
mod device_page;
mod elsewhere;
mod enrolment;
mod error_codes;
mod etags;
mod expectation_pages;
mod expectations;
mod exports;
mod facets;
mod fleet_context;
mod gpo_kit;
mod hostile;
mod identity;
mod knowledge;
mod ldap;
mod limits;
mod list_pages;
mod machine_pki;
mod machines;
mod metrics;
mod moving;
mod openid;
mod people;
#[path = "../../../packaging/src/powershell_grammar.rs"]
mod powershell_grammar;
mod readings;
mod reimaged;
mod replicas;
mod rpc_table;
mod scope;
mod search;
mod shelf;
mod site;
mod slapd;
mod startup;
mod time;
mod updates;
mod wire;
