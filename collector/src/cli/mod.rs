//! The command line. (Being written: `inspect` in inspect.rs; `enrol`, `run`, `status` beside it.)
pub mod inspect;
