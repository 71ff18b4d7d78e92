//! In which order lists come: by name, or by something else and by name among equals.

use std::collections::BinaryHeap;
use std::ops::Bound;

use sickbay_diagnosis::filter::Filter;

use super::{Among, Device, Finding, Fleet, Question, Word, finding_of};
use crate::{Cursor, Order, OrderBy, Ordered, Scope, codes};

/// A number that stands for what a device is ordered by; what is not known comes last, whichever way the order goes.
type Rank = u64;
const UNKNOWN: Rank = Rank::MAX;

/// How devices are ranked by something.
struct Ranking {
    by: By,
    descending: bool,
}

/// By what.
enum By {
    Name,
    /// For each word its place among all of them, doubled: what lies between two of them has a place, too.
    Word(Word, Vec<Rank>, Vec<String>),
    Build,
    Health,
    Findings(fn(&Finding) -> bool),
    Severity,
    Since,
    Causes(Vec<Rank>, Vec<String>),
}

impl Ranking {
    fn of(order: Order, fleet: &Fleet) -> Self {
        let word = |word: Word| {
            let texts = fleet.words(word).texts().map(str::to_ascii_lowercase);
            let (ranks, sorted) = ranked(texts);
            By::Word(word, ranks, sorted)
        };
        let by = match order.by {
            // Both have a way of their own.
            OrderBy::Name | OrderBy::Enrolled => By::Name,
            OrderBy::Domain => word(Word::Domain),
            OrderBy::Ou => word(Word::Ou),
            OrderBy::Site => word(Word::Site),
            OrderBy::Kind => word(Word::Kind),
            OrderBy::Release => word(Word::Release),
            OrderBy::Edition => word(Word::Edition),
            OrderBy::Arch => word(Word::Arch),
            OrderBy::Primary => word(Word::Primary),
            OrderBy::Build => By::Build,
            OrderBy::Health => By::Health,
            OrderBy::Open => By::Findings(Finding::is_open),
            OrderBy::Serious => By::Findings(|finding| finding.is_open() && finding.is_serious),
            OrderBy::Unknown => By::Findings(Finding::is_unknown),
            OrderBy::Severity => By::Severity,
            OrderBy::Since => By::Since,
            OrderBy::Causes => {
                let first = |causes: &Vec<sickbay_diagnosis::verdict::Cause>| {
                    let first = causes.first();
                    first.map_or_else(String::new, |cause| cause.label.to_ascii_lowercase())
                };
                let (ranks, sorted) = ranked(fleet.causes.values().map(first));
                By::Causes(ranks, sorted)
            }
        };
        Self {
            by,
            descending: order.descending,
        }
    }

    /// A device's rank, the smallest first.
    fn rank(&self, device: &Device, finding: Option<&Finding>) -> Rank {
        let known = match &self.by {
            By::Name => Some(0),
            By::Word(word, ranks, _) => {
                Some(ranks[device.words[*word as usize] as usize]).filter(|rank| *rank != UNKNOWN)
            }
            By::Build => device
                .build
                .map(|build| u64::from(build) << 32 | u64::from(device.ubr.unwrap_or(0))),
            By::Health => Some(u64::from(device.health)),
            By::Findings(counts) => {
                Some(device.findings.iter().filter(|f| counts(f)).count() as u64)
            }
            By::Severity => finding
                .filter(|finding| finding.is_open())
                .map(|finding| u64::from(finding.is_serious)),
            By::Since => finding.map(|finding| sortable(finding.since)),
            By::Causes(ranks, _) => finding
                .map(|finding| ranks[finding.causes as usize])
                .filter(|rank| *rank != UNKNOWN),
        };
        self.directed(known)
    }

    fn directed(&self, known: Option<Rank>) -> Rank {
        match known {
            None => UNKNOWN,
            Some(rank) if self.descending => UNKNOWN - 1 - rank,
            Some(rank) => rank,
        }
    }

    /// What a device is ordered by, for a cursor: the words themselves, since their places change with every new one.
    fn ordered(&self, device: &Device, finding: Option<&Finding>) -> Option<Ordered> {
        let rank = self.rank(device, finding);
        if rank == UNKNOWN {
            return Some(Ordered::Unknown);
        }
        let undirected = if self.descending {
            UNKNOWN - 1 - rank
        } else {
            rank
        };
        match &self.by {
            By::Name => None,
            By::Word(_, _, sorted) | By::Causes(_, sorted) => {
                let place = usize::try_from(undirected / 2).unwrap_or(usize::MAX);
                sorted.get(place).map(|text| Ordered::Text(text.clone()))
            }
            _ => Some(Ordered::Number(undirected)),
        }
    }

    /// The rank of where a list was left.
    fn rank_of(&self, ordered: Option<&Ordered>) -> Rank {
        let known = match (&self.by, ordered) {
            (By::Name, _) => Some(0),
            (_, None | Some(Ordered::Unknown)) => None,
            (By::Word(_, _, sorted) | By::Causes(_, sorted), Some(Ordered::Text(text))) => {
                Some(match sorted.binary_search(text) {
                    Ok(place) => 2 * place as Rank + 1,
                    // Between two that are there.
                    Err(place) => 2 * place as Rank,
                })
            }
            (_, Some(Ordered::Number(number))) => Some(*number),
            // Of another order: from the start.
            (_, Some(Ordered::Text(_))) => Some(0),
        };
        self.directed(known.map(|rank| rank.min(UNKNOWN - 1)))
    }
}

/// Ranks of texts, and the texts in their order; an empty one is not known.
fn ranked(texts: impl Iterator<Item = String>) -> (Vec<Rank>, Vec<String>) {
    let texts: Vec<String> = texts.collect();
    let mut sorted: Vec<String> = texts
        .iter()
        .filter(|text| !text.is_empty())
        .cloned()
        .collect();
    sorted.sort_unstable();
    sorted.dedup();
    let ranks = texts
        .iter()
        .map(|text| match sorted.binary_search(text) {
            Ok(place) => 2 * place as Rank + 1,
            Err(_) => UNKNOWN,
        })
        .collect();
    (ranks, sorted)
}

/// A signed number in the order of unsigned ones.
const fn sortable(number: i64) -> Rank {
    // Times are far from both ends, so that every one has a rank that means "known".
    number.cast_unsigned() ^ (1 << 63)
}

impl Fleet {
    /// Keys of the devices after a place in the list, so many at most, in its order.
    pub(crate) fn page(
        &self,
        among: Among<'_>,
        scope: &Scope,
        filter: &Filter,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Vec<i64> {
        let question = Question::new(self, among, scope, filter);
        let all = &self.order[..];
        let holding = |place: &u32| {
            let device = &self.devices[*place as usize];
            question.holds(device).then_some(device.key)
        };
        match (order.by, order.descending) {
            (OrderBy::Name, false) => {
                let rest = &all[after.map_or(0, |cursor| self.place_of(cursor, true))..];
                rest.iter().filter_map(holding).take(limit).collect()
            }
            (OrderBy::Name, true) => {
                let rest = &all[..after.map_or(all.len(), |cursor| self.place_of(cursor, false))];
                rest.iter().rev().filter_map(holding).take(limit).collect()
            }
            (OrderBy::Enrolled, descending) => {
                let holding = |(_, place): (&i64, &u32)| holding(place);
                match (after.map(|cursor| cursor.key), descending) {
                    (None, false) => self.places.iter().filter_map(holding).take(limit).collect(),
                    (None, true) => {
                        let all = self.places.iter().rev();
                        all.filter_map(holding).take(limit).collect()
                    }
                    (Some(key), false) => {
                        let rest = self.places.range((Bound::Excluded(key), Bound::Unbounded));
                        rest.filter_map(holding).take(limit).collect()
                    }
                    (Some(key), true) => {
                        let rest = self.places.range(..key).rev();
                        rest.filter_map(holding).take(limit).collect()
                    }
                }
            }
            _ => self.ranked_page(&question, order, after, limit),
        }
    }

    /// The place in the order of names that follows a cursor's, or that it has itself.
    fn place_of(&self, cursor: &Cursor, behind: bool) -> usize {
        let name = codes::text(&cursor.name);
        let cursor = (name.as_str(), cursor.key);
        self.order.partition_point(|place| {
            let device = &self.devices[*place as usize];
            let device = (&*device.name, device.key);
            device < cursor || (behind && device == cursor)
        })
    }

    /// A page in the order of something else than names.
    fn ranked_page(
        &self,
        question: &Question,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Vec<i64> {
        let ranking = Ranking::of(order, self);
        // Where somebody left off: what has a smaller rank was shown, and of the same rank what comes before in the order of names.
        let left = after.map(|cursor| {
            (
                ranking.rank_of(cursor.by.as_ref()),
                self.place_of(cursor, true),
            )
        });
        // The largest of those that are kept stands on top, ready to make room.
        let mut kept: BinaryHeap<(Rank, usize)> = BinaryHeap::with_capacity(limit + 1);
        for (place, number) in self.order.iter().enumerate() {
            let device = &self.devices[*number as usize];
            if !question.holds(device) {
                continue;
            }
            let finding = question.issue.and_then(|issue| finding_of(device, issue));
            let here = (ranking.rank(device, finding), place);
            if left.is_some_and(|left| here < left) {
                continue;
            }
            kept.push(here);
            if kept.len() > limit {
                kept.pop();
            }
        }
        let mut places: Vec<(Rank, usize)> = kept.into_vec();
        places.sort_unstable();
        places
            .into_iter()
            .map(|(_, place)| self.devices[self.order[place] as usize].key)
            .collect()
    }

    /// The place of a device in a list in that order.
    pub(crate) fn cursor(&self, key: i64, issue: Option<&str>, order: Order) -> Option<Cursor> {
        let device = &self.devices[*self.places.get(&key)? as usize];
        let issue = issue.and_then(|issue| self.issues.known(issue));
        let finding = issue.and_then(|issue| finding_of(device, issue));
        let by = match order.by {
            OrderBy::Name | OrderBy::Enrolled => None,
            _ => Ranking::of(order, self).ordered(device, finding),
        };
        Some(Cursor {
            name: device.name.to_string(),
            key,
            by,
        })
    }
}
