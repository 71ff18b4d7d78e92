//! What waits for acknowledgement, on disk. (Being written.)
