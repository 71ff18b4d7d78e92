//! `wrong-scan-source` (fact sheet section 3).

use super::not_known;
use crate::expectation::{ExpectedSource, UpdateClass, UpdateSource};
use crate::facts::scan_source::{ClassSource, normalised_server};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::verdict::{Cause, Severity, Verdict};

/// Updates come from somewhere else than expected.
pub(super) const ISSUE: Issue = Issue {
    id: "wrong-scan-source",
    title: "Updates come from the wrong source",
    meaning: "The policies on this device lead a class of updates to another source than the fleet's owner expects. Updates that \
              were approved elsewhere do not arrive, or ones that nobody approved do.",
    severity: Severity::Serious,
    groups_by: "class and actual source",
    fix: &[
        FixStep {
            text: "See which policies apply; the deciding value is among the evidence.",
            command: Some("gpresult /scope computer /h gpresult.html"),
        },
        FixStep {
            text: "Correct the policy (\"Specify intranet Microsoft update service location\", \"Specify source service for specific \
                   classes of Windows Updates\") or move the device to the OU where the right one is linked; apply it.",
            command: Some("gpupdate /force"),
        },
        FixStep {
            text: "Restart the update service and look for updates.",
            command: Some("net stop wuauserv && net start wuauserv && UsoClient StartScan"),
        },
    ],
    links: &[Link {
        title: "Use Windows Update client policies and WSUS together",
        url: "https://learn.microsoft.com/windows/deployment/update/wufb-wsus",
    }],
    explains: &[
        "scan-stale",
        "update-health-tools-missing",
        "behind-on-quality-updates",
    ],
    told_by: Teller::Device,
    says_managed_elsewhere: true,
    never: &[],
    decide,
};

/// What one class is expected to come from, and where it does.
struct Comparison<'a> {
    class: UpdateClass,
    wanted: &'a ExpectedSource,
    provisional: bool,
    actual: &'a ClassSource,
}

fn decide(case: &Case<'_>) -> Verdict {
    let facts = match &case.facts.scan_source {
        Ok(facts) => facts,
        Err(why) => return not_known(why),
    };
    let kind = case.facts.windows().kind;
    let majority = |class| case.fleet.majority(case.expectations, kind, class);
    let compared: Vec<Comparison<'_>> = UpdateClass::ALL
        .into_iter()
        .filter_map(|class| {
            let set = case.expectations.source(class);
            let wanted = set.or_else(|| majority(class))?;
            Some(Comparison {
                class,
                wanted,
                provisional: set.is_none(),
                actual: facts.of(class),
            })
        })
        .collect();
    judge(&compared).with_evidence(facts.evidence.iter().copied())
}

fn judge(compared: &[Comparison<'_>]) -> Verdict {
    if compared.is_empty() {
        return Verdict::not_applicable(
            "No source is expected: none is set, and the fleet has no clear majority.",
        );
    }
    let wrong: Vec<&Comparison<'_>> = compared.iter().filter(|c| c.differs()).collect();
    if !wrong.is_empty() {
        let causes = wrong.iter().map(|c| c.cause()).collect();
        return Verdict::open(ISSUE.severity, causes, sentence(&wrong));
    }
    if let Some(c) = compared
        .iter()
        .find(|c| c.actual.source == UpdateSource::Unknown)
    {
        return Verdict::unknown(format!(
            "Where {} come from could not be told: {}.",
            noun(c.class),
            c.actual.decided_by
        ));
    }
    let provisional = if compared.iter().all(|c| c.provisional) {
        " (provisional: the fleet's majority)"
    } else {
        ""
    };
    Verdict::clear(format!(
        "Updates come from where they are expected{provisional}."
    ))
}

impl Comparison<'_> {
    fn differs(&self) -> bool {
        if self.actual.source == UpdateSource::Unknown {
            return false;
        }
        let other_server = match (&self.wanted.server, &self.actual.address) {
            // What the fleet's majority has is in the one spelling already.
            (Some(wanted), Some(actual)) => {
                wanted != actual && normalised_server(wanted) != *actual
            }
            _ => false,
        };
        self.actual.source != self.wanted.source || other_server
    }

    fn cause(&self) -> Cause {
        let source = self.actual.source.name();
        let server = self.actual.address.as_deref();
        let key = match server {
            Some(server) => format!("{}:{source}:{server}", self.class.name()),
            None => format!("{}:{source}", self.class.name()),
        };
        Cause::new(
            key,
            format!(
                "{} from {}",
                capital(noun(self.class)),
                place(self.actual.source, server)
            ),
        )
    }

    /// What is told of several classes at once where it is the same for them.
    fn told(&self) -> (String, String) {
        let provisional = if self.provisional {
            "provisional, the fleet's majority"
        } else {
            "as set"
        };
        let expected = place(self.wanted.source, self.wanted.server.as_deref());
        (
            place(self.actual.source, self.actual.server.as_deref()),
            format!("{expected} ({provisional})"),
        )
    }
}

/// Each place that updates come from wrongly, with the classes, what decides it, and what is expected.
fn sentence(wrong: &[&Comparison<'_>]) -> String {
    let mut alike: Vec<((String, String), Vec<&Comparison<'_>>)> = Vec::new();
    for comparison in wrong {
        let told = comparison.told();
        match alike.iter_mut().find(|(other, _)| *other == told) {
            Some((_, comparisons)) => comparisons.push(comparison),
            None => alike.push((told, vec![comparison])),
        }
    }
    let parts: Vec<String> = alike
        .iter()
        .map(|((actual, expected), comparisons)| {
            let nouns: Vec<&str> = comparisons.iter().map(|c| noun(c.class)).collect();
            let mut decided_by: Vec<&str> = Vec::with_capacity(comparisons.len());
            for comparison in comparisons {
                let by = comparison.actual.decided_by.as_str();
                if !decided_by.contains(&by) {
                    decided_by.push(by);
                }
            }
            format!(
                "{} come from {actual} ({}); expected is {expected}",
                capital(&listed(&nouns)),
                decided_by.join(", ")
            )
        })
        .collect();
    format!("{}.", parts.join("; "))
}

fn listed(nouns: &[&str]) -> String {
    match nouns.split_last() {
        Some(_) if nouns.len() == UpdateClass::ALL.len() => "all updates".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

const fn noun(class: UpdateClass) -> &'static str {
    match class {
        UpdateClass::Quality => "quality updates",
        UpdateClass::Feature => "feature updates",
        UpdateClass::Driver => "drivers",
        UpdateClass::Other => "updates of other products",
    }
}

fn place(source: UpdateSource, server: Option<&str>) -> String {
    match (source, server) {
        (UpdateSource::WindowsUpdate, _) => "Windows Update".to_owned(),
        (UpdateSource::Wsus, Some(server)) => format!("WSUS {server}"),
        (UpdateSource::Wsus, None) => "WSUS".to_owned(),
        (UpdateSource::Blocked, _) => "nowhere".to_owned(),
        (UpdateSource::Unknown, _) => "an unknown source".to_owned(),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
