//! Observations: what one check saw, whole. Never an opinion.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::check::Check;
use crate::context::{Sighted, Sighting};
use crate::reading::{Data, Evidence, Reading};
use crate::time::Time;

/// What one check saw, and when by the device's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// When it was taken, by the device's clock.
    #[serde(rename = "t")]
    pub taken_at: Time,
    /// What was seen.
    #[serde(rename = "o")]
    pub outcome: Outcome,
}

/// What came of looking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The readings, some of which may be absent.
    Seen(Vec<Reading>),
    /// The source does not exist here or was not recorded.
    Unavailable(String),
    /// The source exists and could not be read.
    Failed(String),
}

impl Observation {
    /// The readings; empty where the check could not look.
    pub fn readings(&self) -> &[Reading] {
        match &self.outcome {
            Outcome::Seen(readings) => readings,
            Outcome::Unavailable(_) | Outcome::Failed(_) => &[],
        }
    }
}

/// A device's newest observation of each check. Cheap to clone: observations are shared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observations(
    /// In the order of checks: there are so few that nothing else is as fast.
    Vec<(Check, Arc<Observation>)>,
);

impl Observations {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// What `check` saw last; `None` where it never reported.
    pub fn get(&self, check: Check) -> Option<&Observation> {
        self.shared(check).map(|observation| &**observation)
    }

    /// The same, to be kept elsewhere too without a copy.
    pub fn shared(&self, check: Check) -> Option<&Arc<Observation>> {
        let place = self.place(check).ok()?;
        self.0.get(place).map(|(_, observation)| observation)
    }

    /// Replaces the observation of `check`.
    pub fn put(&mut self, check: Check, observation: impl Into<Arc<Observation>>) {
        let observation = observation.into();
        match self.place(check) {
            Ok(place) => self.0[place].1 = observation,
            Err(place) => self.0.insert(place, (check, observation)),
        }
    }

    /// Where it stands, or belongs.
    fn place(&self, check: Check) -> Result<usize, usize> {
        self.0.binary_search_by_key(&check, |(of, _)| *of)
    }

    /// Every check that reported, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (Check, &Observation)> {
        self.iter_shared()
            .map(|(check, observation)| (check, &**observation))
    }

    /// The same, to be kept elsewhere too without a copy.
    pub fn iter_shared(&self) -> impl Iterator<Item = (Check, &Arc<Observation>)> {
        self.0
            .iter()
            .map(|(check, observation)| (*check, observation))
    }

    /// Number of checks that reported.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no check reported.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The evidence behind a reference that a verdict holds; `None` where observations or sighting changed since.
    pub fn evidence(
        &self,
        reference: EvidenceRef,
        sighting: Option<&Sighting>,
    ) -> Option<Evidence> {
        match reference {
            EvidenceRef::Reading { check, index } => {
                let observation = self.get(check)?;
                let reading = observation.readings().get(usize::from(index))?;
                Some(Evidence::of(reading, observation.taken_at))
            }
            EvidenceRef::Outcome(check) => {
                let observation = self.get(check)?;
                Some(Evidence::of_outcome(check, observation))
            }
            EvidenceRef::Sighted(what) => sighting?.evidence(what),
        }
    }
}

impl IntoIterator for Observations {
    type Item = (Check, Arc<Observation>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Observations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Observations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = BTreeMap::<Check, Arc<Observation>>::deserialize(deserializer)?;
        Ok(Self(read.into_iter().collect()))
    }
}

/// Points at what a verdict rests on. Small, because verdicts that are clear carry evidence too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EvidenceRef {
    /// One reading of one check.
    Reading {
        /// The check that read it.
        check: Check,
        /// Its place among the check's readings.
        index: u16,
    },
    /// That a check could look, or why it could not.
    Outcome(Check),
    /// What the server itself saw.
    Sighted(Sighted),
}

/// Looks up readings of one observation by key and value name, without regard to case, as Windows does.
pub struct Lookup<'a> {
    check: Check,
    readings: &'a [Reading],
}

/// A reading that was found in an observation, with the reference that makes it evidence.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The reading.
    pub reading: &'a Reading,
    /// The reference to it.
    pub at: EvidenceRef,
}

impl<'a> Lookup<'a> {
    /// Over the readings of one check.
    pub fn new(check: Check, readings: &'a [Reading]) -> Self {
        Self { check, readings }
    }

    /// The reading of value `name` under key `path` (`HKLM\...`), in whatever state.
    pub fn value(&self, path: &str, name: &str) -> Option<Found<'a>> {
        self.find(|r| {
            r.name
                .as_deref()
                .is_some_and(|n| n.eq_ignore_ascii_case(name))
                && r.path.eq_ignore_ascii_case(path)
        })
    }

    /// The reading of key `path` itself.
    pub fn key(&self, path: &str) -> Option<Found<'a>> {
        self.find(|r| r.name.is_none() && r.path.eq_ignore_ascii_case(path))
    }

    /// Every reading, with its reference.
    pub fn all(&self) -> impl Iterator<Item = Found<'a>> + '_ {
        self.readings
            .iter()
            .enumerate()
            .map(|(index, reading)| Found {
                reading,
                at: EvidenceRef::Reading {
                    check: self.check,
                    index: index as u16,
                },
            })
    }

    fn find(&self, wanted: impl Fn(&Reading) -> bool) -> Option<Found<'a>> {
        self.all().find(|found| wanted(found.reading))
    }
}

impl Found<'_> {
    /// What was found.
    pub fn data(&self) -> &Data {
        &self.reading.data
    }
}
