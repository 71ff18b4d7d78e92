//! What lists and counts ask of every device, in memory: an answer for a million devices takes milliseconds, whatever the filter.
//!
//! The database stays the truth. Its table `change` names every device that was written, by whichever process; before each answer the
//! index asks for what it has not seen yet and reads those devices again ([`Fleet::put`]). It is filled when it is first asked.
//!
//! A device costs about 200 bytes here. Not here: readings, summaries, when a device was last heard of; lists read those of the devices that
//! they show.

mod counts;
mod matching;
mod news;
mod order;
mod search;
mod words;

use std::collections::{BTreeMap, HashMap};

use sickbay_diagnosis::filter::{Filter, TextField};
use sickbay_diagnosis::verdict::{Cause, Kept};
use uuid::Uuid;

pub(crate) use self::matching::standing_word;
use self::matching::{Condition, On, code_of, health_of};
pub use self::search::{Counted, FoundCause, InFleet, SOUGHT_GROUPS, Sought};
use self::words::{Made, Words};
use crate::{CauseCount, News, Result, Scope, codes};

/// Words of a device, by their place in [`Device::words`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Domain,
    Ou,
    Site,
    Kind,
    Release,
    Edition,
    Arch,
    Primary,
    Source,
}

/// How many kinds of words there are.
const WORDS: usize = 9;

/// A device.
#[derive(Debug)]
struct Device {
    key: i64,
    id: Uuid,
    name: Box<str>,
    status: u8,
    health: u8,
    words: [u32; WORDS],
    /// All its tags, and those that its token gave it.
    tags: u32,
    given_tags: u32,
    build: Option<u32>,
    ubr: Option<u32>,
    findings: Box<[Finding]>,
}

/// A finding.
#[derive(Debug)]
struct Finding {
    issue: u32,
    causes: u32,
    kept: u8,
    is_serious: bool,
    /// Of the moment at which anything of it changed, as much as tells two of them apart.
    changed: u32,
    /// Milliseconds UTC.
    since: i64,
}

impl Finding {
    fn is_open(&self) -> bool {
        self.kept == code_of(Kept::Open)
    }

    fn is_unknown(&self) -> bool {
        self.kept == code_of(Kept::Unknown)
    }
}

/// A device as it is read from the database.
#[derive(Debug)]
pub(crate) struct DeviceWords {
    pub(crate) key: i64,
    pub(crate) id: String,
    pub(crate) status: i64,
    pub(crate) health: i64,
    pub(crate) name_lower: String,
    /// In the order of [`Word`].
    pub(crate) words: [String; WORDS],
    pub(crate) tags: String,
    pub(crate) reported_tags: String,
    pub(crate) build: Option<i64>,
    pub(crate) ubr: Option<i64>,
    pub(crate) findings: Vec<FindingWords>,
}

/// A finding as it is read from the database.
#[derive(Debug)]
pub(crate) struct FindingWords {
    pub(crate) issue: String,
    pub(crate) state: i64,
    pub(crate) severity: Option<i64>,
    pub(crate) causes: String,
    pub(crate) since: i64,
    pub(crate) changed_at: i64,
}

/// Which devices are asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Among<'a> {
    /// Those of a status, by its code.
    Status(i64),
    /// Those that have a finding of this issue and count: active ones, and machines of the imported list.
    Issue(&'a str),
}

/// The fleet, and whose turn it is to read what is new.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) fleet: tokio::sync::RwLock<Fleet>,
    pub(crate) turn: tokio::sync::Mutex<()>,
}

/// Every device.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    /// Up to which change it is; `None` until it was read for the first time.
    seen: Option<i64>,
    devices: Vec<Device>,
    /// Places in `devices` by key, in the order of keys, which is that of enrolment.
    places: BTreeMap<i64, u32>,
    /// Places of devices that are gone.
    free: Vec<u32>,
    /// Places in `devices` in the order of lists: by name, then key.
    order: Vec<u32>,
    words: [Words; WORDS],
    tags: Made<Vec<String>>,
    causes: Made<Vec<Cause>>,
    issues: Words,
    /// What became different since somebody took that.
    news: News,
}

impl Fleet {
    /// Up to which change it is; `None` until it was read for the first time.
    pub(crate) const fn seen(&self) -> Option<i64> {
        self.seen
    }

    /// It has everything up to this change.
    pub(crate) const fn has_seen(&mut self, change: i64) {
        self.seen = Some(change);
    }

    fn words(&self, word: Word) -> &Words {
        &self.words[word as usize]
    }

    /// Takes devices as they are now. Whoever is asked for and not among them is gone.
    pub(crate) fn put(&mut self, asked: &[i64], rows: Vec<DeviceWords>) -> Result<()> {
        let read: Vec<Device> = rows
            .into_iter()
            .map(|row| self.read(row))
            .collect::<Result<_>>()?;
        let mut there = HashMap::with_capacity(read.len());
        for device in read {
            there.insert(device.key, device);
        }
        let mut moved = false;
        for key in asked {
            let new = there.remove(key);
            self.note(*key, new.as_ref());
            match (self.places.get(key).copied(), new) {
                (Some(place), Some(device)) => {
                    let old = &mut self.devices[place as usize];
                    moved |= old.name != device.name;
                    *old = device;
                }
                (Some(place), None) => {
                    self.remove(*key, place);
                }
                (None, Some(device)) => {
                    self.add(device);
                    moved = true;
                }
                (None, None) => {}
            }
        }
        if moved {
            self.sort();
        }
        Ok(())
    }

    /// Takes devices that are all new, without putting them in order yet.
    pub(crate) fn add_all(&mut self, rows: Vec<DeviceWords>) -> Result<()> {
        for row in rows {
            let device = self.read(row)?;
            self.add(device);
        }
        Ok(())
    }

    /// Puts devices in the order of lists.
    pub(crate) fn sort(&mut self) {
        let devices = &self.devices;
        let by = |place: &u32| {
            let device = &devices[*place as usize];
            (&*device.name, device.key)
        };
        // Nearly in order already, which this sort makes use of.
        self.order.sort_by(|a, b| by(a).cmp(&by(b)));
    }

    fn add(&mut self, device: Device) {
        if let Some(place) = self.free.pop() {
            self.places.insert(device.key, place);
            self.devices[place as usize] = device;
            return;
        }
        let place = u32::try_from(self.devices.len()).expect("fewer than four billion devices");
        self.places.insert(device.key, place);
        self.order.push(place);
        self.devices.push(device);
    }

    /// Takes a device out. Its place is left to the next new one; until then no question holds for it.
    fn remove(&mut self, key: i64, place: u32) {
        self.places.remove(&key);
        self.devices[place as usize].status = GONE;
        self.free.push(place);
    }

    fn read(&mut self, row: DeviceWords) -> Result<Device> {
        let mut words = [0; WORDS];
        for (place, text) in row.words.iter().enumerate() {
            words[place] = self.words[place].number(text);
        }
        let given = codes::tags(&row.tags);
        let given_tags = self.tags.number(&row.tags, || {
            Ok(codes::all_tags(&codes::tags(&row.tags)?, &[]))
        })?;
        let tags = if row.reported_tags == "[]" {
            given_tags
        } else {
            let both = format!("{}+{}", row.tags, row.reported_tags);
            self.tags.number(&both, || {
                Ok(codes::all_tags(&given?, &codes::tags(&row.reported_tags)?))
            })?
        };
        let findings = row
            .findings
            .into_iter()
            .map(|finding| {
                let causes = &finding.causes;
                Ok(Finding {
                    issue: self.issues.number(&finding.issue),
                    causes: self.causes.number(causes, || {
                        // Of two causes under one key the first names the group.
                        let mut read = codes::causes(causes)?;
                        let mut keys = std::collections::BTreeSet::new();
                        read.retain(|cause| keys.insert(cause.key.clone()));
                        Ok::<_, crate::StoreError>(read)
                    })?,
                    kept: code_of(codes::kept(finding.state)?),
                    is_serious: finding.severity == Some(SERIOUS),
                    changed: finding.changed_at as u32,
                    since: finding.since,
                })
            })
            .collect::<Result<_>>()?;
        let number = |number: Option<i64>| number.map(|n| codes::small("build", n)).transpose();
        Ok(Device {
            key: row.key,
            id: codes::id(&row.id)?,
            name: row.name_lower.into(),
            status: u8::try_from(codes::status_code(codes::status(row.status)?))
                .expect("codes of states are small"),
            health: health_of(row.health),
            words,
            tags,
            given_tags,
            build: number(row.build)?,
            ubr: number(row.ubr)?,
            findings,
        })
    }
}

/// The number of an issue that no device ever had.
const NO_ISSUE: u32 = u32::MAX;
/// The status of a device that is gone: no code of the database.
const GONE: u8 = 7;
const SERIOUS: i64 = codes::severity_code(sickbay_diagnosis::verdict::Severity::Serious);
const LISTED: i64 = codes::status_code(crate::DeviceStatus::Listed);
const ACTIVE: i64 = codes::status_code(crate::DeviceStatus::Active);
const PENDING: i64 = codes::status_code(crate::DeviceStatus::Pending);

/// A question that is ready to be asked of each device.
struct Question {
    /// Status codes.
    among: [bool; 8],
    /// The issue in question, by its number.
    issue: Option<u32>,
    scope: Condition,
    filter: Condition,
}

impl Question {
    fn new(fleet: &Fleet, among: Among<'_>, scope: &Scope, filter: &Filter) -> Self {
        let mut statuses = [false; 8];
        let (issue, on) = match among {
            Among::Status(code) => {
                statuses[code as usize] = true;
                (None, On::Devices)
            }
            Among::Issue(issue) => {
                statuses[ACTIVE as usize] = true;
                statuses[LISTED as usize] = true;
                let number = fleet.issues.known(issue).unwrap_or(NO_ISSUE);
                (Some(number), On::Findings)
            }
        };
        Self {
            among: statuses,
            issue,
            scope: scope_condition(fleet, scope),
            filter: Condition::of(filter, on, fleet),
        }
    }

    /// Whether a device is one of those asked for.
    fn holds(&self, device: &Device) -> bool {
        if !self.among[usize::from(device.status)] {
            return false;
        }
        let finding = match self.issue {
            None => None,
            Some(number) => {
                let finding = finding_of(device, number);
                if finding.is_none() {
                    return false;
                }
                finding
            }
        };
        self.filter.holds(device, finding) && self.scope.holds(device, None)
    }
}

fn finding_of(device: &Device, issue: u32) -> Option<&Finding> {
    device.findings.iter().find(|f| f.issue == issue)
}

fn scope_condition(fleet: &Fleet, scope: &Scope) -> Condition {
    match scope {
        Scope::All => Condition::Always,
        Scope::Matching(filter) => Condition::of(filter, On::Scope, fleet),
    }
}

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
        let mut devices = 0;
        let mut causes = vec![0_u64; self.causes.len()];
        let mut sets = vec![0_u64; self.tags.len()];
        let mut standings = [0_u64; 5];
        let mut words: Vec<Vec<u64>> = self.words.iter().map(|w| vec![0; w.len()]).collect();
        for device in self.devices.iter().filter(|device| question.holds(device)) {
            devices += 1;
            // Only what is open, and not accepted, is grouped by cause.
            if let Some(issue) = question.issue
                && let Some(finding) = finding_of(device, issue)
                && finding.is_open()
            {
                causes[finding.causes as usize] += 1;
            }
            if !fields.is_empty() {
                sets[device.tags as usize] += 1;
                standings[device.health as usize] += 1;
                for (counts, word) in words.iter_mut().zip(device.words) {
                    counts[word as usize] += 1;
                }
            }
        }
        let facets = fields.iter().filter_map(|field| {
            let groups = match field {
                TextField::Tag => self.tag_groups(&sets),
                TextField::Standing => standing_groups(&standings),
                field => {
                    let word = word_of(*field)?;
                    self.groups_of_word(word, &words[word as usize])
                }
            };
            Some(Facet {
                field: *field,
                groups: most_first(groups),
            })
        });
        Survey {
            devices,
            facets: facets.collect(),
            causes: self.cause_counts(&causes),
        }
    }

    fn tag_groups(&self, sets: &[u64]) -> Vec<Group> {
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

fn word_of(field: TextField) -> Option<Word> {
    Some(match field {
        TextField::Domain => Word::Domain,
        TextField::Ou => Word::Ou,
        TextField::Site => Word::Site,
        TextField::Kind => Word::Kind,
        TextField::Release => Word::Release,
        TextField::Edition => Word::Edition,
        TextField::Arch => Word::Arch,
        TextField::Primary => Word::Primary,
        TextField::Source => Word::Source,
        TextField::Name | TextField::Id | TextField::Tag | TextField::Standing => return None,
    })
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
