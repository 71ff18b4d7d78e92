//! The session with the server. (Being written.)
