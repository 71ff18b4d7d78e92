//! How the devices that a filter leaves fall into groups.

use std::collections::HashMap;

use sickbay_diagnosis::filter::{Filter, TextField};
use sickbay_diagnosis::verdict::Cause;

use super::question::{Block, Question};
use super::{Among, Fleet, WORD_KINDS, matching, word_of};
use crate::{CauseCount, Scope};

/// Devices that share a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The word; empty where it is not known.
    pub value: String,
    /// Devices.
    pub devices: u64,
}

/// How many devices share each word of a kind, the most first; of tags, how many have each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// What they are grouped by.
    pub field: TextField,
    /// The groups.
    pub groups: Vec<Group>,
}

/// What is told of the devices that a filter leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many there are.
    pub devices: u64,
    /// Of an issue: their causes, the most frequent first.
    pub causes: Vec<CauseCount>,
    /// By the fields that were asked for.
    pub facets: Vec<Facet>,
}

impl Fleet {
    /// How many there are, and how they fall into groups.
    pub(crate) fn survey(
        &self,
        among: Among<'_>,
        scope: &Scope,
        filter: &Filter,
        fields: &[TextField],
    ) -> Survey {
        let question = Question::new(self, among, scope, filter);
        let new = || Tally::new(self, !fields.is_empty());
        let tally = question.of_all(
            new,
            |tally, block| tally.take(&block, question.issue),
            Tally::and,
        );
        let facets = fields.iter().filter_map(|field| {
            let groups = match field {
                TextField::Tag => self.tag_groups(&tally.tags),
                TextField::Standing => standing_groups(&tally.standings),
                field => {
                    let word = word_of(*field)?;
                    self.groups_of_word(word, &tally.words[word as usize])
                }
            };
            Some(Facet {
                field: *field,
                groups: most_first(groups),
            })
        });
        Survey {
            devices: tally.devices,
            facets: facets.collect(),
            causes: self.cause_counts(&tally.causes),
        }
    }

    pub(super) fn tag_groups(&self, sets: &[u64]) -> Vec<Group> {
        let mut by_tag: HashMap<&str, u64> = HashMap::new();
        for (set, devices) in (0..).zip(sets).filter(|(_, devices)| **devices > 0) {
            for tag in self.tags.value(set) {
                *by_tag.entry(tag).or_default() += devices;
            }
        }
        let groups = by_tag.into_iter().map(|(tag, devices)| Group {
            value: tag.to_owned(),
            devices,
        });
        groups.collect()
    }

    /// Causes by how many devices have them; of a cause's labels the last in their order.
    fn cause_counts(&self, sets: &[u64]) -> Vec<CauseCount> {
        let mut by_key: HashMap<&str, (&str, u64)> = HashMap::new();
        for (set, devices) in (0..).zip(sets).filter(|(_, devices)| **devices > 0) {
            for cause in self.causes.value(set) {
                let known = by_key.entry(&cause.key).or_insert((&cause.label, 0));
                known.0 = known.0.max(&cause.label);
                known.1 += devices;
            }
        }
        let mut counts: Vec<CauseCount> = by_key
            .into_iter()
            .map(|(key, (label, devices))| CauseCount {
                cause: Cause::new(key, label),
                devices,
            })
            .collect();
        counts.sort_by(|a, b| (b.devices, &a.cause.key).cmp(&(a.devices, &b.cause.key)));
        counts
    }
}

/// How many devices there are of each number: words by kind, sets of tags, sets of causes.
struct Tally {
    devices: u64,
    causes: Vec<u64>,
    /// Whether what follows is counted.
    grouped: bool,
    tags: Vec<u64>,
    standings: [u64; 5],
    words: Vec<Vec<u64>>,
}

impl Tally {
    fn new(fleet: &Fleet, grouped: bool) -> Self {
        let words = fleet.words.iter().map(|words| vec![0; words.len()]);
        Self {
            devices: 0,
            causes: vec![0; fleet.causes.len()],
            grouped,
            tags: vec![0; fleet.tags.len()],
            standings: [0; 5],
            words: words.collect(),
        }
    }

    fn take(mut self, block: &Block<'_>, issue: Option<u16>) -> Self {
        let devices = block.columns;
        self.devices += block.count();
        if let Some(issue) = issue {
            // Only what is open, and not accepted, is grouped by cause.
            let findings = block
                .places()
                .filter_map(|place| devices.finding(place, issue));
            for finding in findings.filter(|finding| finding.is_open()) {
                self.causes[finding.causes as usize] += 1;
            }
        }
        if !self.grouped {
            return self;
        }
        for place in block.places() {
            self.tags[devices.tags(place, false) as usize] += 1;
            self.standings[devices.health(place) as usize] += 1;
        }
        for (counts, word) in self.words.iter_mut().zip(WORD_KINDS) {
            let words = devices.words(word);
            for place in block.places() {
                counts[words[place] as usize] += 1;
            }
        }
        self
    }

    fn and(mut self, other: Self) -> Self {
        self.devices += other.devices;
        add(&mut self.causes, &other.causes);
        add(&mut self.tags, &other.tags);
        add(&mut self.standings, &other.standings);
        for (counts, more) in self.words.iter_mut().zip(&other.words) {
            add(counts, more);
        }
        self
    }
}

/// Adds counts to others, number by number.
pub(super) fn add(counts: &mut [u64], more: &[u64]) {
    for (count, more) in counts.iter_mut().zip(more) {
        *count += more;
    }
}

fn standing_groups(counts: &[u64; 5]) -> Vec<Group> {
    matching::STANDINGS
        .iter()
        .zip(counts)
        .filter(|(_, devices)| **devices > 0)
        .map(|((_, word), devices)| Group {
            value: (*word).to_owned(),
            devices: *devices,
        })
        .collect()
}

fn most_first(mut groups: Vec<Group>) -> Vec<Group> {
    groups.sort_by(|a, b| (b.devices, &a.value).cmp(&(a.devices, &b.value)));
    groups
}
