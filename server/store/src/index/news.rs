//! What becomes different in the fleet, noted while it follows what was written.

use super::{Device, Finding, Fleet};
use crate::News;

/// Devices that are told one by one; of more it is told that anything may be different.
const NEWS: usize = 10_000;

impl Finding {
    /// Whether it says the same as another one of that issue.
    fn is_like(&self, other: &Self) -> bool {
        (self.causes, self.kept, self.is_serious) == (other.causes, other.kept, other.is_serious)
            && (self.changed, self.since) == (other.changed, other.since)
    }
}

impl Fleet {
    /// Notes what becomes different with a device that was written.
    pub(super) fn note(&mut self, key: i64, new: Option<&Device>) {
        let old = self.places.get(&key).copied();
        let old = old.map(|place| &self.devices[place as usize]);
        self.news.statuses |= old.map(|device| device.status) != new.map(|device| device.status);
        if self.news.anything {
            return;
        }
        let (old, new) = (findings_of(old), findings_of(new));
        let is_as_before = |one: &Finding, others: &[Finding]| {
            let mut same = others.iter().filter(|other| other.issue == one.issue);
            same.next().is_some_and(|other| one.is_like(other))
        };
        let went = old.iter().filter(|finding| !is_as_before(finding, new));
        let came = new.iter().filter(|finding| !is_as_before(finding, old));
        let issues = went.chain(came).map(|finding| finding.issue);
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

fn findings_of(device: Option<&Device>) -> &[Finding] {
    device.map_or(&[], |device| &device.findings)
}
