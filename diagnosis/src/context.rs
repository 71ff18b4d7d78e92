//! What only the fleet knows, and one device cannot tell.

use serde::{Deserialize, Serialize};

use crate::expectation::{ExpectedSource, UpdateClass, UpdateSource};

/// Fewest devices for which a majority means anything.
pub const MAJORITY_QUORUM: u64 = 5;
/// Share of the devices, in percent, that makes a source the provisional expectation.
pub const MAJORITY_PERCENT: u64 = 60;

/// What the fleet as a whole says. The default knows nothing, as on a single device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetContext {
    /// The provisional source per class, in the order of [`UpdateClass::ALL`].
    pub majority_sources: [Option<ExpectedSource>; 4],
}

impl FleetContext {
    /// The source that most devices use for a class, where there is such a majority.
    pub fn majority(&self, class: UpdateClass) -> Option<&ExpectedSource> {
        self.majority_sources[class as usize].as_ref()
    }
}

/// The source that at least [`MAJORITY_PERCENT`] of the devices use, given how many use each. Devices whose source is unknown
/// count among all devices but can be no majority.
pub fn majority_of(counts: &[(ExpectedSource, u64)]) -> Option<ExpectedSource> {
    let all: u64 = counts.iter().map(|(_, n)| n).sum();
    let (source, most) = counts
        .iter()
        .filter(|(source, _)| source.source != UpdateSource::Unknown)
        .max_by_key(|(_, n)| *n)?;
    (all >= MAJORITY_QUORUM && most * 100 >= all * MAJORITY_PERCENT).then(|| source.clone())
}
