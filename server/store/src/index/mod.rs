//! What lists and counts ask of every device, in memory: an answer for a million devices takes milliseconds, whatever the filter.
//!
//! The database stays the truth. Its table `change` names every device that was written, by whichever process; before each answer the
//! index asks for what it has not seen yet and reads those devices again ([`Fleet::put`]). It is filled when it is first asked.
//!
//! Devices lie in columns ([`columns`]), and a question is asked of many at once ([`question`]). Not here: readings, summaries, when a device was last heard of; lists read those of the devices that
//! they show.

mod columns;
mod counts;
mod matching;
mod news;
mod order;
mod question;
mod search;
mod survey;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, HashMap};

use sickbay_diagnosis::filter::TextField;
use sickbay_diagnosis::verdict::Cause;

use self::columns::{Columns, Device, Finding, Times};
pub(crate) use self::matching::standing_word;
use self::matching::{code_of, health_of};
pub use self::search::{Counted, FoundCause, InFleet, SOUGHT_GROUPS, Sought};
pub use self::survey::{Facet, Group, Survey};
use self::words::{Made, Shared, Words};
use crate::{News, Result, codes};

/// Words of a device, by the order of their columns.
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

/// Every kind of words, in their order.
const WORD_KINDS: [Word; WORDS] = [
    Word::Domain,
    Word::Ou,
    Word::Site,
    Word::Kind,
    Word::Release,
    Word::Edition,
    Word::Arch,
    Word::Primary,
    Word::Source,
];

/// How many kinds of words there are.
const WORDS: usize = 9;

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

/// What devices run: the number of the word for their kind, build, and revision of that.
type Revision = (u32, Option<u32>, Option<u32>);

/// Every device.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    /// Up to which change it is; `None` until it was read for the first time.
    seen: Option<i64>,
    columns: Columns,
    /// Places by key, in the order of keys, which is that of enrolment.
    places: BTreeMap<i64, u32>,
    /// Places of devices that are gone.
    free: Vec<u32>,
    /// Places in the order of lists: by name, then key.
    order: Vec<u32>,
    words: [Words; WORDS],
    tags: Made<Vec<String>>,
    causes: Made<Vec<Cause>>,
    issues: Words,
    revisions: Shared<Revision>,
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

    /// The number of an issue; of one that no device ever had a number that none has.
    fn issue(&self, issue: &str) -> u16 {
        self.issues.known(issue).map_or(NO_ISSUE, issue_number)
    }

    /// Takes devices as they are now. Whoever is asked for and not among them is gone.
    pub(crate) fn put(&mut self, asked: &[i64], rows: Vec<DeviceWords>) -> Result<()> {
        let read: Vec<Device> = rows
            .into_iter()
            .map(|row| self.read(row))
            .collect::<Result<_>>()?;
        let mut there: HashMap<i64, Device> = read
            .into_iter()
            .map(|device| (device.key, device))
            .collect();
        let mut others = Vec::new();
        for key in asked {
            let new = there.remove(key);
            self.note(*key, new.as_ref());
            match (self.places.get(key).copied(), new) {
                (Some(place), Some(device)) => {
                    if self.columns.name(place as usize) == device.name.as_bytes() {
                        self.columns.set(place as usize, &device);
                    } else {
                        others.push((Some(place), device));
                    }
                }
                (Some(place), None) => self.remove(*key, place),
                (None, Some(device)) => others.push((None, device)),
                (None, None) => {}
            }
        }
        self.put_in_order(others);
        Ok(())
    }

    /// Takes devices that are new, or that have another name than in their place.
    fn put_in_order(&mut self, devices: Vec<(Option<u32>, Device)>) {
        let few = devices.len() <= ONE_BY_ONE;
        for (place, device) in devices {
            let place = if let Some(place) = place.or_else(|| self.free.pop()) {
                if few {
                    self.take_out_of_order(place);
                }
                self.columns.set(place as usize, &device);
                place
            } else {
                self.columns.push(&device);
                let place = number_of_place(self.columns.len() - 1);
                if !few {
                    self.order.push(place);
                }
                place
            };
            if few {
                let at = self.in_order(self.columns.by_name(place));
                self.order.insert(at, place);
            }
            self.places.insert(device.key, place);
        }
        if !few {
            self.sort();
        }
    }

    /// Where in the order of lists the first is that does not come before this.
    fn in_order(&self, before: (&[u8], i64)) -> usize {
        self.order
            .partition_point(|place| self.columns.by_name(*place) < before)
    }

    fn take_out_of_order(&mut self, place: u32) {
        let mut at = self.in_order(self.columns.by_name(place));
        // Of a device that went and came again there may be another place, not taken by anyone else yet.
        while self.order[at] != place {
            at += 1;
        }
        self.order.remove(at);
    }

    /// Takes devices that are all new; [`Self::arrange`] has to follow.
    pub(crate) fn add_all(&mut self, rows: Vec<DeviceWords>) -> Result<()> {
        for row in rows {
            let device = self.read(row)?;
            self.order.push(number_of_place(self.columns.len()));
            self.columns.push(&device);
        }
        Ok(())
    }

    /// Puts devices in the order of lists, in memory too, so that who reads a list reads on.
    pub(crate) fn arrange(&mut self) {
        self.sort();
        self.columns.arrange(&self.order);
        self.order = (0..number_of_place(self.columns.len())).collect();
        let by_key = |place: &u32| (self.columns.key(*place as usize), *place);
        self.places = self.order.iter().map(by_key).collect();
    }

    fn sort(&mut self) {
        let by = |place: &u32| self.columns.by_name(*place);
        // Nearly in order already, which this sort makes use of.
        self.order.sort_by(|a, b| by(a).cmp(&by(b)));
    }

    /// Takes a device out. Its place is left to the next new one; until then no question holds for it.
    fn remove(&mut self, key: i64, place: u32) {
        self.places.remove(&key);
        self.columns.set_status(place as usize, GONE);
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
        let times = row.findings.iter().map(|finding| Times {
            since: finding.since,
            changed: finding.changed_at as u32,
        });
        let times = times.collect();
        let findings = row
            .findings
            .into_iter()
            .map(|finding| {
                let causes = &finding.causes;
                Ok(Finding {
                    issue: issue_number(self.issues.number(&finding.issue)),
                    causes: self.causes.number(causes, || {
                        // Of two causes under one key the first names the group.
                        let mut read = codes::causes(causes)?;
                        let mut keys = std::collections::BTreeSet::new();
                        read.retain(|cause| keys.insert(cause.key.clone()));
                        Ok::<_, crate::StoreError>(read)
                    })?,
                    kept: code_of(codes::kept(finding.state)?),
                    is_serious: finding.severity == Some(SERIOUS),
                })
            })
            .collect::<Result<_>>()?;
        let number = |number: Option<i64>| number.map(|n| codes::small("build", n)).transpose();
        let (build, ubr) = (number(row.build)?, number(row.ubr)?);
        let revision = (words[Word::Kind as usize], build, ubr);
        Ok(Device {
            key: row.key,
            id: codes::id(&row.id)?,
            name: row.name_lower,
            status: u8::try_from(codes::status_code(codes::status(row.status)?))
                .expect("codes of states are small"),
            health: health_of(row.health),
            words,
            tags,
            given_tags,
            revision: self.revisions.number(revision),
            build,
            ubr,
            findings,
            times,
        })
    }
}

fn number_of_place(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than four billion devices")
}

fn issue_number(number: u32) -> u16 {
    let number = u16::try_from(number).ok();
    let number = number.filter(|number| *number != NO_ISSUE);
    number.expect("issues are those of the catalogue, of this version and others")
}

/// The number of an issue that no device ever had.
const NO_ISSUE: u16 = u16::MAX;
/// Devices of other names that find their place in the order one by one; where there are more, all are put in order.
const ONE_BY_ONE: usize = 100;
/// The status of a device that is gone: no code of the database.
const GONE: u8 = 7;
const SERIOUS: i64 = codes::severity_code(sickbay_diagnosis::verdict::Severity::Serious);
const LISTED: i64 = codes::status_code(crate::DeviceStatus::Listed);
const ACTIVE: i64 = codes::status_code(crate::DeviceStatus::Active);
const PENDING: i64 = codes::status_code(crate::DeviceStatus::Pending);

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
