//! What the end-to-end tests share: the real programs as processes, collectors in this process, and ways to look at what became
//! durable.
//!
//! Every wait is bounded and says what was missing. A program, a browser or a right that is missing is a failure with what to do
//! about it. Needs a Unix: it sends signals.
#![forbid(unsafe_code)]

pub mod api;
pub mod axe;
pub mod bench;
pub mod browser;
pub mod collector;
pub mod fleet;
pub mod full_disk;
pub mod ledger;
pub mod load;
pub mod machine;
pub mod newcomer;
pub mod program;
pub mod proxy;
pub mod replicas;
pub mod server;
pub mod wait;
pub mod wine;

/// How often something is done: a few times in the suite that runs with every change, often where `SICKBAY_LONG=1` asks for it.
pub fn times(few: usize, often: usize) -> usize {
    if std::env::var_os("SICKBAY_LONG").is_some_and(|value| value == "1") {
        often
    } else {
        few
    }
}
