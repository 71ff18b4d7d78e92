//! What the four rules about one particular update share: which updates are asked for on a device, and where it stands with each.
//!
//! An update is asked for where the owner wants it, or where somebody tried to install it and was told that it is not applicable. The
//! answers come from [`crate::explanation`], so that these issues and the pages about updates never differ.

use super::not_known;
use crate::check::Check;
use crate::explanation::{Class, Known, Profile, Question, Reason, Standing, standing};
use crate::facts::failing::Failing;
use crate::issue::{Case, Link};
use crate::kb::Kb;
use crate::observation::EvidenceRef;
use crate::time::Time;
use crate::verdict::{Cause, Severity, Verdict};

/// Refused updates that are looked at, the newest: a device may tell of thousands.
const REFUSED: usize = 5;

/// The vendor's article about updates that are not applicable.
pub(super) const LINK: Link = Link {
    title: "The update is not applicable to your computer",
    url: "https://learn.microsoft.com/troubleshoot/windows-server/installing-updates-features-roles/troubleshoot-windows-update-issues",
};

/// Codes with which Windows says that an update is not applicable, or is there already (fact sheet section 9).
const NOT_APPLICABLE: [&str; 3] = ["0x80240017", "0x800F081E", "0x00240006"];

/// Where a device stands with an update that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The update.
    pub(super) kb: Kb,
    /// Whether the owner wants it.
    pub(super) is_wanted: bool,
    /// Whether it was refused as not applicable of late.
    pub(super) is_refused: bool,
    /// Where it stands; nothing where the device lacks it and could have it.
    pub(super) class: Option<Class>,
    /// Why, as a sentence.
    pub(super) sentence: String,
    /// What the update is for, in words.
    pub(super) is_for: String,
    /// What groups: the missing update, the one that took its place.
    pub(super) other: Option<String>,
    /// Until when the refusal counts.
    until: Option<Time>,
    evidence: Vec<EvidenceRef>,
}

impl Answer {
    /// Whether the update is for other devices.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.class.is_some_and(Class::is_elsewhere)
    }
}

/// The answers, or the verdict where nothing is asked or nothing is known.
fn answers(case: &Case<'_>) -> Result<Vec<Answer>, Verdict> {
    let failing = case.facts.failing_installs.iter();
    let refused: Vec<&Failing> = failing
        .filter(|f| f.counts(case.now) && NOT_APPLICABLE.contains(&f.code.as_str()))
        .collect();
    let of = |failing: &Failing| failing.title.as_deref().and_then(Kb::find);
    let mut asked: Vec<Kb> = case.expectations.wanted_updates.clone();
    let most = asked.len() + REFUSED;
    for kb in refused.iter().copied().filter_map(of) {
        if !asked.contains(&kb) && asked.len() < most {
            asked.push(kb);
        }
    }
    if asked.is_empty() {
        // Nothing more is looked at on most devices of most fleets.
        if let (Err(why), Err(_)) = (&case.facts.update_events, &case.facts.update_history) {
            return Err(not_known(why));
        }
        return Err(Verdict::not_applicable(
            "No particular update is wanted of this device, and none was refused as not applicable.",
        ));
    }
    let profile = Profile::of_case(case);
    let known = Known {
        knowledge: case.knowledge(),
        learned: &case.fleet.updates,
    };
    let answer = |kb: &Kb| {
        let question = Question::new(known, *kb, None);
        let (class, sentence, other) = match standing(&question, &profile) {
            Standing::Settled(reason) => (
                Some(reason.class()),
                reason.sentence(case.knowledge()),
                reason.other(),
            ),
            Standing::Lacks => (None, "It is not installed.".to_owned(), None),
            Standing::NotKnown(because) => {
                let reason = Reason::Unknown { because };
                (
                    Some(Class::Unknown),
                    reason.sentence(case.knowledge()),
                    None,
                )
            }
        };
        let refusals: Vec<&Failing> = refused
            .iter()
            .copied()
            .filter(|f| of(f) == Some(*kb))
            .collect();
        Answer {
            kb: *kb,
            is_wanted: case.expectations.wanted_updates.contains(kb),
            is_refused: !refusals.is_empty(),
            class,
            sentence,
            is_for: question.is_for(),
            other,
            until: refusals.iter().filter_map(|f| f.counts_until()).min(),
            evidence: refusals
                .iter()
                .flat_map(|f| f.evidence.iter().copied())
                .collect(),
        }
    };
    Ok(asked.iter().map(answer).collect())
}

/// Of the answers that `arises` lets through: open for those that `counts` lets count, unknown where another could not be told; else
/// clear.
pub(super) fn judge(
    case: &Case<'_>,
    severity: Severity,
    arises: impl Fn(&Answer) -> bool,
    counts: impl Fn(&Answer, &[Answer]) -> bool,
    cause: impl Fn(&Answer) -> Cause,
    otherwise: &'static str,
) -> Verdict {
    let answers = match case.shared.wanted.get_or_init(|| answers(case)) {
        Ok(answers) => answers,
        Err(verdict) => return verdict.clone(),
    };
    let arising = || answers.iter().filter(|a| arises(a));
    let found: Vec<&Answer> = arising().filter(|a| counts(a, answers)).collect();
    let told = |answers: &[&Answer]| -> String {
        let sentences: Vec<String> = answers
            .iter()
            .map(|a| {
                let refused = if a.is_refused {
                    ", refused as not applicable"
                } else {
                    ""
                };
                format!("{}{refused}: {}", a.kb, a.sentence)
            })
            .collect();
        sentences.join(" ")
    };
    let verdict = if !found.is_empty() {
        let mut causes: Vec<Cause> = found.iter().map(|a| cause(a)).collect();
        causes.sort();
        causes.dedup();
        Verdict::open(severity, causes, told(&found))
    } else if let Some(unknown) = arising().find(|a| a.class == Some(Class::Unknown)) {
        Verdict::unknown(told(&[unknown]))
    } else {
        Verdict::clear(otherwise)
    };
    let refusals = answers.iter().flat_map(|a| a.evidence.iter().copied());
    verdict
        .with_evidence(super::device_evidence(case))
        .with_evidence(refusals)
        .or_evidence(EvidenceRef::Outcome(Check::Updates))
        .until(answers.iter().filter_map(|a| a.until).min())
}
