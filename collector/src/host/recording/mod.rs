//! A machine from files. (Being written.)
