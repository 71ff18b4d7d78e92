//! What the rules about failing downloads and installations share: how they are told, and until when.

use crate::facts::failing::Failing;
use crate::issue::Case;
use crate::time::{DAY_MS, Time};
use crate::verdict::{Cause, Severity, Verdict};

/// The issue is open for these failures: each told with its name, how it `failed` ("failed to download"), how often and why.
/// `all` are those of which one may yet end the verdict by itself.
pub(super) fn open(
    case: &Case<'_>,
    severity: Severity,
    failing: &[&Failing],
    all: &[Failing],
    failed: &str,
    cause: impl Fn(&Failing) -> Cause,
) -> Verdict {
    let mut causes: Vec<Cause> = failing.iter().map(|f| cause(f)).collect();
    causes.sort();
    causes.dedup();
    let sentences: Vec<String> = failing
        .iter()
        .map(|f| {
            format!(
                "{} {failed} {} with {}",
                f.name(),
                how_often(f, case.now),
                case.in_words(&f.code)
            )
        })
        .collect();
    Verdict::open(severity, causes, format!("{}.", sentences.join("; ")))
        .with_evidence(failing.iter().flat_map(|f| f.evidence.iter().copied()))
        .until(next_end(all, case.now))
}

/// The last moment at which one of these still counts, where time alone changes the verdict.
pub(super) fn next_end(failing: &[Failing], now: Time) -> Option<Time> {
    failing
        .iter()
        .filter_map(Failing::counts_until)
        .filter(|end| *end > now)
        .min()
}

/// `3 times, last on 2026-11-11`.
pub(super) fn how_often(failing: &Failing, now: Time) -> String {
    let times = match failing.times {
        0 | 1 => "once".to_owned(),
        n => format!("{n} times in a row"),
    };
    let last = failing
        .last_at
        .filter(|at| *at <= now.plus_millis(DAY_MS))
        .map_or_else(String::new, |at| format!(", last on {}", at.day()));
    format!("{times}{last}")
}
