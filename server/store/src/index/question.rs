//! A question that is asked of many devices at once: which of them it holds for, as bits.
//!
//! Devices are asked block by block, and each part of a question only those that the parts before it left; blocks are shared out among the
//! machine's processors.

use rayon::prelude::*;
use sickbay_diagnosis::filter::Filter;

use super::columns::Columns;
use super::matching::{Condition, On};
use super::{ACTIVE, Among, Fleet, LISTED};
use crate::Scope;

/// Devices in a word of bits.
const BITS: usize = u64::BITS as usize;
/// Words of a block: 32,768 devices.
const BLOCK: usize = 512;

/// Devices in some order, as far as they are asked: the place of each.
#[derive(Clone, Copy)]
pub(super) enum Devices<'a> {
    /// So many, as they lie.
    AsTheyLie(usize),
    /// These, in this order.
    At(&'a [u32]),
}

impl Devices<'_> {
    const fn len(self) -> usize {
        match self {
            Self::AsTheyLie(len) => len,
            Self::At(places) => places.len(),
        }
    }

    /// The place of the device of this number.
    pub(super) const fn place(self, number: usize) -> usize {
        match self {
            Self::AsTheyLie(_) => number,
            Self::At(places) => places[number] as usize,
        }
    }
}

/// Which of some devices something holds for: a bit for each of a block.
pub(super) struct Block<'a> {
    pub(super) columns: &'a Columns,
    devices: Devices<'a>,
    /// The number of the device of the first bit.
    first: usize,
    bits: Vec<u64>,
}

impl Block<'_> {
    /// Leaves only those that also this holds for, by their place.
    pub(super) fn retain(&mut self, holds: impl Fn(&Columns, usize) -> bool) {
        let holds = |number| holds(self.columns, self.devices.place(number));
        for (word, first) in self.bits.iter_mut().zip((self.first..).step_by(BITS)) {
            if *word == u64::MAX {
                // Without a jump for each device, which nobody could foretell.
                let bits = (0..BITS).map(|bit| u64::from(holds(first + bit)) << bit);
                *word = bits.fold(0, |all, bit| all | bit);
            } else {
                let mut left = *word;
                while left != 0 {
                    let bit = left.trailing_zeros();
                    if !holds(first + bit as usize) {
                        *word &= !(1 << bit);
                    }
                    left &= left - 1;
                }
            }
        }
    }

    /// Leaves only those that also this question about them leaves.
    pub(super) fn narrow(&mut self, condition: &Condition, issue: Option<u16>) {
        match condition {
            Condition::Always => {}
            Condition::All(parts) => {
                for part in parts {
                    self.narrow(part, issue);
                }
            }
            Condition::Any(parts) => {
                let all = self.bits.clone();
                let mut held = vec![0; all.len()];
                for part in parts {
                    // Whoever one part holds for is not asked again.
                    for ((bits, all), held) in self.bits.iter_mut().zip(&all).zip(&held) {
                        *bits = all & !held;
                    }
                    self.narrow(part, issue);
                    for (held, bits) in held.iter_mut().zip(&self.bits) {
                        *held |= bits;
                    }
                }
                self.bits = held;
            }
            Condition::Not(inner) => {
                let all = self.bits.clone();
                self.narrow(inner, issue);
                for (bits, all) in self.bits.iter_mut().zip(all) {
                    *bits = all & !*bits;
                }
            }
            Condition::Is(test) => test.narrow(self, issue),
        }
    }

    /// How many are left.
    pub(super) fn count(&self) -> u64 {
        self.bits
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// The places of those that are left.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        let of_word = |(word, first): (&u64, usize)| {
            let (mut left, devices) = (*word, self.devices);
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(devices.place(first + bit))
            })
        };
        let words = self.bits.iter().zip((self.first..).step_by(BITS));
        words.flat_map(of_word)
    }
}

/// A question that is ready to be asked.
pub(super) struct Question<'a> {
    fleet: &'a Fleet,
    /// Status codes.
    among: [bool; 8],
    /// The issue in question, by its number.
    pub(super) issue: Option<u16>,
    scope: Condition,
    filter: Condition,
}

impl<'a> Question<'a> {
    pub(super) fn new(fleet: &'a Fleet, among: Among<'_>, scope: &Scope, filter: &Filter) -> Self {
        let (statuses, issue, on) = match among {
            Among::Status(code) => (vec![code], None, On::Devices),
            Among::Issue(issue) => {
                let number = fleet.issue(issue);
                (vec![ACTIVE, LISTED], Some(number), On::Findings)
            }
        };
        Self {
            issue,
            filter: Condition::of(filter, on, fleet),
            ..Self::seen(fleet, scope, &statuses)
        }
    }

    /// Which devices of these statuses a scope leaves.
    pub(super) fn seen(fleet: &'a Fleet, scope: &Scope, statuses: &[i64]) -> Self {
        let mut among = [false; 8];
        for code in statuses {
            among[*code as usize] = true;
        }
        let scope = match scope {
            Scope::All => Condition::Always,
            Scope::Matching(filter) => Condition::of(filter, On::Scope, fleet),
        };
        Self {
            fleet,
            among,
            issue: None,
            scope,
            filter: Condition::Always,
        }
    }

    /// Asks every device, as they lie, and makes something of each block and something of all of that.
    pub(super) fn of_all<T: Send>(
        &self,
        new: impl Fn() -> T + Sync + Send,
        take: impl Fn(T, Block<'_>) -> T + Sync + Send,
        merge: impl Fn(T, T) -> T + Sync + Send,
    ) -> T {
        let devices = Devices::AsTheyLie(self.fleet.columns.len());
        let blocks = devices.len().div_ceil(BLOCK * BITS);
        if blocks <= 1 {
            return take(new(), self.block(devices, 0));
        }
        (0..blocks)
            .into_par_iter()
            .fold(&new, |made, number| take(made, self.block(devices, number)))
            .reduce(&new, merge)
    }

    /// Asks some devices; those that it holds for, in their order, by what is told of their number and place.
    pub(super) fn of_these<T: Send>(
        &self,
        places: &[u32],
        told: impl Fn(usize, usize) -> T + Sync + Send,
    ) -> Vec<T> {
        let devices = Devices::At(places);
        let of_block = |number: usize| {
            let block = self.block(devices, number);
            let numbers = Block {
                devices: Devices::AsTheyLie(places.len()),
                ..block
            };
            let told = |number| told(number, devices.place(number));
            numbers.places().map(told).collect::<Vec<T>>()
        };
        let blocks = devices.len().div_ceil(BLOCK * BITS);
        if blocks <= 1 {
            return of_block(0);
        }
        let of_blocks: Vec<Vec<T>> = (0..blocks).into_par_iter().map(of_block).collect();
        of_blocks.into_iter().flatten().collect()
    }

    /// The devices of a block that it holds for.
    fn block<'b>(&self, devices: Devices<'b>, number: usize) -> Block<'b>
    where
        'a: 'b,
    {
        let first = number * BLOCK * BITS;
        let len = (devices.len() - first).min(BLOCK * BITS);
        let mut bits = vec![u64::MAX; len.div_ceil(BITS)];
        if let (Some(last), rest @ 1..) = (bits.last_mut(), len % BITS) {
            *last = (1 << rest) - 1;
        }
        let fleet: &'a Fleet = self.fleet;
        let mut block = Block {
            columns: &fleet.columns,
            devices,
            first,
            bits,
        };
        block.retain(|columns, place| self.among[usize::from(columns.status(place))]);
        if let Some(issue) = self.issue {
            block.retain(|columns, place| columns.finding(place, issue).is_some());
        }
        block.narrow(&self.scope, None);
        block.narrow(&self.filter, self.issue);
        block
    }
}
