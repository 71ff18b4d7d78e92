//! Every class on a device as Windows leaves it, and what must not fool the answer.

mod classes;
mod learning;
mod properties;
mod traps;

use super::{
    Class, Explanation, Known, Learned, LearnedUpdate, PackageFile, Profile, Question, Told,
    explain,
};
use crate::diagnose::diagnose;
use crate::expectation::Expectations;
use crate::issue::{Case, Shared};
use crate::kb::Kb;
use crate::keys::CBS_PACKAGES;
use crate::knowledge::{DeviceKind, Knowledge};
use crate::testing::{Machine, at, now};
use crate::time::Time;

/// The key of cumulative packages' publisher, as it stands in their names.
const KEY: &str = "31bf3856ad364e35~amd64~";
const INSTALLED: u32 = 0x70;
const SUPERSEDED: u32 = 0x50;
const INSTALL_PENDING: u32 = 0x60;

fn kb(text: &str) -> Kb {
    Kb::parse(text).expect("tests write numbers well")
}

fn told(number: &str, kind: DeviceKind, package_build: u32) -> Told {
    Told {
        kb: kb(number),
        kind,
        package_build,
    }
}

fn said(revision: u32, devices: u64, since: &str) -> LearnedUpdate {
    LearnedUpdate {
        revision,
        devices,
        by_title: 0,
        now: devices,
        now_by_title: 0,
        since: at(since),
        imported: false,
        kept_at: None,
    }
}

/// What a fleet of clients of 22621 has learned: updates of August, September and October 2026. None is in a table.
fn learned() -> Learned {
    let mut learned = Learned::default();
    for (number, revision, since) in [
        ("KB9000008", 8000, "2026-08-11T00:00:00Z"),
        ("KB9000009", 8100, "2026-09-08T00:00:00Z"),
    ] {
        let told = told(number, DeviceKind::Client, 22621);
        learned.add(told, said(revision, 40, since));
    }
    learned
}

/// A Windows 11 23H2 Enterprise at a revision, which looked for updates a day ago.
fn client(revision: u32) -> Machine {
    use crate::check::Check;
    Machine::new()
        .on(Check::Device)
        .sz(crate::keys::WINDOWS_NT, "CurrentBuildNumber", "22631")
        .dword(crate::keys::WINDOWS_NT, "UBR", revision)
        .sz(crate::keys::WINDOWS_NT, "InstallationType", "Client")
        .sz(crate::keys::WINDOWS_NT, "EditionID", "Enterprise")
        .sz(crate::keys::ENVIRONMENT, "PROCESSOR_ARCHITECTURE", "AMD64")
        .on(Check::Updates)
        .key(CBS_PACKAGES)
        .on(Check::UpdateEvents)
        .channel(crate::keys::UPDATE_CHANNEL)
        .channel(crate::keys::SYSTEM_CHANNEL)
        .event(
            crate::keys::UPDATE_CHANNEL,
            7,
            26,
            "2026-10-09T05:00:00Z",
            &[],
        )
        .on(Check::LastScan)
}

/// Adds the package of a cumulative update.
fn rollup(machine: Machine, build: u32, revision: u32, state: u32, at: &str) -> Machine {
    package(
        machine,
        &format!("Package_for_RollupFix~{KEY}~{build}.{revision}.1.10"),
        state,
        at,
    )
}

/// Adds a package.
fn package(machine: Machine, name: &str, state: u32, installed: &str) -> Machine {
    let path = format!(r"{CBS_PACKAGES}\{name}");
    let since_1601 = (at(installed).millis() + 11_644_473_600_000).cast_unsigned() * 10_000;
    machine
        .on(crate::check::Check::Updates)
        .key(&path)
        .dword(&path, "CurrentState", state)
        .dword(&path, "InstallTimeHigh", (since_1601 >> 32) as u32)
        .dword(&path, "InstallTimeLow", (since_1601 & 0xffff_ffff) as u32)
}

/// The profile of a machine as the server makes it.
fn profile(machine: &Machine) -> Profile {
    profile_at(machine, now())
}

fn profile_at(machine: &Machine, now: Time) -> Profile {
    let facts = machine.facts();
    let expectations = machine
        .expectations()
        .cloned()
        .unwrap_or_else(|| Expectations::of(facts.windows().kind));
    let sighting = machine.sighting_at(now);
    let case = Case {
        facts: &facts,
        expectations: &expectations,
        fleet: machine.fleet(),
        sighting: Some(&sighting),
        now,
        shared: Shared::default(),
    };
    let diagnosis = diagnose(&case);
    Profile::of(&case, &diagnosis, diagnosis.primary().map(|issue| issue.id))
}

/// What is said of an update, or of a package by its file's name, on a profile.
fn asked<T>(
    text: &str,
    learned: &Learned,
    profile: &Profile,
    tell: impl Fn(&Explanation<'_>) -> T,
) -> T {
    let (kb, file): (Kb, Option<PackageFile>) = Question::understand(text).expect("an update");
    let known = Known {
        knowledge: Knowledge::built_in(),
        learned,
    };
    let question = Question::new(known, kb, file);
    tell(&explain(&question, profile, now()))
}

fn class_of(text: &str, machine: &Machine) -> Class {
    class_on(text, &learned(), &profile(machine))
}

fn class_on(text: &str, learned: &Learned, profile: &Profile) -> Class {
    asked(text, learned, profile, |explanation| {
        explanation.decisive.class()
    })
}

/// The class and the decisive sentence.
fn told_of(text: &str, machine: &Machine) -> (Class, String) {
    asked(text, &learned(), &profile(machine), |explanation| {
        let known = Knowledge::built_in();
        (explanation.class(), explanation.decisive.sentence(known))
    })
}
