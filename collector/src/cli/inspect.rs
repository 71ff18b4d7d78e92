//! `sickbay-collector inspect`. (Being written.)
