//! The devices of a fleet, column by column: a question reads only what it asks for, one value behind the other.
//!
//! A device is a place, the same one in every column.

use uuid::Uuid;

use super::matching::code_of;
use super::{WORDS, Word};
use sickbay_diagnosis::verdict::Kept;

/// A device, before it has a place.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) key: i64,
    pub(super) id: Uuid,
    /// In small letters.
    pub(super) name: String,
    pub(super) status: u8,
    pub(super) health: u8,
    pub(super) words: [u32; WORDS],
    /// All its tags, and those that its token gave it.
    pub(super) tags: u32,
    pub(super) given_tags: u32,
    /// What it runs, by its number among all.
    pub(super) revision: u32,
    pub(super) build: Option<u32>,
    pub(super) ubr: Option<u32>,
    pub(super) findings: Vec<Finding>,
    /// Of the findings, in their order.
    pub(super) times: Vec<Times>,
}

/// What questions ask of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) causes: u32,
    pub(super) issue: u16,
    pub(super) kept: u8,
    pub(super) is_serious: bool,
}

impl Finding {
    pub(super) fn is_open(self) -> bool {
        self.kept == code_of(Kept::Open)
    }

    pub(super) fn is_unknown(self) -> bool {
        self.kept == code_of(Kept::Unknown)
    }
}

/// What is seldom asked of a finding, so that it does not stand in the way of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// Milliseconds UTC.
    pub(super) since: i64,
    /// Of the moment at which anything of it changed, as much as tells two of them apart.
    pub(super) changed: u32,
}

/// Every device, by its place.
#[derive(Debug, Default)]
pub(super) struct Columns {
    keys: Vec<i64>,
    ids: Vec<Uuid>,
    statuses: Vec<u8>,
    healths: Vec<u8>,
    words: [Vec<u32>; WORDS],
    tags: Vec<u32>,
    given_tags: Vec<u32>,
    revisions: Vec<u32>,
    // Each number may be one that a device tells, so none of them can stand for "not known".
    builds: Vec<Option<u32>>,
    ubrs: Vec<Option<u32>>,
    names: Lists<u8>,
    findings: Lists<Finding>,
    times: Lists<Times>,
}

impl Columns {
    /// How many places there are.
    pub(super) const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Adds a device behind all others.
    pub(super) fn push(&mut self, device: &Device) {
        self.keys.push(device.key);
        self.ids.push(device.id);
        self.statuses.push(device.status);
        self.healths.push(device.health);
        for (column, word) in self.words.iter_mut().zip(device.words) {
            column.push(word);
        }
        self.tags.push(device.tags);
        self.given_tags.push(device.given_tags);
        self.revisions.push(device.revision);
        self.builds.push(device.build);
        self.ubrs.push(device.ubr);
        self.names.push(device.name.as_bytes());
        self.findings.push(&device.findings);
        self.times.push(&device.times);
    }

    /// Puts a device into a place.
    pub(super) fn set(&mut self, place: usize, device: &Device) {
        self.keys[place] = device.key;
        self.ids[place] = device.id;
        self.statuses[place] = device.status;
        self.healths[place] = device.health;
        for (column, word) in self.words.iter_mut().zip(device.words) {
            column[place] = word;
        }
        self.tags[place] = device.tags;
        self.given_tags[place] = device.given_tags;
        self.revisions[place] = device.revision;
        self.builds[place] = device.build;
        self.ubrs[place] = device.ubr;
        self.names.set(place, device.name.as_bytes());
        self.findings.set(place, &device.findings);
        self.times.set(place, &device.times);
    }

    /// Gives a device another status.
    pub(super) fn set_status(&mut self, place: usize, status: u8) {
        self.statuses[place] = status;
    }

    /// Moves every device to another place: the first is that of the first of `order`, and so on.
    pub(super) fn arrange(&mut self, order: &[u32]) {
        fn arranged<T: Copy>(column: &mut Vec<T>, order: &[u32]) {
            *column = order.iter().map(|place| column[*place as usize]).collect();
        }
        arranged(&mut self.keys, order);
        arranged(&mut self.ids, order);
        arranged(&mut self.statuses, order);
        arranged(&mut self.healths, order);
        for column in &mut self.words {
            arranged(column, order);
        }
        arranged(&mut self.tags, order);
        arranged(&mut self.given_tags, order);
        arranged(&mut self.revisions, order);
        arranged(&mut self.builds, order);
        arranged(&mut self.ubrs, order);
        self.names.arrange(order.iter().copied());
        self.findings.arrange(order.iter().copied());
        self.times.arrange(order.iter().copied());
    }

    pub(super) fn key(&self, place: usize) -> i64 {
        self.keys[place]
    }

    pub(super) fn id(&self, place: usize) -> Uuid {
        self.ids[place]
    }

    pub(super) fn status(&self, place: usize) -> u8 {
        self.statuses[place]
    }

    pub(super) fn health(&self, place: usize) -> u8 {
        self.healths[place]
    }

    /// Every device's word of a kind.
    pub(super) fn words(&self, word: Word) -> &[u32] {
        &self.words[word as usize]
    }

    /// A device's set of tags; of its token's alone where so asked.
    pub(super) fn tags(&self, place: usize, given_alone: bool) -> u32 {
        if given_alone {
            self.given_tags[place]
        } else {
            self.tags[place]
        }
    }

    /// What a device runs, by its number among all.
    pub(super) fn revision(&self, place: usize) -> u32 {
        self.revisions[place]
    }

    pub(super) fn build(&self, place: usize) -> Option<u32> {
        self.builds[place]
    }

    pub(super) fn ubr(&self, place: usize) -> Option<u32> {
        self.ubrs[place]
    }

    /// A device's name, in small letters; bytes of a text.
    pub(super) fn name(&self, place: usize) -> &[u8] {
        self.names.get(place)
    }

    /// What lists are ordered by: name, then key.
    pub(super) fn by_name(&self, place: u32) -> (&[u8], i64) {
        (self.name(place as usize), self.key(place as usize))
    }

    pub(super) fn findings(&self, place: usize) -> &[Finding] {
        self.findings.get(place)
    }

    /// A device's finding of an issue.
    pub(super) fn finding(&self, place: usize, issue: u16) -> Option<&Finding> {
        self.findings(place).iter().find(|f| f.issue == issue)
    }

    /// Since when a device has its finding of an issue, in milliseconds UTC.
    pub(super) fn since(&self, place: usize, issue: u16) -> Option<i64> {
        let mut issues = self.findings(place).iter();
        let number = issues.position(|finding| finding.issue == issue)?;
        Some(self.times(place)[number].since)
    }

    /// Of the findings of a device, in their order.
    pub(super) fn times(&self, place: usize) -> &[Times] {
        self.times.get(place)
    }
}

/// Short lists, one for each place, one behind the other.
#[derive(Debug)]
struct Lists<T> {
    values: Vec<T>,
    /// Where the list of a place begins, and how long it is.
    spans: Vec<(u32, u32)>,
    /// Values that are in no list any more.
    unused: usize,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            spans: Vec::new(),
            unused: 0,
        }
    }
}

impl<T: Copy> Lists<T> {
    fn get(&self, place: usize) -> &[T] {
        let (start, len) = self.spans[place];
        &self.values[start as usize..start as usize + len as usize]
    }

    fn push(&mut self, list: &[T]) {
        let span = self.append(list);
        self.spans.push(span);
    }

    /// Puts a list into a place: where the old one is, if there is room.
    fn set(&mut self, place: usize, list: &[T]) {
        let (start, len) = self.spans[place];
        let (start, old) = (start as usize, len as usize);
        if list.len() <= old {
            self.values[start..start + list.len()].copy_from_slice(list);
            self.spans[place].1 = number(list.len());
            self.unused += old - list.len();
        } else {
            self.spans[place] = self.append(list);
            self.unused += old;
        }
        // As much again as is used, at most.
        if self.unused > self.values.len() / 2 {
            self.arrange(0..number(self.spans.len()));
        }
    }

    fn append(&mut self, list: &[T]) -> (u32, u32) {
        let start = number(self.values.len());
        self.values.extend_from_slice(list);
        (start, number(list.len()))
    }

    /// Writes the lists anew, in another order of places.
    fn arrange(&mut self, order: impl Iterator<Item = u32>) {
        let mut new = Self {
            values: Vec::with_capacity(self.values.len() - self.unused),
            spans: Vec::with_capacity(self.spans.len()),
            unused: 0,
        };
        for place in order {
            new.push(self.get(place as usize));
        }
        *self = new;
    }
}

fn number(len: usize) -> u32 {
    u32::try_from(len).expect("names and findings of fewer than a hundred million devices")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Lists;

    proptest! {
        /// Whatever is put where, in whatever order: a place holds what was put there last, and not more than twice as much is kept.
        #[test]
        fn a_place_holds_what_was_put_there_last(
            steps in prop::collection::vec((0..20_usize, prop::collection::vec(0..9_u8, 0..12)), 1..200),
        ) {
            let mut lists = Lists::default();
            let mut expected: Vec<Vec<u8>> = Vec::new();
            for (place, list) in steps {
                if place < expected.len() {
                    lists.set(place, &list);
                    expected[place] = list;
                } else {
                    lists.push(&list);
                    expected.push(list);
                }
                let used: usize = expected.iter().map(Vec::len).sum();
                prop_assert_eq!(lists.values.len() - lists.unused, used);
                prop_assert!(lists.unused <= lists.values.len() / 2);
                for (place, list) in expected.iter().enumerate() {
                    prop_assert_eq!(lists.get(place), &list[..]);
                }
            }
            let reversed: Vec<Vec<u8>> = expected.iter().rev().cloned().collect();
            lists.arrange((0..expected.len() as u32).rev());
            for (place, list) in reversed.iter().enumerate() {
                prop_assert_eq!(lists.get(place), &list[..]);
            }
        }
    }
}
