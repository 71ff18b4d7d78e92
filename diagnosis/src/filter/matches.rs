//! Whether a filter holds for one device.
//!
//! The store compiles the same meaning to SQL; what is decided here is the reference for it.

use std::borrow::Cow;

use super::{Compare, Filter, NumberField, Pattern, Test, TextField};
use crate::verdict::{Cause, Kept};

/// A finding as filters see it.
#[derive(Debug, Clone, Copy)]
pub struct FindingView<'a> {
    /// Id of the issue.
    pub issue: &'a str,
    /// How it is kept.
    pub state: Kept,
    /// Causes of an open one.
    pub causes: &'a [Cause],
}

/// A device that a filter can be asked about.
pub trait Subject {
    /// Its text of a field: exactly one, empty where it is not known; of [`TextField::Tag`] one for each tag.
    fn texts(&self, field: TextField) -> Vec<Cow<'_, str>>;

    /// Its number of a field, where it is known.
    fn number(&self, field: NumberField) -> Option<u64>;

    /// Its open and unknown findings.
    fn findings(&self) -> Vec<FindingView<'_>>;

    /// Id of the issue on whose page the question is asked; `cause:` and `state:` then look at the finding of that issue alone.
    fn issue_in_question(&self) -> Option<&str> {
        None
    }
}

impl Filter {
    /// Whether it holds for a device.
    pub fn matches(&self, subject: &dyn Subject) -> bool {
        match self {
            Self::Everything => true,
            Self::All(parts) => parts.iter().all(|part| part.matches(subject)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(subject)),
            Self::Not(inner) => !inner.matches(subject),
            Self::Is(test) => test.matches(subject),
        }
    }
}

impl Test {
    fn matches(&self, subject: &dyn Subject) -> bool {
        match self {
            Self::Text(field, pattern) => subject
                .texts(*field)
                .iter()
                .any(|text| pattern.matches(text.as_ref())),
            Self::Number(field, compare, wanted) => subject
                .number(*field)
                .is_some_and(|number| compare.holds(number, *wanted)),
            // Whatever the page, this looks at all findings: "devices held back that also wait for a restart".
            Self::Issue(pattern) => subject
                .findings()
                .iter()
                .any(|finding| finding.state == Kept::Open && pattern.matches(finding.issue)),
            Self::Cause(pattern) => in_question(subject).iter().any(|finding| {
                finding.state == Kept::Open
                    && finding
                        .causes
                        .iter()
                        .any(|cause| pattern.matches(&cause.key))
            }),
            Self::State(state) => in_question(subject)
                .iter()
                .any(|finding| finding.state == *state),
        }
    }
}

fn in_question(subject: &dyn Subject) -> Vec<FindingView<'_>> {
    let mut findings = subject.findings();
    if let Some(issue) = subject.issue_in_question() {
        findings.retain(|finding| finding.issue == issue);
    }
    findings
}

impl Compare {
    /// Whether `number` compares so with `wanted`.
    pub const fn holds(self, number: u64, wanted: u64) -> bool {
        match self {
            Self::Equal => number == wanted,
            Self::Less => number < wanted,
            Self::AtMost => number <= wanted,
            Self::Greater => number > wanted,
            Self::AtLeast => number >= wanted,
        }
    }
}

impl Pattern {
    /// Whether the whole of `text` matches, without regard to ASCII case.
    ///
    /// Takes at most the product of both lengths in steps and no memory: on a mismatch only the newest `*` is widened.
    pub fn matches(&self, text: impl AsRef<[u8]>) -> bool {
        let (pattern, text) = (self.as_str().as_bytes(), text.as_ref());
        let (mut p, mut t) = (0, 0);
        // Behind the newest `*`, and how far that one reaches so far.
        let mut star = None;
        while t < text.len() {
            match (pattern.get(p), star) {
                (Some(b'*'), _) => {
                    p += 1;
                    star = Some((p, t));
                }
                (Some(byte), _) if byte.eq_ignore_ascii_case(&text[t]) => {
                    p += 1;
                    t += 1;
                }
                (_, Some((behind, reach))) => {
                    p = behind;
                    t = reach + 1;
                    star = Some((behind, t));
                }
                (_, None) => return false,
            }
        }
        pattern[p..].iter().all(|byte| *byte == b'*')
    }
}
