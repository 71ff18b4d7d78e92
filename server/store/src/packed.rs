//! What a device's checks saw, as it is kept: observations in a compact form, compressed by a dictionary; those of checks that often see
//! something else each by itself ([`is_lively`]), the others together.
//!
//! A report replaces the observations of some checks. So those are packed anew and the others are carried over as they stand. What is
//! replaced among those together stands apart until there are more than [`MOST_APART`], and then all are put together anew. A device of
//! the demo fleet has 30 kB as JSON, 12 kB in the compact form, 1.1 kB compressed check by check and 0.7 kB so
//! ([decision 45](../../../docs/decisions/0045-observations-packed-check-by-check.md),
//! [48](../../../docs/decisions/0048-history-in-pages.md)).
//!
//! The value in the database is a byte that names the format; those together, behind a number of which each bit is a check's code; then for
//! each other check its code, the length of what follows, and that. Codes, forms and dictionaries are part of the schema: what was once
//! written is read for ever, so that nothing of it is ever changed, only added to.

mod form;
mod squeeze;

use std::collections::BTreeMap;
use std::sync::Arc;

use sickbay_diagnosis::Check;
use sickbay_diagnosis::observation::{Observation, Observations};

pub(crate) use self::form::{Reader, Writer};
pub(crate) use self::squeeze::{Dictionary, squeeze, unsqueeze};
use crate::{Result, StoreError};

/// Formats: everything as JSON, as earlier versions wrote it.
const JSON: u8 = 1;
/// Check by check.
const BY_CHECK: u8 = 2;
/// Some together, the others check by check.
const TOGETHER: u8 = 3;

/// Observations that may stand apart from those together before all are put together anew: one or two cost less than packing all of them.
const MOST_APART: usize = 2;

/// Whether what the check sees is often something else: by [the profile](../../../tests/src/load/life.rs) of an ordinary machine, 132 of
/// 136 reports are of these checks.
const fn is_lively(check: Check) -> bool {
    matches!(
        check,
        Check::LastScan | Check::UpdateEvents | Check::Storage | Check::PendingReboot
    )
}

/// A device's observations, packed. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    /// Each by itself; newer than what is together.
    checks: BTreeMap<Check, Part>,
    together: Option<Together>,
}

/// Observations of several checks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Together {
    /// Bits by code.
    checks: u64,
    part: Part,
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
        packed.settle();
        packed
    }

    /// Puts the observation of a check in the place of the one before.
    pub fn put(&mut self, check: Check, observation: &Observation) {
        let part = Part::of(Dictionary::Observations, &form::write(observation));
        self.checks.insert(check, part);
    }

    /// Puts together what has been apart for long enough; to be called once a report is in. What cannot be read stays as it is.
    pub fn settle(&mut self) {
        let apart = self.checks.keys().filter(|check| !is_lively(**check));
        if apart.count() <= MOST_APART {
            return;
        }
        if let Ok(together) = self.all_together() {
            self.together = Some(together);
            self.checks.retain(|check, _| is_lively(*check));
        }
    }

    fn all_together(&self) -> Result<Together> {
        let mut plain = BTreeMap::new();
        if let Some(together) = &self.together {
            for entry in together.plain()?.entries() {
                let (check, form) = entry?;
                plain.insert(check, form.to_owned());
            }
        }
        for (check, part) in self.checks.iter().filter(|(check, _)| !is_lively(**check)) {
            plain.insert(*check, part.plain()?);
        }
        let mut out = Writer::with_room(plain.values().map(|form| form.len() + 4).sum());
        let mut checks = 0;
        for (check, form) in plain {
            checks |= 1 << code(check);
            out.byte(code(check));
            out.bytes(&form);
        }
        Ok(Together {
            checks,
            part: Part::of(Dictionary::Together, &out.done()),
        })
    }

    /// What a check saw; `None` where it never reported.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn get(&self, check: Check) -> Result<Option<Observation>> {
        if let Some(part) = self.checks.get(&check) {
            return part.unpack().map(Some);
        }
        let Some(together) = self.together.as_ref().filter(|t| t.has(check)) else {
            return Ok(None);
        };
        for entry in together.plain()?.entries() {
            let (of, form) = entry?;
            if of == check {
                return form::read(form).map(Some);
            }
        }
        Err(corrupt("a check is not among those together"))
    }

    /// All of them.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn unpack(&self) -> Result<Observations> {
        let mut observations = Observations::new();
        if let Some(together) = &self.together {
            for entry in together.plain()?.entries() {
                let (check, form) = entry?;
                if !self.checks.contains_key(&check) {
                    observations.put(check, form::read(form)?);
                }
            }
        }
        for (check, part) in &self.checks {
            observations.put(*check, part.unpack()?);
        }
        Ok(observations)
    }

    /// The checks that reported, in a fixed order.
    pub fn checks(&self) -> impl Iterator<Item = Check> {
        let is_there = |check: &Check| {
            let together = self.together.as_ref();
            self.checks.contains_key(check) || together.is_some_and(|t| t.has(*check))
        };
        Check::ALL.iter().copied().filter(is_there)
    }

    /// Whether no check reported.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty() && self.together.is_none()
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
            together: None,
        }
    }

    /// Length of all of them before they were compressed, in bytes.
    pub fn plain_bytes(&self) -> usize {
        let together = self.together.as_ref().map(|together| &together.part);
        let parts = self.checks.values().chain(together);
        parts.map(|part| part.plain as usize).sum()
    }

    /// As one value.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let together = self.together.as_ref();
        let parts = self.checks.values().chain(together.map(|t| &t.part));
        let mut out = Writer::with_room(parts.map(|p| p.squeezed.len() + 8).sum::<usize>() + 8);
        match together {
            None => out.byte(BY_CHECK),
            Some(together) => {
                out.byte(TOGETHER);
                out.number(together.checks);
                out.number(together.part.plain.into());
                out.bytes(&together.part.squeezed);
            }
        }
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
            Some([BY_CHECK, rest @ ..]) => Self::by_check(Reader::new(rest)),
            Some([TOGETHER, rest @ ..]) => {
                let mut reader = Reader::new(rest);
                let checks = reader.number()?;
                let part = Part {
                    plain: reader.small()?,
                    squeezed: reader.bytes()?.into(),
                };
                Ok(Self {
                    together: Some(Together { checks, part }),
                    ..Self::by_check(reader)?
                })
            }
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

    fn by_check(mut reader: Reader<'_>) -> Result<Self> {
        let mut packed = Self::new();
        while !reader.is_at_end() {
            let code = reader.byte()?;
            let plain = reader.small()?;
            let part = Part {
                plain,
                squeezed: reader.bytes()?.into(),
            };
            packed.checks.insert(known(code)?, part);
        }
        Ok(packed)
    }
}

impl Part {
    fn of(dictionary: Dictionary, plain: &[u8]) -> Self {
        Self {
            // A message of the wire is smaller by far.
            plain: u32::try_from(plain.len()).unwrap_or(u32::MAX),
            squeezed: squeeze(dictionary, plain).into(),
        }
    }

    fn plain(&self) -> Result<Vec<u8>> {
        unsqueeze(
            Dictionary::Observations,
            &self.squeezed,
            self.plain as usize,
        )
    }

    fn unpack(&self) -> Result<Observation> {
        form::read(&self.plain()?)
    }
}

impl Together {
    fn has(&self, check: Check) -> bool {
        self.checks & (1 << code(check)) != 0
    }

    fn plain(&self) -> Result<Forms> {
        self.part.plain().map(Forms)
    }
}

/// Compact forms one behind the other, each after its check's code and with its length.
struct Forms(Vec<u8>);

impl Forms {
    fn entries(&self) -> impl Iterator<Item = Result<(Check, &[u8])>> {
        let mut reader = Reader::new(&self.0);
        std::iter::from_fn(move || {
            if reader.is_at_end() {
                return None;
            }
            let code = reader.byte();
            Some(
                code.and_then(known)
                    .and_then(|check| Ok((check, reader.bytes()?))),
            )
        })
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

/// The check of a code.
fn known(wanted: u8) -> Result<Check> {
    let mut checks = Check::ALL.iter().copied();
    checks
        .find(|check| code(*check) == wanted)
        .ok_or_else(|| corrupt(format!("check {wanted} is not known to this version")))
}

#[cfg(test)]
mod tests;
