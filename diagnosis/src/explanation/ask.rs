//! What is true of an update on a device, in the order in which it decides.

use std::borrow::Cow;

use super::obstacles::ObstacleKind;
use super::package_file::Product;
use super::profile::{PackageName, Profile, Scan};
use super::question::{Aim, Brings, Origin, Question};
use super::reason::{Class, Proof, Reason};
use crate::facts::updates::PackageState;
use crate::knowledge::Need;
use crate::time::{DAY_MS, Time};

/// A failure this old says nothing of today, in days; as with the issues about failures.
const FAILURES_COUNT_DAYS: i64 = 30;

/// Every reason that holds, the decisive one first. Never empty.
pub(super) fn reasons<'a>(
    question: &'a Question<'_>,
    profile: &'a Profile,
    now: Time,
) -> Vec<Reason<'a>> {
    let mut all = Asked::new(question, profile, now);
    all.ask();
    let undecided = std::mem::take(&mut all.undecided);
    all.reasons.extend(undecided);
    debug_assert!(!all.reasons.is_empty(), "there is always a reason");
    all.reasons
}

/// How far the device is from having the update that is asked for, as build, release and packages tell.
pub fn standing<'a>(question: &'a Question<'_>, profile: &'a Profile, now: Time) -> Standing<'a> {
    Asked::new(question, profile, now).standing()
}

struct Asked<'a, 'k> {
    question: &'a Question<'k>,
    profile: &'a Profile,
    now: Time,
    reasons: Vec<Reason<'a>>,
    /// Reasons that may be over, of which none decides.
    undecided: Vec<Reason<'a>>,
}

/// How far a device is from having an update, whatever stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It has it, or can never have it, or cannot have it yet: this is the reason.
    Settled(Reason<'a>),
    /// It has not, and could.
    Lacks,
    /// Whether it has it or could is not known: why.
    NotKnown(Cow<'static, str>),
}

impl<'a, 'k> Asked<'a, 'k> {
    const fn new(question: &'a Question<'k>, profile: &'a Profile, now: Time) -> Self {
        Self {
            question,
            profile,
            now,
            reasons: Vec::new(),
            undecided: Vec::new(),
        }
    }

    fn ask(&mut self) {
        let standing = self.standing();
        if let Standing::Settled(reason) = standing {
            let done = reason.class().is_done() || reason.class().is_elsewhere();
            self.reasons.push(reason);
            if !done {
                self.obstacles();
            }
            return self.remembered();
        }
        let begun = self.reasons.len();
        self.of_this_update();
        let is_told_of = self.reasons.len() > begun;
        if let Standing::NotKnown(because) = standing {
            let unknown = Reason::Unknown { because };
            // What the device itself says of the update shows that it is one for this device.
            if !is_told_of {
                self.reasons.push(unknown);
                return self.remembered();
            }
            self.obstacles();
            self.reasons.push(unknown);
            return self.remembered();
        }
        self.obstacles();
        self.searches();
        self.remembered();
    }

    /// What build, release and packages tell, before anything else.
    fn standing(&self) -> Standing<'a> {
        if let Some(reason) = self.wrong_file() {
            return Standing::Settled(reason);
        }
        let Some(build) = self.profile.build else {
            return Standing::NotKnown(Cow::Borrowed("the device has not told its release"));
        };
        if let Some(aim) = self.question.aim_for(self.profile) {
            return self.by_aim(aim, build);
        }
        if self.question.aims.is_empty() {
            return self
                .by_packages()
                .unwrap_or(Standing::NotKnown(Cow::Borrowed(
                    "too few devices have told which build this update brings, and no table says",
                )));
        }
        if let Some(reason) = self.of_other_kind() {
            return reason;
        }
        // A package of that number on the device is a fact, whatever is known of the update.
        match self.by_packages() {
            Some(settled @ Standing::Settled(_)) => settled,
            _ => Standing::Settled(Reason::OtherRelease {
                is_for: Cow::Owned(self.question.is_for()),
                device: Cow::Borrowed(&self.profile.release),
            }),
        }
    }

    /// A package that was named is for another product or architecture.
    fn wrong_file(&self) -> Option<Reason<'a>> {
        let file = self.question.file.as_ref()?;
        let build = self.profile.build?;
        if Product::of_build(build).is_some_and(|product| product != file.product) {
            return Some(Reason::OtherRelease {
                is_for: Cow::Borrowed(file.product.title()),
                device: Cow::Borrowed(&self.profile.release),
            });
        }
        let (package, device) = (file.arch?, self.profile.arch?);
        (package != device).then_some(Reason::OtherArchitecture { package, device })
    }

    /// The update is known for the other kind of devices of this family alone. A table means it so. What the fleet has learned is from
    /// those that have it: some builds share their updates among clients and servers and some do not, so nothing follows, unless the
    /// device runs the very revision.
    fn of_other_kind(&self) -> Option<Standing<'a>> {
        let other = || {
            Some(Standing::Settled(Reason::OtherRelease {
                is_for: Cow::Owned(self.question.is_for()),
                device: Cow::Borrowed(&self.profile.release),
            }))
        };
        let family = self.profile.family?;
        let aim = self
            .question
            .aims
            .iter()
            .find(|aim| aim.package_build == family)?;
        if let (Brings::Revision(revision), true) = (aim.brings, self.profile.kind.is_some())
            && self.profile.ubr == Some(revision)
        {
            return Some(Standing::Settled(self.installed(revision)));
        }
        if aim.origin == Origin::Table && self.profile.kind.is_some() {
            return other();
        }
        Some(Standing::NotKnown(Cow::Owned(match self.profile.kind {
            None => "whether the device is a client or a server".to_owned(),
            Some(_) => format!(
                "the update is known for {} alone, and whether it is for {} too is not",
                self.question.is_for(),
                self.profile.release
            ),
        })))
    }

    fn by_aim(&self, aim: &Aim, build: u32) -> Standing<'a> {
        let (revision, covered) = match aim.brings {
            Brings::Release { build: target } => return self.by_release(aim, build, target),
            Brings::Revision(revision) => (revision, revision),
            Brings::Hotpatch { revision, covers } => (revision, covers),
        };
        let Some(own) = self.profile.revision() else {
            return self
                .by_packages()
                .unwrap_or(Standing::NotKnown(Cow::Borrowed(
                    "the device has not told its revision",
                )));
        };
        if own == revision {
            return Standing::Settled(self.installed(revision));
        }
        if own > revision {
            return Standing::Settled(Reason::Superseded {
                by: self.question.brought_by(self.profile, own),
                runs: Some((build, own)),
                by_hotpatch: false,
            });
        }
        if self
            .question
            .covered(self.profile)
            .is_some_and(|content| content >= covered)
        {
            return Standing::Settled(Reason::Superseded {
                by: self.question.brought_by(self.profile, own),
                runs: Some((build, own)),
                by_hotpatch: true,
            });
        }
        if let (Some(over_at), Some(released)) = (self.profile.service_over_at, aim.released)
            && released >= over_at
        {
            return Standing::Settled(Reason::OtherEdition {
                ended: Some(over_at),
            });
        }
        self.prerequisites(aim).unwrap_or(Standing::Lacks)
    }

    fn by_release(&self, aim: &Aim, build: u32, target: u32) -> Standing<'a> {
        if build == target {
            return Standing::Settled(Reason::Installed {
                since: self.profile.installed_at,
                proof: Proof::Build,
            });
        }
        if build > target {
            return Standing::Settled(Reason::Superseded {
                by: None,
                runs: self.profile.revision().map(|revision| (build, revision)),
                by_hotpatch: false,
            });
        }
        if self.profile.long_term {
            return Standing::Settled(Reason::OtherEdition { ended: None });
        }
        self.prerequisites(aim).unwrap_or(Standing::Lacks)
    }

    /// The update is at work, as the build says; its package tells since when.
    fn installed(&self, revision: u32) -> Reason<'a> {
        let package = self
            .profile
            .family
            .and_then(|family| self.profile.package(PackageName::Rollup(family, revision)));
        let outcome = self.profile.outcome(self.question.kb);
        Reason::Installed {
            since: package
                .and_then(|package| package.at)
                .or_else(|| outcome.and_then(|outcome| real(outcome.installed_at))),
            proof: Proof::Build,
        }
    }

    /// What packages of that number, and the update agent, tell of an update of which no build is known.
    fn by_packages(&self) -> Option<Standing<'a>> {
        let package = self.profile.package(PackageName::Update(self.question.kb));
        if let Some(package) = package {
            match package.state {
                PackageState::Installed | PackageState::Permanent => {
                    return Some(Standing::Settled(Reason::Installed {
                        since: package.at,
                        proof: Proof::Package,
                    }));
                }
                PackageState::Superseded => {
                    return Some(Standing::Settled(Reason::Superseded {
                        by: None,
                        runs: None,
                        by_hotpatch: false,
                    }));
                }
                _ => return None,
            }
        }
        let outcome = self.profile.outcome(self.question.kb)?;
        let installed = outcome.installed_at?;
        let fails = outcome
            .failure
            .as_ref()
            .is_some_and(|f| f.last_at > Some(installed));
        if outcome.removed_at > Some(installed) || fails {
            return None;
        }
        Some(Standing::Settled(Reason::Installed {
            since: real(Some(installed)),
            proof: Proof::Memory,
        }))
    }

    fn prerequisites(&self, aim: &Aim) -> Option<Standing<'a>> {
        let concerning = self.question.needs.iter().filter(|need| {
            need.package_build == aim.package_build && need.concerns(self.question.kb, aim.released)
        });
        let own = self.profile.revision();
        for need in concerning {
            let implied = need
                .implied_by_revision
                .is_some_and(|revision| own >= Some(revision));
            if !implied && self.has(need.need) == Some(false) {
                return Some(Standing::Settled(Reason::PrerequisiteMissing {
                    need: need.need,
                }));
            }
        }
        None
    }

    /// Whether the device has a prerequisite; nothing where that is not known.
    fn has(&self, need: Need) -> Option<bool> {
        let profile = self.profile;
        match need {
            Need::Build(build) => profile.build.map(|own| own >= build),
            Need::Revision(revision) => profile.revision().map(|own| own >= revision),
            Need::Update(kb) => {
                let aims = self.question.known.aims(kb);
                let brought = aims.iter().find_map(|aim| match aim.brings {
                    Brings::Revision(revision) if Some(aim.package_build) == profile.family => {
                        Some(profile.revision()? >= revision)
                    }
                    _ => None,
                });
                if brought == Some(true) {
                    return brought;
                }
                profile.packages.as_ref()?;
                let package = profile.package(PackageName::Update(kb));
                Some(package.is_some_and(|package| {
                    package.state.is_installed() || package.state == PackageState::Superseded
                }))
            }
        }
    }

    /// What the device says of this very update: that its package waits, that it fails, that it was offered.
    fn of_this_update(&mut self) {
        let rollup = self.question.aim_for(self.profile).and_then(|aim| {
            let (Brings::Revision(revision) | Brings::Hotpatch { revision, .. }) = aim.brings
            else {
                return None;
            };
            self.profile
                .package(PackageName::Rollup(aim.package_build, revision))
        });
        let package =
            rollup.or_else(|| self.profile.package(PackageName::Update(self.question.kb)));
        let state = package.map(|package| package.state);
        if let Some(PackageState::InstallPending | PackageState::UninstallPending) = state {
            self.reasons.push(Reason::RestartFinishesIt {
                since: package.and_then(|package| package.at),
                removes: state == Some(PackageState::UninstallPending),
            });
        }
    }

    /// What stops updates of its sort, then how this one fared.
    fn obstacles(&mut self) {
        let feature = self.question.is_feature();
        let aim = self.question.aim_for(self.profile);
        let released = aim.and_then(|aim| aim.released);
        let mut found: Vec<Reason<'a>> = Vec::new();
        for obstacle in &self.profile.obstacles {
            if !(if feature {
                obstacle.feature
            } else {
                obstacle.quality
            }) {
                continue;
            }
            match obstacle.kind {
                // It ran out since the device was last judged.
                ObstacleKind::Paused if obstacle.at.is_some_and(|end| end <= self.now) => {}
                ObstacleKind::Deferred { days } => {
                    let until = released.map(|at| at.plus_days(i64::from(days)));
                    if until.is_none_or(|until| until > self.now) {
                        found.push(Reason::Deferred {
                            days,
                            until,
                            label: &obstacle.label,
                        });
                    }
                }
                kind => found.push(Reason::Obstacle {
                    class: kind.class(),
                    label: &obstacle.label,
                    at: obstacle.at,
                }),
            }
        }
        if let Some(Brings::Release { build }) = aim.map(|aim| aim.brings)
            && self
                .profile
                .pinned_build
                .is_some_and(|pinned| pinned < build)
        {
            found.push(Reason::Obstacle {
                class: Class::Stopped,
                label: "A policy pins the device to an older release",
                at: None,
            });
        }
        found.extend(self.failing());
        // A deferral whose end is not known may be over: it decides nothing.
        let may_be_over =
            |reason: &Reason<'_>| matches!(reason, Reason::Deferred { until: None, .. });
        found.sort_by_key(|reason| (may_be_over(reason), reason.class()));
        if found.first().is_some_and(|reason| !may_be_over(reason)) || !self.reasons.is_empty() {
            self.reasons.extend(found);
        } else {
            self.undecided = found;
        }
    }

    /// How this update fails.
    fn failing(&self) -> Option<Reason<'a>> {
        let aim = self.question.aim_for(self.profile);
        let partial = aim
            .and_then(|aim| match aim.brings {
                Brings::Revision(revision) => self
                    .profile
                    .package(PackageName::Rollup(aim.package_build, revision)),
                _ => None,
            })
            .or_else(|| self.profile.package(PackageName::Update(self.question.kb)))
            .filter(|package| package.state == PackageState::PartiallyInstalled);
        let failure = self
            .profile
            .outcome(self.question.kb)
            .and_then(|outcome| outcome.failure.as_ref())
            .filter(|failure| {
                failure
                    .last_at
                    .is_none_or(|at| self.now.since(at) < FAILURES_COUNT_DAYS * DAY_MS)
            });
        match (failure, partial) {
            (Some(failure), _) => Some(Reason::Failing {
                code: &failure.code,
                times: failure.times,
                last_at: failure.last_at,
            }),
            (None, Some(package)) => Some(Reason::Failing {
                code: "its package is installed in part",
                times: 1,
                last_at: package.at,
            }),
            (None, None) => None,
        }
    }

    /// Whether the device has looked since the update came out, and what it was told.
    fn searches(&mut self) {
        let aim = self.question.aim_for(self.profile);
        let released = aim.and_then(|aim| aim.released);
        let code = self.profile.scan_error.as_deref();
        let not_scanned = |last| Reason::NotScanned {
            last,
            code,
            released,
        };
        match self.profile.scan {
            Scan::Never => self.reasons.push(not_scanned(None)),
            Scan::At(last)
                if self.profile.scan_is_stale || released.is_some_and(|out| last < out) =>
            {
                self.reasons.push(not_scanned(Some(last)));
            }
            _ => {}
        }
        let offered = self.offered();
        self.reasons.extend(offered);
        if !self.reasons.is_empty() {
            return;
        }
        self.reasons.push(match self.profile.scan {
            Scan::At(scanned) => Reason::NotOffered { scanned },
            _ => Reason::Unknown {
                because: Cow::Borrowed("when the device last looked for updates could not be told"),
            },
        });
    }

    fn offered(&self) -> Option<Reason<'a>> {
        let outcome = self.profile.outcome(self.question.kb);
        let told = outcome.and_then(|outcome| {
            // What was installed, and is gone, was not offered again by that.
            outcome
                .offered_at
                .filter(|at| outcome.removed_at.is_none_or(|removed| *at > removed))
        });
        if let Some(at) = told {
            return Some(Reason::Offered {
                since: real(Some(at)),
            });
        }
        let aim = self.question.aim_for(self.profile)?;
        let Brings::Revision(revision) = aim.brings else {
            return None;
        };
        let package = self
            .profile
            .package(PackageName::Rollup(aim.package_build, revision))?;
        matches!(
            package.state,
            PackageState::Staged
                | PackageState::Staging
                | PackageState::Resolved
                | PackageState::Resolving
        )
        .then_some(Reason::Offered { since: package.at })
    }

    /// What the update agent remembers and is no class of its own: that it was removed, or installed and is not there.
    fn remembered(&mut self) {
        let Some(outcome) = self.profile.outcome(self.question.kb) else {
            return;
        };
        let is_done = self.reasons.first().is_some_and(|r| r.class().is_done());
        if outcome.removed_at.is_some() && outcome.removed_at >= outcome.installed_at {
            self.reasons.push(Reason::Removed {
                at: real(outcome.removed_at),
            });
        } else if outcome.installed_at.is_some() && !is_done {
            self.reasons.push(Reason::NotThere {
                installed_at: real(outcome.installed_at),
            });
        }
    }
}

/// A moment, unless it stands for one that was not told.
fn real(at: Option<Time>) -> Option<Time> {
    at.filter(|at| at.millis() > 0)
}
