//! What becomes different in the fleet, noted while it follows what was written.

use super::Fleet;
use super::columns::{Device, Finding, Times};
use crate::News;

/// Devices that are told one by one; of more it is told that anything may be different.
const NEWS: usize = 10_000;

impl Fleet {
    /// Notes what becomes different with a device that was written.
    pub(super) fn note(&mut self, key: i64, new: Option<&Device>) {
        let old = self.places.get(&key).map(|place| *place as usize);
        let status = old.map(|place| self.columns.status(place));
        self.news.statuses |= status != new.map(|device| device.status);
        if self.news.anything {
            return;
        }
        let old = old.map_or((&[][..], &[][..]), |place| {
            (self.columns.findings(place), self.columns.times(place))
        });
        let new = new.map_or((&[][..], &[][..]), |new| (&new.findings, &new.times));
        let went = findings(old).filter(|one| !findings(new).any(|other| other == *one));
        let came = findings(new).filter(|one| !findings(old).any(|other| other == *one));
        let issues = went
            .chain(came)
            .map(|(finding, _)| u32::from(finding.issue));
        let issues: Vec<String> = issues.map(|n| self.issues.text(n).to_owned()).collect();
        self.news.devices.entry(key).or_default().extend(issues);
        if self.news.devices.len() > NEWS {
            self.anything_may_be_different();
        }
    }

    /// Everything was read anew, or more became different than is told one by one.
    pub(crate) fn anything_may_be_different(&mut self) {
        self.news.devices.clear();
        (self.news.anything, self.news.statuses) = (true, true);
    }

    /// What became different since the last time that this was asked.
    pub(crate) fn take_news(&mut self) -> News {
        std::mem::take(&mut self.news)
    }
}

/// Findings with what belongs to each.
fn findings<'a>(
    (findings, times): (&'a [Finding], &'a [Times]),
) -> impl Iterator<Item = (&'a Finding, &'a Times)> {
    findings.iter().zip(times)
}
