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

/// The source that at least [`MAJORITY_PERCENT`] of the devices use, given how many use each; with the server where as many use the
/// same one, so that a fleet with a WSUS server in each region still has a majority for WSUS. Devices whose source is unknown count
/// among all devices but can be no majority.
pub fn majority_of(counts: &[(ExpectedSource, u64)]) -> Option<ExpectedSource> {
    let all: u64 = counts.iter().map(|(_, n)| n).sum();
    let is_majority = |n: u64| all >= MAJORITY_QUORUM && n * 100 >= all * MAJORITY_PERCENT;
    let source = [
        UpdateSource::WindowsUpdate,
        UpdateSource::Wsus,
        UpdateSource::Blocked,
    ]
    .into_iter()
    .find(|source| {
        let use_it = counts.iter().filter(|(s, _)| s.source == *source);
        is_majority(use_it.map(|(_, n)| n).sum())
    })?;
    let server = counts
        .iter()
        .find(|(s, n)| s.source == source && is_majority(*n))
        .and_then(|(s, _)| s.server.clone());
    Some(ExpectedSource { source, server })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wsus(server: &str, devices: u64) -> (ExpectedSource, u64) {
        let source = ExpectedSource {
            source: UpdateSource::Wsus,
            server: Some(server.to_owned()),
        };
        (source, devices)
    }

    fn plain(source: UpdateSource, devices: u64) -> (ExpectedSource, u64) {
        let source = ExpectedSource {
            source,
            server: None,
        };
        (source, devices)
    }

    #[test]
    fn regional_servers_together_are_a_majority_for_wsus_without_an_address() {
        let counts = [
            wsus("https://a", 4),
            wsus("https://b", 4),
            plain(UpdateSource::WindowsUpdate, 2),
        ];
        let majority = majority_of(&counts).expect("eight of ten");
        assert_eq!(majority, plain(UpdateSource::Wsus, 0).0);
        let one = [wsus("https://a", 6), wsus("https://b", 4)];
        assert_eq!(majority_of(&one), Some(wsus("https://a", 0).0));
    }

    #[test]
    fn few_devices_or_unknown_ones_make_no_majority() {
        assert_eq!(majority_of(&[wsus("https://a", 4)]), None);
        let mostly_unknown = [plain(UpdateSource::Unknown, 7), wsus("https://a", 3)];
        assert_eq!(majority_of(&mostly_unknown), None);
        let split = [wsus("https://a", 5), plain(UpdateSource::WindowsUpdate, 5)];
        assert_eq!(majority_of(&split), None);
    }
}
