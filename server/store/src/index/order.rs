//! In which order lists come: by name, or by something else and by name among equals.

use std::collections::BinaryHeap;
use std::ops::Bound;

use sickbay_diagnosis::filter::Filter;

use super::columns::{Columns, Finding};
use super::question::Question;
use super::{Among, Fleet, Word};
use crate::{Cursor, Order, OrderBy, Ordered, Scope, codes};

/// A number that stands for what a device is ordered by; what is not known comes last, whichever way the order goes.
type Rank = u64;
const UNKNOWN: Rank = Rank::MAX;
/// Devices that are asked first when a page is looked for.
const FIRST_ASKED: usize = 1_024;

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
    Findings(fn(Finding) -> bool),
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
            OrderBy::Serious => {
                By::Findings(|finding: Finding| finding.is_open() && finding.is_serious)
            }
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

    /// A device's rank, the smallest first; of an issue's list by its finding of that.
    fn rank(&self, devices: &Columns, place: usize, issue: Option<u16>) -> Rank {
        let of_issue = || issue.and_then(|issue| devices.finding(place, issue));
        let known = match &self.by {
            By::Name => Some(0),
            By::Word(word, ranks, _) => {
                Some(ranks[devices.words(*word)[place] as usize]).filter(|rank| *rank != UNKNOWN)
            }
            By::Build => devices
                .build(place)
                .map(|build| u64::from(build) << 32 | u64::from(devices.ubr(place).unwrap_or(0))),
            By::Health => Some(u64::from(devices.health(place))),
            By::Findings(counts) => {
                let findings = devices.findings(place).iter();
                Some(findings.filter(|finding| counts(**finding)).count() as u64)
            }
            By::Severity => of_issue()
                .filter(|finding| finding.is_open())
                .map(|finding| u64::from(finding.is_serious)),
            By::Since => issue
                .and_then(|issue| devices.since(place, issue))
                .map(sortable),
            By::Causes(ranks, _) => of_issue()
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
    fn ordered(&self, devices: &Columns, place: usize, issue: Option<u16>) -> Option<Ordered> {
        let rank = self.rank(devices, place, issue);
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
        let first = |places: &mut dyn Iterator<Item = u32>| self.first(&question, places, limit);
        match (order.by, order.descending) {
            (OrderBy::Name, false) => {
                let from = after.map_or(0, |cursor| self.place_of(cursor, true));
                first(&mut all[from..].iter().copied())
            }
            (OrderBy::Name, true) => {
                let to = after.map_or(all.len(), |cursor| self.place_of(cursor, false));
                first(&mut all[..to].iter().rev().copied())
            }
            (OrderBy::Enrolled, false) => {
                let from = after.map_or(Bound::Unbounded, |cursor| Bound::Excluded(cursor.key));
                let rest = self.places.range((from, Bound::Unbounded));
                first(&mut rest.map(|(_, place)| *place))
            }
            (OrderBy::Enrolled, true) => {
                let to = after.map_or(Bound::Unbounded, |cursor| Bound::Excluded(cursor.key));
                let rest = self.places.range((Bound::Unbounded, to)).rev();
                first(&mut rest.map(|(_, place)| *place))
            }
            _ => self.ranked_page(&question, order, after, limit),
        }
    }

    /// Keys of the first of some devices for which a question holds, so many at most.
    fn first(
        &self,
        question: &Question<'_>,
        places: &mut dyn Iterator<Item = u32>,
        limit: usize,
    ) -> Vec<i64> {
        let mut keys = Vec::new();
        // Most questions hold for many devices, and a page is found among the first; for the others more are asked at once each time.
        let mut asked = FIRST_ASKED;
        while keys.len() < limit {
            let some: Vec<u32> = (&mut *places).take(asked).collect();
            if some.is_empty() {
                break;
            }
            keys.extend(question.of_these(&some, |_, place| self.columns.key(place)));
            asked *= 4;
        }
        keys.truncate(limit);
        keys
    }

    /// The place in the order of names that follows a cursor's, or that it has itself.
    fn place_of(&self, cursor: &Cursor, behind: bool) -> usize {
        let name = codes::text(&cursor.name);
        let cursor = (name.as_bytes(), cursor.key);
        self.order.partition_point(|place| {
            let device = self.columns.by_name(*place);
            device < cursor || (behind && device == cursor)
        })
    }

    /// A page in the order of something else than names.
    fn ranked_page(
        &self,
        question: &Question<'_>,
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
        let ranks = question.of_these(&self.order, |number, place| {
            (ranking.rank(&self.columns, place, question.issue), number)
        });
        // The largest of those that are kept stands on top, ready to make room.
        let mut kept: BinaryHeap<(Rank, usize)> = BinaryHeap::with_capacity(limit + 1);
        for here in ranks {
            if left.is_some_and(|left| here < left) {
                continue;
            }
            kept.push(here);
            if kept.len() > limit {
                kept.pop();
            }
        }
        let places = kept.into_sorted_vec().into_iter();
        places
            .map(|(_, place)| self.columns.key(self.order[place] as usize))
            .collect()
    }

    /// The place of a device in a list in that order.
    pub(crate) fn cursor(&self, key: i64, issue: Option<&str>, order: Order) -> Option<Cursor> {
        let place = *self.places.get(&key)? as usize;
        let issue = issue.map(|issue| self.issue(issue));
        let by = match order.by {
            OrderBy::Name | OrderBy::Enrolled => None,
            _ => Ranking::of(order, self).ordered(&self.columns, place, issue),
        };
        Some(Cursor {
            name: String::from_utf8_lossy(self.columns.name(place)).into_owned(),
            key,
            by,
        })
    }
}
