//! A condition as the index asks it: what it says of texts is decided once for each text that occurs, not for each device.
//!
//! Means the same as [`Filter::matches`]; a property test compares them.

use memchr::memmem::Finder;
use sickbay_diagnosis::filter::{Compare, Filter, NumberField, Pattern, Test, TextField};
use sickbay_diagnosis::verdict::Kept;

use super::columns::Finding;
use super::question::Block;
use super::{Fleet, Word, word_of};
use crate::codes::{self, kept_code};
use crate::tally::Health;

/// What a filter is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// Devices.
    Devices,
    /// Findings of one issue: `cause:` and `state:` look at that finding alone.
    Findings,
    /// Devices, for who may see them: a tag is one of the token.
    Scope,
}

/// A condition, made for the texts that a fleet has at the moment.
#[derive(Debug)]
pub(super) enum Condition {
    Always,
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Is(Asked),
}

/// What is asked of a device itself.
#[derive(Debug)]
pub(super) enum Asked {
    /// The device's word of this kind is one of the marked.
    Word(Word, Vec<bool>),
    /// Its set of tags is one of the marked; only tags of its token count where so asked.
    Tags(Vec<bool>, bool),
    Name(Name),
    Id(Pattern),
    Number(NumberField, Compare, u64),
    /// It stands in one of these ways.
    Health(Vec<bool>),
    /// It has an open finding of a marked issue.
    Issue(Vec<bool>),
    /// It has an open finding with a marked set of causes; with `true` that of the issue in question.
    Cause(Vec<bool>, bool),
    /// It has a finding that is kept so; with `true` that of the issue in question.
    Kept(u8, bool),
}

/// A pattern for names, which are kept in small letters: what most of them are is asked without trying out where a `*` ends.
#[derive(Debug)]
pub(super) enum Name {
    Is(Vec<u8>),
    Begins(Vec<u8>),
    Ends(Vec<u8>),
    Has(Box<Finder<'static>>),
    Matches(Pattern),
}

impl Name {
    fn of(pattern: &Pattern) -> Self {
        let text = pattern.as_str().to_ascii_lowercase();
        let (inner, starts) = text
            .strip_prefix('*')
            .map_or((&*text, false), |rest| (rest, true));
        let (inner, ends) = inner
            .strip_suffix('*')
            .map_or((inner, false), |rest| (rest, true));
        if inner.contains('*') {
            return Self::Matches(pattern.clone());
        }
        let bytes = inner.as_bytes();
        match (starts, ends) {
            (false, false) => Self::Is(bytes.to_vec()),
            (false, true) => Self::Begins(bytes.to_vec()),
            (true, false) => Self::Ends(bytes.to_vec()),
            (true, true) => Self::Has(Box::new(Finder::new(bytes).into_owned())),
        }
    }

    fn holds(&self, name: &[u8]) -> bool {
        match self {
            Self::Is(text) => name == text,
            Self::Begins(text) => name.starts_with(text),
            Self::Ends(text) => name.ends_with(text),
            Self::Has(finder) => finder.find(name).is_some(),
            Self::Matches(pattern) => pattern.matches(name),
        }
    }
}

/// Codes of [`Health`] in order, as the filter language calls them; an unknown code counts as not known.
pub(super) const STANDINGS: [(Health, &str); 5] = [
    (Health::NeverReported, "never-reported"),
    (Health::Healthy, "healthy"),
    (Health::Unknown, "unknown"),
    (Health::Warning, "warning"),
    (Health::Serious, "serious"),
];

impl Condition {
    /// Of a filter that is asked of devices, of findings of one issue, or as a scope.
    pub(super) fn of(filter: &Filter, on: On, fleet: &Fleet) -> Self {
        let of = |part: &Filter| Self::of(part, on, fleet);
        match filter {
            Filter::Everything => Self::Always,
            Filter::All(parts) => Self::All(parts.iter().map(of).collect()),
            Filter::Any(parts) => Self::Any(parts.iter().map(of).collect()),
            Filter::Not(inner) => Self::Not(Box::new(of(inner))),
            Filter::Is(test) => Self::Is(Asked::of(test, on, fleet)),
        }
    }
}

impl Asked {
    fn of(test: &Test, on: On, fleet: &Fleet) -> Self {
        let in_question = on == On::Findings;
        match test {
            Test::Text(field, pattern) => Self::of_text(*field, &as_kept(pattern), on, fleet),
            Test::Number(field, compare, number) => Self::Number(*field, *compare, *number),
            Test::Issue(pattern) => {
                let pattern = as_kept(pattern);
                Self::Issue(fleet.issues.marked(|issue| pattern.matches(issue)))
            }
            Test::Cause(pattern) => {
                let pattern = as_kept(pattern);
                let has = |causes: &Vec<sickbay_diagnosis::verdict::Cause>| {
                    causes.iter().any(|cause| pattern.matches(&cause.key))
                };
                Self::Cause(fleet.causes.marked(has), in_question)
            }
            Test::State(kept) => Self::Kept(code_of(*kept), in_question),
        }
    }

    fn of_text(field: TextField, pattern: &Pattern, on: On, fleet: &Fleet) -> Self {
        if let Some(word) = word_of(field) {
            return Self::Word(word, fleet.words(word).marked(|text| pattern.matches(text)));
        }
        match field {
            TextField::Name => Self::Name(Name::of(pattern)),
            TextField::Id => Self::Id(pattern.clone()),
            TextField::Tag => {
                let has = |tags: &Vec<String>| tags.iter().any(|tag| pattern.matches(tag));
                Self::Tags(fleet.tags.marked(has), on == On::Scope)
            }
            // Of all that is no word, this is left.
            _ => Self::Health(STANDINGS.map(|(_, word)| pattern.matches(word)).to_vec()),
        }
    }

    /// Leaves only those of a block for which it holds.
    pub(super) fn narrow(&self, block: &mut Block<'_>, issue: Option<u16>) {
        match self {
            Self::Word(word, marked) => {
                let words = block.columns.words(*word);
                block.retain(|_, place| marked[words[place] as usize]);
            }
            Self::Tags(marked, given_alone) => {
                block.retain(|devices, place| marked[devices.tags(place, *given_alone) as usize]);
            }
            Self::Name(name) => block.retain(|devices, place| name.holds(devices.name(place))),
            Self::Id(pattern) => block.retain(|devices, place| {
                let mut text = uuid::Uuid::encode_buffer();
                pattern.matches(devices.id(place).hyphenated().encode_lower(&mut text))
            }),
            Self::Number(field, compare, wanted) => {
                let holds = |number: Option<u32>| {
                    number.is_some_and(|number| compare.holds(u64::from(number), *wanted))
                };
                match field {
                    NumberField::Build => {
                        block.retain(|devices, place| holds(devices.build(place)));
                    }
                    NumberField::Ubr => block.retain(|devices, place| holds(devices.ubr(place))),
                }
            }
            Self::Health(marked) => {
                block.retain(|devices, place| marked[devices.health(place) as usize]);
            }
            Self::Issue(marked) => block.retain(|devices, place| {
                let mut findings = devices.findings(place).iter();
                findings.any(|finding| finding.is_open() && marked[finding.issue as usize])
            }),
            Self::Cause(marked, in_question) => {
                let holds =
                    |finding: &Finding| finding.is_open() && marked[finding.causes as usize];
                any_finding(block, issue.filter(|_| *in_question), holds);
            }
            Self::Kept(code, in_question) => {
                let holds = |finding: &Finding| finding.kept == *code;
                any_finding(block, issue.filter(|_| *in_question), holds);
            }
        }
    }
}

/// Leaves only devices with a finding for which this holds: of one issue, or of any.
fn any_finding(block: &mut Block<'_>, issue: Option<u16>, holds: impl Fn(&Finding) -> bool) {
    match issue {
        Some(issue) => {
            block.retain(|devices, place| devices.finding(place, issue).is_some_and(&holds));
        }
        None => block.retain(|devices, place| devices.findings(place).iter().any(&holds)),
    }
}

/// A pattern, changed as texts are changed where they are kept.
fn as_kept(pattern: &Pattern) -> Pattern {
    Pattern::new(codes::text(pattern.as_str()))
}

/// The code of how a finding is kept, in a byte.
pub(super) fn code_of(kept: Kept) -> u8 {
    u8::try_from(kept_code(kept)).expect("codes of states are small")
}

/// The place of a health's code among [`STANDINGS`].
pub(super) fn health_of(code: i64) -> u8 {
    let place = STANDINGS
        .iter()
        .position(|(health, _)| health.code() == code);
    let unknown = STANDINGS
        .iter()
        .position(|(health, _)| *health == Health::Unknown);
    let place = place.or(unknown).expect("unknown is one of them");
    u8::try_from(place).expect("there are five")
}

/// The word of the filter language for a health's code.
pub(crate) fn standing_word(code: i64) -> &'static str {
    STANDINGS[usize::from(health_of(code))].1
}
