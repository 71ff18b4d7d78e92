//! A condition as the index asks it: what it says of texts is decided once for each text that occurs, not for each device.
//!
//! Means the same as [`Filter::matches`]; a property test compares them.

use sickbay_diagnosis::filter::{Compare, Filter, NumberField, Pattern, Test, TextField};
use sickbay_diagnosis::verdict::Kept;

use super::{Device, Finding, Fleet, Word, word_of};
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
    /// The device's word of this kind is one of the marked.
    Word(Word, Vec<bool>),
    /// Its set of tags is one of the marked; only tags of its token count where so asked.
    Tags(Vec<bool>, bool),
    Name(Pattern),
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
            Filter::Is(test) => Self::of_test(test, on, fleet),
        }
    }

    fn of_test(test: &Test, on: On, fleet: &Fleet) -> Self {
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
            TextField::Name => Self::Name(pattern.clone()),
            TextField::Id => Self::Id(pattern.clone()),
            TextField::Tag => {
                let has = |tags: &Vec<String>| tags.iter().any(|tag| pattern.matches(tag));
                Self::Tags(fleet.tags.marked(has), on == On::Scope)
            }
            // Of all that is no word, this is left.
            _ => Self::Health(STANDINGS.map(|(_, word)| pattern.matches(word)).to_vec()),
        }
    }

    /// Whether it holds; `finding` is that of the issue in question.
    pub(super) fn holds(&self, device: &Device, finding: Option<&Finding>) -> bool {
        match self {
            Self::Always => true,
            Self::All(parts) => parts.iter().all(|part| part.holds(device, finding)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(device, finding)),
            Self::Not(inner) => !inner.holds(device, finding),
            Self::Word(word, marked) => marked[device.words[*word as usize] as usize],
            Self::Tags(marked, given_alone) => {
                let tags = if *given_alone {
                    device.given_tags
                } else {
                    device.tags
                };
                marked[tags as usize]
            }
            Self::Name(pattern) => pattern.matches(&device.name),
            Self::Id(pattern) => {
                let mut text = uuid::Uuid::encode_buffer();
                pattern.matches(device.id.hyphenated().encode_lower(&mut text))
            }
            Self::Number(field, compare, wanted) => {
                let number = match field {
                    NumberField::Build => device.build,
                    NumberField::Ubr => device.ubr,
                };
                number.is_some_and(|number| compare.holds(u64::from(number), *wanted))
            }
            Self::Health(marked) => marked[device.health as usize],
            Self::Issue(marked) => device
                .findings
                .iter()
                .any(|finding| finding.is_open() && marked[finding.issue as usize]),
            Self::Cause(marked, in_question) => in_question_of(device, finding, *in_question)
                .any(|finding| finding.is_open() && marked[finding.causes as usize]),
            Self::Kept(code, in_question) => {
                in_question_of(device, finding, *in_question).any(|finding| finding.kept == *code)
            }
        }
    }
}

fn in_question_of<'a>(
    device: &'a Device,
    finding: Option<&'a Finding>,
    in_question: bool,
) -> impl Iterator<Item = &'a Finding> {
    let all = if in_question {
        &[]
    } else {
        &device.findings[..]
    };
    all.iter().chain(finding.filter(|_| in_question))
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
