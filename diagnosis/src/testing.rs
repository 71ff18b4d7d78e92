//! Machines for tests: readings by check, and what is derived and diagnosed from them.

use std::collections::BTreeMap;

use crate::check::Check;
use crate::context::FleetContext;
use crate::diagnose::{Diagnosis, diagnose};
use crate::expectation::Expectations;
use crate::facts::Facts;
use crate::issue::Case;
use crate::keys;
use crate::observation::{Observation, Observations, Outcome};
use crate::reading::{Data, Reading, Source};
use crate::time::Time;
use crate::verdict::Verdict;

/// A machine whose readings a test writes down. Readings go to the check named last with [`Machine::on`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    current: Option<Check>,
    seen: BTreeMap<Check, Vec<Reading>>,
    outcomes: BTreeMap<Check, Outcome>,
    expectations: Expectations,
    fleet: FleetContext,
}

/// The moment at which tests look, unless they say otherwise.
pub(crate) fn now() -> Time {
    at("2026-10-10T00:00:00Z")
}

/// A moment.
pub(crate) fn at(text: &str) -> Time {
    Time::parse(text).expect("tests write times well")
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A Windows 11 24H2 Professional.
    pub(crate) fn client() -> Self {
        Self::windows("26100", "Client", "Professional")
    }

    /// A Windows Server 2022 Standard.
    pub(crate) fn server() -> Self {
        Self::windows("20348", "Server", "ServerStandard")
    }

    /// Any Windows.
    pub(crate) fn windows(build: &str, installation: &str, edition: &str) -> Self {
        Self::new()
            .on(Check::Device)
            .sz(keys::WINDOWS_NT, "CurrentBuildNumber", build)
            .dword(keys::WINDOWS_NT, "UBR", 4000)
            .sz(keys::WINDOWS_NT, "InstallationType", installation)
            .sz(keys::WINDOWS_NT, "EditionID", edition)
    }

    /// From here on, readings are of `check`, which has looked.
    pub(crate) fn on(mut self, check: Check) -> Self {
        self.current = Some(check);
        self.seen.entry(check).or_default();
        self
    }

    pub(crate) fn outcome(mut self, check: Check, outcome: Outcome) -> Self {
        self.outcomes.insert(check, outcome);
        self
    }

    pub(crate) fn reading(mut self, reading: Reading) -> Self {
        let check = self.current.expect("on() comes first");
        self.seen.entry(check).or_default().push(reading);
        self
    }

    pub(crate) fn data(self, path: &str, name: Option<&str>, data: Data) -> Self {
        self.reading(Reading {
            source: Source::Registry,
            path: path.to_owned(),
            name: name.map(str::to_owned),
            data,
        })
    }

    /// What is no registry value: a reading of the system itself.
    pub(crate) fn system(self, path: &str, name: &str, data: Data) -> Self {
        self.reading(Reading {
            source: Source::System,
            path: path.to_owned(),
            name: Some(name.to_owned()),
            data,
        })
    }

    pub(crate) fn sz(self, path: &str, name: &str, text: &str) -> Self {
        self.data(path, Some(name), Data::Text(text.to_owned()))
    }

    pub(crate) fn dword(self, path: &str, name: &str, number: u32) -> Self {
        self.data(path, Some(name), Data::Dword(number))
    }

    pub(crate) fn multi(self, path: &str, name: &str, lines: &[&str]) -> Self {
        let lines = lines.iter().map(|l| (*l).to_owned()).collect();
        self.data(path, Some(name), Data::MultiText(lines))
    }

    pub(crate) fn key(self, path: &str) -> Self {
        self.data(path, None, Data::Key(None))
    }

    pub(crate) fn key_written(self, path: &str, written: &str) -> Self {
        self.data(path, None, Data::Key(Some(at(written))))
    }

    pub(crate) fn absent_key(self, path: &str) -> Self {
        self.data(path, None, Data::Absent)
    }

    pub(crate) fn unreadable_key(self, path: &str) -> Self {
        self.data(path, None, Data::Unreadable("access denied".to_owned()))
    }

    /// A service with this start type.
    pub(crate) fn service(self, name: &str, start: u32) -> Self {
        let path = keys::service(name);
        self.key(&path).dword(&path, "Start", start)
    }

    pub(crate) fn expecting(mut self, expectations: Expectations) -> Self {
        self.expectations = expectations;
        self
    }

    pub(crate) fn in_fleet(mut self, fleet: FleetContext) -> Self {
        self.fleet = fleet;
        self
    }

    pub(crate) fn observations(&self) -> Observations {
        let mut observations = Observations::new();
        for (check, readings) in &self.seen {
            observations.put(*check, observed(Outcome::Seen(readings.clone())));
        }
        for (check, outcome) in &self.outcomes {
            observations.put(*check, observed(outcome.clone()));
        }
        observations
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts::derive(&self.observations())
    }

    pub(crate) fn diagnose_at(&self, now: Time) -> Diagnosis {
        diagnose(&Case {
            facts: &self.facts(),
            expectations: &self.expectations,
            fleet: &self.fleet,
            now,
        })
    }

    pub(crate) fn verdict_at(&self, issue: &str, now: Time) -> Verdict {
        self.diagnose_at(now)
            .get(issue)
            .expect("a built issue")
            .clone()
    }

    pub(crate) fn verdict(&self, issue: &str) -> Verdict {
        self.verdict_at(issue, now())
    }
}

fn observed(outcome: Outcome) -> Observation {
    Observation {
        taken_at: now(),
        outcome,
    }
}

/// Keys of the causes of a verdict.
pub(crate) fn cause_keys(verdict: &Verdict) -> Vec<&str> {
    verdict.causes().iter().map(|c| c.key.as_str()).collect()
}
