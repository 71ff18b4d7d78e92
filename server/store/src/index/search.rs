//! What of a fleet has a text in it: host names, groups, causes. One pass through the devices answers all of it.

use std::collections::{BinaryHeap, HashMap};

use memchr::memmem::Finder;
use sickbay_diagnosis::filter::{Pattern, TextField};
use sickbay_diagnosis::verdict::Cause;

use super::columns::Columns;
use super::question::{Block, Question};
use super::survey::{Group, add};
use super::{ACTIVE, Fleet, GONE, LISTED, WORD_KINDS, Word, word_of};
use crate::{DeviceRow, Scope};

/// What is sought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// A part of a host name, in which `*` stands for any run of characters; nothing is found by an empty one.
    pub name: String,
    /// A whole host name that would be the same, as the first label of a full one.
    pub label: Option<String>,
    /// What must all stand in a group's or a cause's text, in small letters; without any, none is found.
    pub words: Vec<String>,
    /// An issue, and beginnings of its causes' keys of which the devices are counted.
    pub beginnings: Option<(&'static str, Vec<String>)>,
    /// Devices at most, active ones and others each.
    pub limit: usize,
}

/// What groups are looked through.
pub const SOUGHT_GROUPS: [TextField; 5] = [
    TextField::Release,
    TextField::Ou,
    TextField::Site,
    TextField::Tag,
    TextField::Domain,
];

/// A cause that was found, with the devices that have it open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCause {
    /// Of which issue.
    pub issue: String,
    /// The cause.
    pub cause: Cause,
    /// Devices.
    pub devices: u64,
}

/// What a fleet has of a text.
#[derive(Debug, Clone, Default)]
pub struct InFleet {
    /// Active devices: those first that are called just so, then those whose names begin so.
    pub devices: Vec<DeviceRow>,
    /// The same of devices that are not active, and of machines of the imported list.
    pub others: Vec<DeviceRow>,
    /// How many there are, and what else.
    pub counted: Counted,
}

/// How much of a fleet has a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Active devices whose names have it.
    pub active: u64,
    /// Devices that are not active, and machines of the imported list.
    pub others: u64,
    /// Of the active devices, those that are called just so.
    pub called_so: u64,
    /// Of the others.
    pub others_called_so: u64,
    /// Groups of active devices, those of most first.
    pub groups: Vec<(TextField, Group)>,
    /// Causes, those of most devices first.
    pub causes: Vec<FoundCause>,
    /// Devices of each of the beginnings.
    pub of_beginnings: Vec<u64>,
}

/// [`InFleet`] with the keys of devices.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) active: Vec<i64>,
    pub(crate) others: Vec<i64>,
    pub(crate) counted: Counted,
}

/// How close a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Close {
    Same,
    Begins,
    Has,
}

/// A part of a name, ready to be asked of each.
enum Name<'a> {
    Nothing,
    Part(Box<Finder<'static>>),
    Pattern(Pattern),
    Or(Box<Name<'a>>, &'a str),
}

impl<'a> Name<'a> {
    fn of(sought: &'a Sought) -> Self {
        let part = if sought.name.is_empty() {
            Self::Nothing
        } else if sought.name.contains('*') {
            Self::Pattern(Pattern::new(format!("*{}*", sought.name)))
        } else {
            // Names are kept in small letters.
            let part = sought.name.to_ascii_lowercase();
            Self::Part(Box::new(Finder::new(&part).into_owned()))
        };
        match &sought.label {
            Some(label) => Self::Or(Box::new(part), label),
            None => part,
        }
    }

    fn of_device(&self, name: &[u8]) -> Option<Close> {
        match self {
            Self::Nothing => None,
            // Most names have it not, and that is told fastest so.
            Self::Part(part) => {
                let at = part.find(name)?;
                Some(match at {
                    0 if name.len() == part.needle().len() => Close::Same,
                    0 => Close::Begins,
                    _ => Close::Has,
                })
            }
            Self::Pattern(pattern) => pattern.matches(name).then_some(Close::Has),
            Self::Or(part, label) => {
                let same = name.eq_ignore_ascii_case(label.as_bytes());
                same.then_some(Close::Same).or_else(|| part.of_device(name))
            }
        }
    }
}

/// The closest devices so far, by closeness, then in the order of lists.
struct Closest<'a> {
    limit: usize,
    found: BinaryHeap<(Close, &'a [u8], i64)>,
}

impl<'a> Closest<'a> {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            found: BinaryHeap::new(),
        }
    }

    fn take(&mut self, new: (Close, &'a [u8], i64)) {
        if self.found.len() < self.limit {
            self.found.push(new);
        } else if self.found.peek().is_some_and(|last| new < *last) {
            self.found.pop();
            self.found.push(new);
        }
    }

    fn keys(self) -> Vec<i64> {
        let found = self.found.into_sorted_vec().into_iter();
        found.map(|(.., key)| key).collect()
    }
}

/// Sets of causes by number: how many devices have which, of each issue.
type Sets = HashMap<(u16, u32), u64>;

/// What is looked for, as what is marked among all texts that occur.
struct Looked<'a> {
    name: Name<'a>,
    words: Vec<Vec<bool>>,
    tags: Vec<bool>,
    causes: Vec<bool>,
    beginnings: Beginnings,
}

/// What was found so far.
struct Found<'a> {
    counted: Counted,
    by_word: Vec<Vec<u64>>,
    by_tags: Vec<u64>,
    by_causes: Sets,
    active: Closest<'a>,
    others: Closest<'a>,
}

impl<'a> Found<'a> {
    fn nothing(looked: &Looked<'_>, limit: usize) -> Self {
        Self {
            counted: Counted {
                of_beginnings: vec![0; looked.beginnings.marked.len()],
                ..Counted::default()
            },
            by_word: looked.words.iter().map(|w| vec![0; w.len()]).collect(),
            by_tags: vec![0; looked.tags.len()],
            by_causes: Sets::new(),
            active: Closest::new(limit),
            others: Closest::new(limit),
        }
    }

    fn take(mut self, devices: &'a Columns, block: &Block<'_>, looked: &Looked<'_>) -> Self {
        for place in block.places() {
            let status = i64::from(devices.status(place));
            let is_active = status == ACTIVE;
            if let Some(how) = looked.name.of_device(devices.name(place)) {
                self.take_name(how, is_active, devices, place);
            }
            if is_active {
                let tags = devices.tags(place, false) as usize;
                self.by_tags[tags] += u64::from(looked.tags[tags]);
            }
            if is_active || status == LISTED {
                let findings = devices.findings(place).iter();
                for finding in findings.filter(|finding| finding.is_open()) {
                    if looked.causes[finding.causes as usize] {
                        let set = (finding.issue, finding.causes);
                        *self.by_causes.entry(set).or_default() += 1;
                    }
                }
                looked
                    .beginnings
                    .count(devices, place, &mut self.counted.of_beginnings);
            }
        }
        for ((counts, marked), word) in self.by_word.iter_mut().zip(&looked.words).zip(WORD_KINDS) {
            if !marked.contains(&true) {
                continue;
            }
            let words = devices.words(word);
            for place in block.places() {
                let (word, status) = (words[place] as usize, devices.status(place));
                counts[word] += u64::from(marked[word] && i64::from(status) == ACTIVE);
            }
        }
        self
    }

    fn take_name(&mut self, how: Close, is_active: bool, devices: &'a Columns, place: usize) {
        let found = &mut self.counted;
        let (closest, all, called_so) = if is_active {
            (&mut self.active, &mut found.active, &mut found.called_so)
        } else {
            let called_so = &mut found.others_called_so;
            (&mut self.others, &mut found.others, called_so)
        };
        *all += 1;
        *called_so += u64::from(how == Close::Same);
        closest.take((how, devices.name(place), devices.key(place)));
    }

    fn and(mut self, other: Self) -> Self {
        let (found, more) = (&mut self.counted, other.counted);
        found.active += more.active;
        found.others += more.others;
        found.called_so += more.called_so;
        found.others_called_so += more.others_called_so;
        add(&mut found.of_beginnings, &more.of_beginnings);
        for (counts, more) in self.by_word.iter_mut().zip(&other.by_word) {
            add(counts, more);
        }
        add(&mut self.by_tags, &other.by_tags);
        for (set, devices) in other.by_causes {
            *self.by_causes.entry(set).or_default() += devices;
        }
        for one in other.active.found {
            self.active.take(one);
        }
        for one in other.others.found {
            self.others.take(one);
        }
        self
    }
}

impl Fleet {
    /// What a viewer's devices have of a text: the closest of them by key, and how much there is.
    pub(crate) fn search(&self, scope: &Scope, sought: &Sought) -> Keys {
        let has = |text: &str| has_all(text, &sought.words);
        let looked = Looked {
            name: Name::of(sought),
            words: self.words.iter().map(|words| words.marked(has)).collect(),
            tags: self.tags.marked(|tags| tags.iter().any(|tag| has(tag))),
            causes: self
                .causes
                .marked(|causes| causes.iter().any(|cause| is_of_cause(cause, has))),
            beginnings: self.beginnings(sought),
        };
        let whoever_is_there: Vec<i64> = (0..i64::from(GONE)).collect();
        let found = Question::seen(self, scope, &whoever_is_there).of_all(
            || Found::nothing(&looked, sought.limit),
            |found, block| found.take(&self.columns, &block, &looked),
            Found::and,
        );
        Keys {
            active: found.active.keys(),
            others: found.others.keys(),
            counted: Counted {
                groups: self.groups_found(&found.by_word, &found.by_tags, has),
                causes: self.causes_found(&found.by_causes, has),
                ..found.counted
            },
        }
    }

    fn groups_found(
        &self,
        by_word: &[Vec<u64>],
        by_tags: &[u64],
        has: impl Fn(&str) -> bool,
    ) -> Vec<(TextField, Group)> {
        let of_field = |field: TextField| {
            if let Some(word) = word_of(field) {
                return self.groups_of_word(word, &by_word[word as usize]);
            }
            let mut groups = self.tag_groups(by_tags);
            // A set is marked for one of its tags; the others were not asked for.
            groups.retain(|group| has(&group.value));
            groups
        };
        let mut groups: Vec<(TextField, Group)> = SOUGHT_GROUPS
            .into_iter()
            .flat_map(|field| of_field(field).into_iter().map(move |group| (field, group)))
            .collect();
        groups.sort_by(|(_, a), (_, b)| (b.devices, &a.value).cmp(&(a.devices, &b.value)));
        groups
    }

    /// Groups of the devices that were counted for each word of a kind.
    pub(super) fn groups_of_word(&self, word: Word, counts: &[u64]) -> Vec<Group> {
        (0..)
            .zip(counts)
            .filter(|(_, devices)| **devices > 0)
            .map(|(number, devices)| Group {
                value: self.words(word).text(number).to_owned(),
                devices: *devices,
            })
            .collect()
    }

    fn causes_found(&self, sets: &Sets, has: impl Fn(&str) -> bool) -> Vec<FoundCause> {
        let mut by_key: HashMap<(u16, &str), (&str, u64)> = HashMap::new();
        for ((issue, set), devices) in sets {
            let causes = self.causes.value(*set).iter();
            for cause in causes.filter(|cause| is_of_cause(cause, &has)) {
                let known = by_key
                    .entry((*issue, &cause.key))
                    .or_insert((&cause.label, 0));
                known.0 = known.0.max(&cause.label);
                known.1 += devices;
            }
        }
        let mut found: Vec<FoundCause> = by_key
            .into_iter()
            .map(|((issue, key), (label, devices))| FoundCause {
                issue: self.issues.text(issue.into()).to_owned(),
                cause: Cause::new(key, label),
                devices,
            })
            .collect();
        found.sort_by(|a, b| {
            let place = |cause: &FoundCause| (cause.issue.clone(), cause.cause.key.clone());
            (b.devices, place(a)).cmp(&(a.devices, place(b)))
        });
        found
    }

    fn beginnings(&self, sought: &Sought) -> Beginnings {
        let Some((issue, beginnings)) = &sought.beginnings else {
            return Beginnings::default();
        };
        let marked = beginnings.iter().map(|beginning| {
            self.causes
                .marked(|causes| causes.iter().any(|c| c.key.starts_with(beginning.as_str())))
        });
        Beginnings {
            issue: Some(self.issue(issue)),
            marked: marked.collect(),
        }
    }
}

/// Beginnings of causes, as sets of causes that have one.
#[derive(Default)]
struct Beginnings {
    issue: Option<u16>,
    marked: Vec<Vec<bool>>,
}

impl Beginnings {
    fn count(&self, devices: &Columns, place: usize, counts: &mut [u64]) {
        let finding = self.issue.and_then(|issue| devices.finding(place, issue));
        let Some(finding) = finding.filter(|finding| finding.is_open()) else {
            return;
        };
        for (count, marked) in counts.iter_mut().zip(&self.marked) {
            *count += u64::from(marked[finding.causes as usize]);
        }
    }
}

fn is_of_cause(cause: &Cause, has: impl Fn(&str) -> bool) -> bool {
    has(&cause.key) || has(&cause.label)
}

fn has_all(text: &str, words: &[String]) -> bool {
    if words.is_empty() || text.is_empty() {
        return false;
    }
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}
