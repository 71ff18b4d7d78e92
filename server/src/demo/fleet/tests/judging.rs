//! The fleet as a server would judge it that knew all of it, without one.

use std::collections::BTreeMap;

use sickbay_collector::inspection;
use sickbay_diagnosis::Check;
use sickbay_diagnosis::context::{
    BASELINE_QUORUM, Baselines, FleetContext, Seen, Sighting, majority_of,
};
use sickbay_diagnosis::expectation::{ExpectedSource, UpdateClass};
use sickbay_diagnosis::explanation::{ClaimTally, Learned, claims};
use sickbay_diagnosis::facts::Facts;
use sickbay_diagnosis::facts::update_agent::ClientId;
use sickbay_diagnosis::knowledge::Knowledge;
use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::verdict::State;
use sickbay_store::DeviceSummary;
use uuid::Uuid;

use super::super::*;
use crate::demo::owner;
use crate::judgement::{Device, Judgement, Standing};
use crate::rules::{Acceptances, Rules};

/// A machine as the server has it.
pub(super) struct Snapshot {
    observations: Observations,
    facts: Facts,
}

pub(super) fn seen(machine: &DemoMachine) -> Snapshot {
    let observations = inspection::inspect(&machine.recording, Check::ALL);
    Snapshot {
        facts: Facts::derive(&observations, Knowledge::built_in()),
        observations,
    }
}

fn sighting(machine: &DemoMachine, now: Time) -> Sighting {
    let away = machine.away();
    Sighting {
        enrolled_at: now.plus_days(-200),
        last_seen_at: Some(away.map_or(now, |away| away.last_heard)),
        reported: true,
        collector_version: away
            .map_or(env!("CARGO_PKG_VERSION"), |away| away.collector_version)
            .to_owned(),
        clock_ahead_ms: Some(machine.clock_ahead_ms()),
    }
}

/// What the server would know of the whole fleet, and what the demo's owner wants.
pub(super) fn rules(fleet: &[Snapshot], now: Time) -> Rules {
    let mut context = FleetContext::default();
    for (kind, sources) in [
        (DeviceKind::Client, &mut context.client_sources),
        (DeviceKind::Server, &mut context.server_sources),
    ] {
        let of_kind = fleet
            .iter()
            .filter(|s| s.facts.windows().kind == Some(kind));
        let mut counts: [BTreeMap<ExpectedSource, u64>; 4] = Default::default();
        for (class, source) in of_kind.flat_map(|s| s.facts.sources().into_iter().enumerate()) {
            if let Some(source) = source {
                *counts[class].entry(source).or_default() += 1;
            }
        }
        for class in UpdateClass::ALL {
            let counts: Vec<_> = counts[class as usize].clone().into_iter().collect();
            sources[class as usize] = majority_of(&counts);
        }
    }
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    for seen in fleet {
        if let Ok(agent) = &seen.facts.update_agent
            && let ClientId::Is(id) = &agent.client_id
        {
            *ids.entry(&id.value).or_default() += 1;
        }
    }
    let shared = ids.into_iter().filter(|(_, devices)| *devices > 1);
    context.shared_client_ids = shared.map(|(id, _)| id.to_owned()).collect();
    (context.revisions, context.stacks) = baselines(now);
    context.updates = learned(fleet, now);
    Rules {
        wishes: owner::wishes().expect("the wishes can be"),
        fleet: context,
        acceptances: Acceptances::of(&[owner::acceptance(now)], now),
        ..Rules::default()
    }
}

/// What the fleet says of updates.
fn learned(fleet: &[Snapshot], now: Time) -> Learned {
    let mut tally = ClaimTally::default();
    for seen in fleet {
        if let Some(kind) = seen.facts.windows().kind {
            tally.add(kind, &claims(&seen.facts), now);
        }
    }
    let mut learned = Learned::default();
    for (told, update) in tally.iter() {
        learned.add(told, update);
    }
    learned
}

fn baselines(now: Time) -> (Baselines, Baselines) {
    let mut since: BTreeMap<(Baseline, DeviceKind, u32, u32), Vec<Time>> = BTreeMap::new();
    for claim in remembered(now).into_iter().flatten() {
        let key = (claim.what, claim.kind, claim.build, claim.revision);
        since.entry(key).or_default().push(claim.at);
    }
    let (mut windows, mut stacks) = (Baselines::default(), Baselines::default());
    for ((what, kind, build, revision), at) in since {
        assert_eq!(at.len(), BASELINE_QUORUM);
        let since = at.into_iter().max().expect("five of them");
        let seen = Seen { revision, since };
        match what {
            Baseline::Windows => windows.add(kind, build, seen),
            Baseline::ServicingStack => stacks.add(kind, build, seen),
        }
    }
    (windows, stacks)
}

pub(super) fn judge(machine: &DemoMachine, seen: &Snapshot, rules: &Rules, now: Time) -> Judgement {
    let summary = DeviceSummary::default();
    let device = Device {
        standing: Standing {
            id: Uuid::nil(),
            listed: false,
            summary: &summary,
            tags: &[],
            sighting: &sighting(machine, now),
        },
        observations: &seen.observations,
    };
    Judgement::of(&device, rules, now)
}

pub(super) fn judged(plan: &FleetPlan, now: Time) -> Vec<Judgement> {
    let all: Vec<Snapshot> = plan.machines().iter().map(seen).collect();
    let rules = rules(&all, now);
    let machines = plan.machines().iter().zip(&all);
    machines
        .map(|(machine, seen)| judge(machine, seen, &rules, now))
        .collect()
}

/// Open findings that are not accepted.
pub(super) fn open(judgement: &Judgement) -> usize {
    judgement.diagnosis.count(State::Open) - judgement.accepted.len()
}

pub(super) fn opens(judgements: &[Judgement], issue: &str) -> usize {
    let is_open = |j: &&Judgement| {
        !j.accepted.contains_key(issue)
            && j.diagnosis
                .get(issue)
                .is_some_and(|v| v.state() == State::Open)
    };
    judgements.iter().filter(is_open).count()
}
