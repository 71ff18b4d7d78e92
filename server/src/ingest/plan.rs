//! What a report or the passing of time changes about one device: pure, no I/O, no clock.

use std::sync::Arc;

use sickbay_diagnosis::facts::Facts;
use sickbay_diagnosis::knowledge::Knowledge;
use sickbay_diagnosis::observation::{Observation, Observations};
use sickbay_diagnosis::verdict::{State, Verdict};
use sickbay_diagnosis::{Check, Time};
use sickbay_store::{
    Baseline, Claim, DeviceChange, DeviceState, DeviceStatus, DeviceSummary, Finding,
    FindingChange, NewHistory, Packed, ReportMark, StoreError,
};

use crate::judgement::{Judgement, Standing};
use crate::rules::Rules;
use crate::updates;
use crate::wire::Report;

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is part of the change.
    Applied,
    /// It was committed before; acknowledge again.
    Duplicate,
    /// It cannot be applied to what is stored; the text says why.
    FullWanted(&'static str),
}

/// A device as it stands in the database, with what was made of it: what is worth keeping between two of its reports.
#[derive(Debug)]
pub struct Held {
    state: DeviceState,
    /// What its observations mean; `None` until somebody asks.
    facts: Option<Arc<Facts>>,
}

/// What a device takes in memory for each byte of its observations in their compact form, and besides: an estimate on the safe side. Facts
/// hold most texts of their readings once more, each with some room around it.
const HELD_PER_BYTE: usize = 4;
const HELD_BESIDES: usize = 8 * 1024;

impl Held {
    /// About how much memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        self.state.packed.plain_bytes() * HELD_PER_BYTE + HELD_BESIDES
    }

    /// A device that was loaded; what was made of it before holds where nobody wrote it since.
    pub fn loaded(state: DeviceState, before: Option<Self>) -> Self {
        let before = before.filter(|before| before.state.version == state.version);
        Self {
            facts: before.and_then(|before| before.facts),
            state,
        }
    }

    /// The state that was loaded, or that was written since.
    pub const fn state(&self) -> &DeviceState {
        &self.state
    }
}

impl From<DeviceState> for Held {
    fn from(state: DeviceState) -> Self {
        Self { state, facts: None }
    }
}

/// One device while a batch is worked on: the state as it will be, and the change that leads there.
pub struct Working {
    state: DeviceState,
    facts: Option<Arc<Facts>>,
    /// What was seen since those facts were told.
    news: Vec<(Check, Arc<Observation>)>,
    /// Everything that was seen, where it is at hand and nobody asked yet what it means.
    seen: Option<Observations>,
    change: DeviceChange,
    first_diagnosis: bool,
}

impl Working {
    /// Starts from the stored state.
    pub fn new(held: impl Into<Held>, now: Time) -> Self {
        let Held { state, facts } = held.into();
        let change = DeviceChange::of(&state, now);
        Self {
            first_diagnosis: state.mark.epoch.is_empty(),
            state,
            facts,
            news: Vec::new(),
            seen: None,
            change,
        }
    }

    /// Where the device's reports stand.
    pub fn mark(&self) -> &ReportMark {
        &self.state.mark
    }

    /// Takes a report in. An epoch that differs from the stored one replaces it, if the report is full.
    pub fn take(&mut self, epoch: &[u8], report: &Report, received_at: Time) -> Taken {
        let mark = &self.state.mark;
        if mark.epoch != epoch {
            if !report.full {
                return Taken::FullWanted("the first report of an epoch must be full");
            }
        } else if report.sequence == mark.sequence && report.digest != mark.digest {
            // Somebody else's, over the same key: to acknowledge it would leave this machine untold.
            return Taken::FullWanted("another report of this number is stored");
        } else if report.sequence <= mark.sequence {
            return Taken::Duplicate;
        } else if report.sequence != mark.sequence + 1 && !report.full {
            return Taken::FullWanted("reports before this one are missing");
        }

        if report.full {
            self.state.packed = Packed::new();
            self.facts = None;
            self.news.clear();
            self.seen = Some(Observations::new());
        } else if self.facts.is_none() && self.seen.is_none() {
            match self.state.packed.unpack() {
                Ok(seen) => self.seen = Some(seen),
                Err(error) => {
                    self.tell_that_it_cannot_be_read(&error);
                    return Taken::FullWanted("what is stored of it cannot be read");
                }
            }
        }
        for (check, observation) in &report.observations {
            self.state.packed.put(*check, observation);
            let shared = Arc::clone(observation);
            match &mut self.seen {
                Some(seen) => seen.put(*check, shared),
                None => self.news.push((*check, shared)),
            }
        }
        self.state.packed.settle();
        self.state.mark = ReportMark {
            epoch: epoch.to_vec(),
            sequence: report.sequence,
            digest: report.digest.clone(),
        };
        self.change.mark = Some(self.state.mark.clone());
        self.change.packed = Some(self.state.packed.clone());
        self.change.received_at = Some(received_at);
        self.state.sighting.last_seen_at = self.state.sighting.last_seen_at.max(Some(received_at));
        Taken::Applied
    }

    /// What the observations mean by now; `None` where they cannot be read.
    fn facts(&mut self, knowledge: &Arc<Knowledge>) -> Option<Arc<Facts>> {
        let news = std::mem::take(&mut self.news);
        if let Some(facts) = self.facts.as_mut().filter(|facts| facts.are_by(knowledge)) {
            let told = Arc::make_mut(facts);
            if news
                .iter()
                .all(|(check, observation)| told.see(*check, observation))
            {
                return self.facts.clone();
            }
        }
        let seen = match self.seen.take() {
            Some(seen) => Ok(seen),
            None => self.state.packed.unpack(),
        };
        self.facts = match seen {
            Ok(seen) => Some(Arc::new(Facts::derive(&seen, knowledge))),
            Err(error) => {
                self.tell_that_it_cannot_be_read(&error);
                None
            }
        };
        self.facts.clone()
    }

    fn tell_that_it_cannot_be_read(&self, error: &StoreError) {
        let device = self.state.identity.id;
        tracing::error!(%device, %error, "what is stored of a device cannot be read; its next full report mends it");
    }

    /// Decides every issue on the facts as they are now and notes what is different. Of a device that never reported only what the server
    /// alone can tell is decided; it is counted as one that never reported, not as unknown.
    pub fn diagnose(&mut self, rules: &Rules, now: Time) {
        let Some(facts) = self.facts(&rules.knowledge) else {
            return;
        };
        self.state.sighting.reported = !self.state.mark.epoch.is_empty();
        let judged = Judgement::by(facts, &Standing::from(&self.state), rules, now);
        for (issue, verdict) in judged.diagnosis.iter() {
            let accepted_until = judged.accepted.get(issue.id).copied();
            self.note(issue.id, verdict, accepted_until, now);
        }
        self.first_diagnosis = false;
        self.keep_profile(&judged, rules, now);
        self.change.due_at = judged.valid_until();
        if judged.summary != self.state.summary {
            let claims = claims(&judged.facts, &self.state.summary, &judged.summary, now);
            self.change.claims.extend(claims);
            self.state.summary = judged.summary.clone();
            self.change.summary = Some(judged.summary);
        }
    }

    /// Keeps what questions about updates need, where it changed. Of a device that never reported nothing is known.
    fn keep_profile(&mut self, judged: &Judgement, rules: &Rules, now: Time) {
        let listed = self.state.identity.status == DeviceStatus::Listed;
        if !self.state.sighting.reported || listed {
            return;
        }
        let profile = updates::encode(&judged.profile(&self.state.sighting, rules, now));
        if profile != self.state.profile {
            self.state.profile.clone_from(&profile);
            self.change.profile = Some(profile);
        }
    }

    fn note(&mut self, issue: &str, verdict: &Verdict, accepted_until: Option<Time>, now: Time) {
        let place = self.state.findings.iter().position(|f| f.issue == issue);
        let old = place.map(|place| &self.state.findings[place]);
        // Clear and not-applicable findings have no row, so without one the state before is taken as clear.
        let from = old.map_or(State::Clear, |f| f.state);
        let to = verdict.state();
        if !matches!(to, State::Open | State::Unknown) {
            if let Some(place) = place {
                self.state.findings.remove(place);
                self.put(FindingChange::Remove {
                    issue: issue.to_owned(),
                });
                self.remember(issue, from, to, verdict);
            }
            return;
        }
        let unchanged = old.is_some_and(|f| {
            f.state == to
                && f.severity == verdict.severity()
                && f.causes == verdict.causes()
                && f.summary == verdict.summary
                && f.accepted_until == accepted_until
        });
        if unchanged {
            return;
        }
        let worth_telling = old.is_none_or(|f| {
            f.state != to || f.severity != verdict.severity() || f.causes != verdict.causes()
        });
        let finding = Finding {
            issue: issue.to_owned(),
            state: to,
            severity: verdict.severity(),
            summary: verdict.summary.clone().into_owned(),
            causes: verdict.causes().to_vec(),
            since: old.filter(|f| f.state == to).map_or(now, |f| f.since),
            changed_at: now,
            accepted_until,
        };
        let findings = &mut self.state.findings;
        if let Some(place) = place {
            findings[place] = finding.clone();
        } else {
            // In the order in which they are loaded.
            let place = findings.partition_point(|f| f.issue < finding.issue);
            findings.insert(place, finding.clone());
        }
        self.put(FindingChange::Put(finding));
        // A device's first diagnosis tells what is open; that much is unknown at first is no news.
        if worth_telling && !(self.first_diagnosis && to == State::Unknown) {
            self.remember(issue, from, to, verdict);
        }
    }

    /// Only the last change of an issue in a batch is written; the history keeps each.
    fn put(&mut self, change: FindingChange) {
        fn issue_of(change: &FindingChange) -> &str {
            match change {
                FindingChange::Put(finding) => &finding.issue,
                FindingChange::Remove { issue } => issue,
            }
        }
        self.change
            .findings
            .retain(|earlier| issue_of(earlier) != issue_of(&change));
        self.change.findings.push(change);
    }

    fn remember(&mut self, issue: &str, from: State, to: State, verdict: &Verdict) {
        self.change.history.push(NewHistory {
            issue: issue.to_owned(),
            from,
            to,
            causes: verdict.causes().to_vec(),
            summary: verdict.summary.clone().into_owned(),
        });
    }

    /// What to write; `None` where nothing changed, so that an unchanged device costs no write.
    pub fn finish(self) -> Option<DeviceChange> {
        self.finish_and_hold().0
    }

    /// The same, with the device as it stands once that is written.
    pub fn finish_and_hold(self) -> (Option<DeviceChange>, Held) {
        let (change, mut state) = (self.change, self.state);
        let same = change.mark.is_none()
            && change.packed.is_none()
            && change.summary.is_none()
            && change.profile.is_none()
            && change.findings.is_empty()
            && change.due_at == state.due_at;
        if !same {
            state.version += 1;
            state.due_at = change.due_at;
        }
        let held = Held {
            state,
            facts: self.facts,
        };
        ((!same).then_some(change), held)
    }
}

/// The revisions that a device has from now on, of Windows and of its servicing stack, where they changed. That a revision was installed
/// earlier than it was first reported is taken from its package, which is a device's own word: five devices have to agree.
fn claims(facts: &Facts, before: &DeviceSummary, after: &DeviceSummary, now: Time) -> Vec<Claim> {
    let windows = facts.windows();
    let (Some(kind), Some(build)) = (windows.kind, windows.build) else {
        return Vec::new();
    };
    let release = before.kind == after.kind && before.build == after.build;
    let claim = |what, revision: Option<u32>, old: Option<u32>, package: &str| {
        let revision = revision?;
        if release && old == Some(revision) {
            return None;
        }
        let installed = installed_at(facts, package, revision).filter(|at| *at <= now);
        Some(Claim {
            what,
            kind,
            build,
            revision,
            at: installed.unwrap_or(now),
        })
    };
    [
        claim(
            Baseline::Windows,
            after.ubr,
            before.ubr,
            "Package_for_RollupFix",
        ),
        claim(
            Baseline::ServicingStack,
            after.stack,
            before.stack,
            "Package_for_ServicingStack",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// When the package of that revision was installed.
fn installed_at(facts: &Facts, package: &str, revision: u32) -> Option<Time> {
    let packages = &facts.updates.as_ref().ok()?.packages;
    packages
        .iter()
        .filter(|p| p.state.is_installed() && p.name.starts_with(package))
        .find(|p| p.build.is_some_and(|(_, own)| own == revision))?
        .installed_at
}

#[cfg(test)]
mod tests;
