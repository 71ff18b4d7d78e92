//! What a device's checks saw, as it is kept: each check's observation by itself in a compact form, compressed by a dictionary.
//!
//! A report replaces the observations of some checks. So those are packed anew and the others are carried over as they stand, and whoever
//! needs one observation unpacks one. A device of the demo fleet has 30 kB as JSON, 12 kB in the compact form and 0.8 kB compressed
//! ([decision 45](../../../docs/decisions/0045-observations-packed-check-by-check.md)).
//!
//! The value in the database is a byte that names the format, then for each check its code, the length of what follows, and that. Codes,
//! forms and dictionaries are part of the schema: what was once written is read for ever, so that nothing of it is ever changed, only
//! added to.

mod form;
mod squeeze;

use std::collections::BTreeMap;
use std::sync::Arc;

use sickbay_diagnosis::Check;
use sickbay_diagnosis::observation::{Observation, Observations};

use self::form::{Reader, Writer};
use crate::{Result, StoreError};

/// Formats: everything as JSON, as earlier versions wrote it.
const JSON: u8 = 1;
/// Check by check.
const BY_CHECK: u8 = 2;

/// A device's observations, packed. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    checks: BTreeMap<Check, Part>,
}

/// One check's observation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// Length before it was compressed, in bytes.
    plain: u32,
    squeezed: Arc<[u8]>,
}

impl Packed {
    /// Nothing reported yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Packs all of them.
    pub fn of(observations: &Observations) -> Self {
        let mut packed = Self::new();
        for (check, observation) in observations.iter() {
            packed.put(check, observation);
        }
        packed
    }

    /// Puts the observation of a check in the place of the one before.
    pub fn put(&mut self, check: Check, observation: &Observation) {
        let plain = form::write(observation);
        let part = Part {
            // A message of the wire is smaller by far.
            plain: u32::try_from(plain.len()).unwrap_or(u32::MAX),
            squeezed: squeeze::squeeze(&plain).into(),
        };
        self.checks.insert(check, part);
    }

    /// What a check saw; `None` where it never reported.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn get(&self, check: Check) -> Result<Option<Observation>> {
        let part = self.checks.get(&check);
        part.map(Part::unpack).transpose()
    }

    /// All of them.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn unpack(&self) -> Result<Observations> {
        let mut observations = Observations::new();
        for (check, part) in &self.checks {
            observations.put(*check, part.unpack()?);
        }
        Ok(observations)
    }

    /// The checks that reported, in a fixed order.
    pub fn checks(&self) -> impl Iterator<Item = Check> {
        self.checks.keys().copied()
    }

    /// Whether no check reported.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// One that nobody can read, as a disk may leave it behind.
    #[cfg(any(test, feature = "benchmarks"))]
    pub fn damaged() -> Self {
        let part = Part {
            plain: 1,
            squeezed: [u8::MAX].into(),
        };
        Self {
            checks: BTreeMap::from([(Check::Pause, part)]),
        }
    }

    /// Length of all of them before they were compressed, in bytes.
    pub fn plain_bytes(&self) -> usize {
        self.checks.values().map(|part| part.plain as usize).sum()
    }

    /// As one value.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let bytes: usize = self.checks.values().map(|p| p.squeezed.len() + 8).sum();
        let mut out = Writer::with_room(bytes + 1);
        out.byte(BY_CHECK);
        for (check, part) in &self.checks {
            out.byte(code(*check));
            out.number(part.plain.into());
            out.bytes(&part.squeezed);
        }
        out.done()
    }

    /// From one value; `None` is a device that never reported. What a check says is looked at when it is asked for.
    pub(crate) fn of_bytes(bytes: Option<&[u8]>) -> Result<Self> {
        match bytes {
            None => Ok(Self::new()),
            Some([BY_CHECK, rest @ ..]) => Self::by_check(rest),
            Some([JSON, json @ ..]) => {
                let observations = serde_json::from_slice(json);
                observations
                    .map(|observations| Self::of(&observations))
                    .map_err(|error| corrupt(error.to_string()))
            }
            Some([format, ..]) => Err(corrupt(format!(
                "format {format} is not known to this version"
            ))),
            Some([]) => Err(corrupt("it is empty".to_owned())),
        }
    }

    fn by_check(bytes: &[u8]) -> Result<Self> {
        let mut packed = Self::new();
        let mut reader = Reader::new(bytes);
        while !reader.is_at_end() {
            let code = reader.byte()?;
            let plain = reader.small()?;
            let part = Part {
                plain,
                squeezed: reader.bytes()?.into(),
            };
            let check = check(code)
                .ok_or_else(|| corrupt(format!("check {code} is not known to this version")))?;
            packed.checks.insert(check, part);
        }
        Ok(packed)
    }
}

impl Part {
    fn unpack(&self) -> Result<Observation> {
        let plain = squeeze::unsqueeze(&self.squeezed, self.plain as usize)?;
        form::read(&plain)
    }
}

/// The compact form that is compressed, for making a dictionary.
#[cfg(any(test, feature = "benchmarks"))]
pub fn compact(observation: &Observation) -> Vec<u8> {
    form::write(observation)
}

fn corrupt(reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        what: "facts",
        reason: reason.into(),
    }
}

/// The code of a check. One that was once given belongs to its check for ever.
const fn code(check: Check) -> u8 {
    match check {
        Check::Device => 1,
        Check::Pause => 2,
        Check::SafeguardHold => 3,
        Check::ScanSource => 4,
        Check::AutomaticUpdates => 5,
        Check::Services => 6,
        Check::UpdateHealthTools => 7,
        Check::PendingReboot => 8,
        Check::ServicingStack => 9,
        Check::Updates => 10,
        Check::UpdateEvents => 11,
        Check::UpdateHistory => 12,
        Check::ComponentStore => 13,
        Check::Storage => 14,
        Check::UpdateAgent => 15,
        Check::LastScan => 16,
        Check::Directory => 17,
        Check::UpdateEndpoint => 18,
        Check::SecureBoot => 19,
    }
}

fn check(wanted: u8) -> Option<Check> {
    Check::ALL
        .iter()
        .copied()
        .find(|check| code(*check) == wanted)
}

#[cfg(test)]
mod tests;
