//! Machines for tests: readings by check, and what is derived and diagnosed from them.

use std::collections::BTreeMap;

use crate::check::Check;
use crate::context::{FleetContext, Seen, Sighting};
use crate::diagnose::{Diagnosis, diagnose};
use crate::expectation::Expectations;
use crate::facts::Facts;
use crate::issue::{Case, Shared};
use crate::keys;
use crate::knowledge::Knowledge;
use crate::lines;
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
    expectations: Option<Expectations>,
    fleet: FleetContext,
    sighting: Option<Sighting>,
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

    /// The moment since which so many devices of the machine's release have had `revision`.
    pub(crate) fn fleet_has(mut self, revision: u32, since: &str) -> Self {
        let windows = self.facts().windows();
        let (kind, build) = (
            windows.kind.expect("a kind"),
            windows.build.expect("a build"),
        );
        let since = at(since);
        self.fleet
            .revisions
            .add(kind, build, Seen { revision, since });
        self.fleet.stacks.add(kind, build, Seen { revision, since });
        self
    }

    /// Forgets what a check saw, so that a test can write it down otherwise.
    pub(crate) fn without(mut self, check: Check) -> Self {
        self.seen.remove(&check);
        self.outcomes.remove(&check);
        self
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

    /// A reading of another source than the registry.
    pub(crate) fn from(self, source: Source, path: &str, name: Option<&str>, data: Data) -> Self {
        self.reading(Reading {
            source,
            path: path.to_owned(),
            name: name.map(str::to_owned),
            data,
        })
    }

    /// An event channel that is enabled and was read.
    pub(crate) fn channel(self, channel: &str) -> Self {
        self.from(
            Source::EventLog,
            channel,
            Some(keys::CHANNEL_ENABLED),
            Data::Flag(true),
        )
        .from(Source::EventLog, channel, None, Data::Key(None))
    }

    /// An event, by the number of its record.
    pub(crate) fn event(
        self,
        channel: &str,
        record: u32,
        id: u32,
        at: &str,
        values: &[(&str, &str)],
    ) -> Self {
        let own = [("id", id.to_string()), ("at", at.to_owned())];
        let values = values.iter().map(|(n, v)| (*n, (*v).to_owned()));
        let data = lines::data(own.into_iter().chain(values));
        self.from(Source::EventLog, channel, Some(&record.to_string()), data)
    }

    /// What the update agent said.
    pub(crate) fn agent(self, path: &str, name: Option<&str>, data: Data) -> Self {
        self.from(Source::UpdateAgent, path, name, data)
    }

    /// The update agent's memory, newest first: time, operation, result, code, update, title.
    pub(crate) fn history(self, entries: &[(&str, u32, u32, &str, &str, &str)]) -> Self {
        let total = Data::Dword(u32::try_from(entries.len()).expect("few"));
        let machine = self
            .agent(keys::UPDATE_HISTORY, None, Data::Key(None))
            .agent(keys::UPDATE_HISTORY, Some(keys::HISTORY_TOTAL), total);
        (1..).zip(entries).fold(machine, |machine, (place, entry)| {
            let place: u32 = place;
            let (at, operation, result, code, update, title) = *entry;
            let data = lines::data([
                ("at", at.to_owned()),
                ("operation", operation.to_string()),
                ("result", result.to_string()),
                ("unmapped_code", code.to_owned()),
                ("update", update.to_owned()),
                ("title", title.to_owned()),
            ]);
            machine.agent(keys::UPDATE_HISTORY, Some(&place.to_string()), data)
        })
    }

    /// A service with this start type.
    pub(crate) fn service(self, name: &str, start: u32) -> Self {
        let path = keys::service(name);
        self.key(&path).dword(&path, "Start", start)
    }

    /// What a value of the current check's holds instead.
    pub(crate) fn replaced(mut self, path: &str, name: &str, data: Data) -> Self {
        let check = self.current.expect("on() comes first");
        let readings = self.seen.entry(check).or_default();
        readings.retain(|r| !(r.path == path && r.name.as_deref() == Some(name)));
        self.data(path, Some(name), data)
    }

    /// What is expected of it, where a test says so.
    pub(crate) fn expectations(&self) -> Option<&Expectations> {
        self.expectations.as_ref()
    }

    /// What its fleet knows.
    pub(crate) fn fleet(&self) -> &FleetContext {
        &self.fleet
    }

    pub(crate) fn expecting(mut self, expectations: Expectations) -> Self {
        self.expectations = Some(expectations);
        self
    }

    pub(crate) fn in_fleet(mut self, fleet: FleetContext) -> Self {
        self.fleet = fleet;
        self
    }

    pub(crate) fn seen_by_server(mut self, sighting: Sighting) -> Self {
        self.sighting = Some(sighting);
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
        Facts::derive(&self.observations(), Knowledge::built_in())
    }

    /// What the server saw of it by `now`: nothing to speak of, unless a test says otherwise.
    pub(crate) fn sighting_at(&self, now: Time) -> Sighting {
        self.sighting
            .clone()
            .unwrap_or_else(|| healthy_sighting(now))
    }

    pub(crate) fn diagnose_at(&self, now: Time) -> Diagnosis {
        let facts = self.facts();
        let kind = facts.windows().kind;
        let sighting = self.sighting_at(now);
        diagnose(&Case {
            facts: &facts,
            expectations: &self
                .expectations
                .clone()
                .unwrap_or_else(|| Expectations::of(kind)),
            fleet: &self.fleet,
            sighting: Some(&sighting),
            now,
            shared: Shared::default(),
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

/// What the server sees of a device of which there is nothing to say.
pub(crate) fn healthy_sighting(now: Time) -> Sighting {
    Sighting {
        enrolled_at: now.plus_days(-100),
        last_seen_at: Some(now),
        reported: true,
        collector_version: env!("CARGO_PKG_VERSION").to_owned(),
        clock_ahead_ms: Some(0),
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
