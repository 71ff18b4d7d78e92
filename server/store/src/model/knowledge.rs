//! The imported knowledge pack.

use sickbay_diagnosis::Time;

/// Which knowledge pack is kept. It says whether another one came, and is no proof of anything: that is the signature in the pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackMark {
    /// The version by which whoever made it calls it.
    pub version: String,
    /// The day up to which it was collected, `YYYY-MM-DD`.
    pub dated: String,
    /// When it was imported.
    pub imported_at: Time,
    /// The account that imported it, as far as its environment says.
    pub imported_by: String,
}

/// A knowledge pack as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPack {
    /// Which one it is.
    pub mark: PackMark,
    /// The signed file.
    pub bytes: Vec<u8>,
}
