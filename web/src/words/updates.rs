//! The pages of updates.

/// The newest revisions of a release: place and heading.
pub(crate) const PLACES: [(usize, &str); 3] =
    [(0, "Newest here"), (1, "Before that"), (2, "And before")];
