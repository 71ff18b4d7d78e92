//! How far a device is from having an update, whatever stands in the way: what build, release and packages tell.

use std::borrow::Cow;

use super::package_file::Product;
use super::profile::{Outcome, PackageName, Profile};
use super::question::{Aim, Brings, Origin, Question};
use super::reason::{Proof, Reason};
use crate::facts::title::FIRST_BUILD_WITH_REVISIONS;
use crate::facts::updates::PackageState;
use crate::knowledge::{Need, Prerequisite};
use crate::time::{DAY_MS, Time};

/// What the fleet tells of when an update came out is a day on which devices installed it. So long after an edition's end it is one that came
/// out after it, in days: a month's update is installed within the month.
const SURELY_AFTER_DAYS: i64 = 35;
/// Updates of one family that came out so close together may be a hotpatch and the cumulative update of its month.
const SAME_MONTHS_UPDATE_MS: i64 = 3 * DAY_MS;
/// The families of builds that hotpatches exist for.
const HOTPATCHED: [u32; 2] = [20348, 26100];

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

/// How far the device is from having the update that is asked for, as build, release and packages tell.
pub fn standing<'a>(question: &'a Question<'_>, profile: &'a Profile) -> Standing<'a> {
    let of = Of { question, profile };
    of.standing()
}

const fn not_known(because: &'static str) -> Standing<'static> {
    Standing::NotKnown(Cow::Borrowed(because))
}

struct Of<'a, 'k> {
    question: &'a Question<'k>,
    profile: &'a Profile,
}

impl<'a> Of<'a, '_> {
    fn standing(&self) -> Standing<'a> {
        if let Some(reason) = self.wrong_file() {
            return Standing::Settled(reason);
        }
        let Some(build) = self.profile.build else {
            return not_known("the device has not told its release");
        };
        if let Some(aim) = self.question.aim_for(self.profile) {
            return self.by_aim(aim, build);
        }
        if self.question.aims.is_empty() {
            return self.without_aim();
        }
        if let Some(standing) = self.of_other_kind() {
            return standing;
        }
        // A package of that number on the device is a fact, whatever is known of the update.
        self.by_package()
            .unwrap_or_else(|| Standing::Settled(self.other_release()))
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

    fn other_release(&self) -> Reason<'a> {
        Reason::OtherRelease {
            is_for: Cow::Owned(self.question.is_for()),
            device: Cow::Borrowed(&self.profile.release),
        }
    }

    /// The update is known for the other kind of devices of this family alone. A table means it so. What the fleet has learned is from
    /// those that have it: some builds share their updates among clients and servers and some do not, so nothing follows, unless the
    /// device runs the very revision.
    fn of_other_kind(&self) -> Option<Standing<'a>> {
        let family = self.profile.family?;
        let aims = self.question.aims.iter();
        let aim = aims.into_iter().find(|aim| aim.package_build == family)?;
        if self.profile.kind.is_none() {
            return Some(not_known(
                "whether the device is a client or a server is not known",
            ));
        }
        if aim.origin == Origin::Table {
            return Some(Standing::Settled(self.other_release()));
        }
        if let Brings::Revision(revision) = aim.brings
            && self.profile.ubr == Some(revision)
        {
            return Some(Standing::Settled(self.installed(revision)));
        }
        Some(Standing::NotKnown(Cow::Owned(format!(
            "the update is known for {} alone, and whether it is for {} too is not",
            self.question.is_for(),
            self.profile.release
        ))))
    }

    fn by_aim(&self, aim: &Aim, build: u32) -> Standing<'a> {
        let (revision, covered) = match aim.brings {
            Brings::Release {
                build: target,
                needs,
            } => {
                return self.by_release(aim, build, target, needs);
            }
            Brings::Revision(revision) => (revision, revision),
            Brings::Hotpatch { revision, covers } => (revision, covers),
        };
        let Some(own) = self.own_revision(build) else {
            return self
                .by_package()
                .unwrap_or(not_known("the device has not told its revision"));
        };
        if own == revision {
            return Standing::Settled(self.installed(revision));
        }
        let superseded = |by_hotpatch| {
            Standing::Settled(Reason::Superseded {
                by: self.question.brought_by(self.profile, own),
                runs: Some((build, own)),
                by_hotpatch,
            })
        };
        if own > revision {
            return superseded(false);
        }
        let content = self.question.covered(self.profile);
        if content.is_some_and(|content| content >= covered) {
            return superseded(true);
        }
        self.out_of_service(aim)
            .or_else(|| self.prerequisites(Some(aim)))
            .or_else(|| self.may_be_a_hotpatch(aim, own))
            .unwrap_or(Standing::Lacks)
    }

    /// The revision that the device runs. One from before Windows 10 of which no package of a cumulative update is there has none of them.
    fn own_revision(&self, build: u32) -> Option<u32> {
        let none_there = build < FIRST_BUILD_WITH_REVISIONS && self.profile.packages.is_some();
        self.profile.revision().or_else(|| none_there.then_some(0))
    }

    /// The device's edition got its last update before this one came out. Extended security updates are bought, and whether a device has
    /// them stands nowhere; and what the device itself says of the update comes first.
    fn out_of_service(&self, aim: &Aim) -> Option<Standing<'a>> {
        let (over_at, released) = (self.profile.service_over_at?, aim.released?);
        let surely = match aim.origin {
            Origin::Table => over_at,
            Origin::Imported | Origin::Fleet { .. } => over_at.plus_days(SURELY_AFTER_DAYS),
        };
        if released < surely || self.is_told_of() {
            return None;
        }
        if self
            .profile
            .extended_until
            .is_some_and(|until| released <= until)
        {
            return Some(Standing::NotKnown(Cow::Owned(format!(
                "the device's edition got its last update on {}; those that have bought extended security updates get it, and whether \
                 this device has them cannot be read",
                over_at.plus_days(-1).day()
            ))));
        }
        Some(Standing::Settled(Reason::OtherEdition {
            ended: Some(over_at),
        }))
    }

    /// The device runs an update that came out in the same days, of which only the fleet tells: on builds that are hotpatched it may have
    /// the same content.
    fn may_be_a_hotpatch(&self, aim: &Aim, own: u32) -> Option<Standing<'a>> {
        if !HOTPATCHED.contains(&aim.package_build) {
            return None;
        }
        let runs = self.question.brought_by(self.profile, own)?;
        let other = self.question.known.aims(runs).into_iter().find(|other| {
            other.package_build == aim.package_build && other.origin != Origin::Table
        })?;
        let apart = other.released?.since(aim.released?).abs();
        (apart <= SAME_MONTHS_UPDATE_MS).then(|| {
            Standing::NotKnown(Cow::Owned(format!(
                "the device runs {runs}, which came out in the same days and may be a hotpatch of the same content"
            )))
        })
    }

    fn by_release(&self, aim: &Aim, build: u32, target: u32, needs: u32) -> Standing<'a> {
        if build == target {
            return Standing::Settled(self.enabled(aim));
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
        if self.profile.revision().is_some_and(|own| own < needs) {
            return Standing::Settled(Reason::PrerequisiteMissing {
                need: Need::Revision(needs),
            });
        }
        self.prerequisites(Some(aim)).unwrap_or(Standing::Lacks)
    }

    /// An enablement package leaves the day of installation as it is, so that day counts only where it is not before the package's own.
    fn enabled(&self, aim: &Aim) -> Reason<'a> {
        let package = self.profile.package(PackageName::Update(self.question.kb));
        let outcome = self.profile.outcome(self.question.kb);
        let day = self
            .profile
            .installed_at
            .filter(|at| aim.released.is_none_or(|released| *at >= released));
        Reason::Installed {
            since: package
                .and_then(|package| package.at)
                .or_else(|| outcome.and_then(|outcome| real(outcome.installed_at)))
                .or(day),
            proof: Proof::Build,
        }
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

    /// No table, import or fleet says which build the update brings: what the device itself has of it.
    fn without_aim(&self) -> Standing<'a> {
        self.by_package()
            .or_else(|| self.by_memory())
            .or_else(|| self.prerequisites(None))
            .unwrap_or(not_known(
                "too few devices have told which build this update brings, and no table says",
            ))
    }

    /// What packages of that number tell.
    fn by_package(&self) -> Option<Standing<'a>> {
        let package = self
            .profile
            .package(PackageName::Update(self.question.kb))?;
        match package.state {
            PackageState::Installed | PackageState::Permanent => {
                Some(Standing::Settled(Reason::Installed {
                    since: package.at,
                    proof: Proof::Package,
                }))
            }
            PackageState::Superseded => Some(Standing::Settled(Reason::Superseded {
                by: None,
                runs: None,
                by_hotpatch: false,
            })),
            _ => None,
        }
    }

    /// What the update agent remembers of an update of which no build is known. Where the title named the build, that decides.
    fn by_memory(&self) -> Option<Standing<'a>> {
        if self
            .profile
            .package(PackageName::Update(self.question.kb))
            .is_some()
        {
            return None;
        }
        let outcome = self.profile.outcome(self.question.kb)?;
        let installed = outcome.installed_at?;
        let fails = |failure: &super::profile::Failure| failure.last_at > Some(installed);
        if outcome.removed_at > Some(installed) || outcome.failure.as_ref().is_some_and(fails) {
            return None;
        }
        if let Some((build, revision)) = outcome.titled
            && let (Some(own_build), Some(own)) = (self.profile.build, self.profile.revision())
        {
            let of_family =
                self.question.known.knowledge.package_build(build) == self.profile.family?;
            if !of_family || own < revision {
                return of_family.then_some(Standing::Lacks);
            }
            return Some(Standing::Settled(if own == revision {
                self.installed(revision)
            } else {
                Reason::Superseded {
                    by: self.question.brought_by(self.profile, own),
                    runs: Some((own_build, own)),
                    by_hotpatch: false,
                }
            }));
        }
        Some(Standing::Settled(Reason::Installed {
            since: real(Some(installed)),
            proof: Proof::Memory,
        }))
    }

    /// A prerequisite that is missing. Where no aim is known, the update must be named among those that need it, or a file that is for the
    /// device's product.
    fn prerequisites(&self, aim: Option<&Aim>) -> Option<Standing<'a>> {
        let family = self.profile.family?;
        let released = aim.and_then(|aim| aim.released);
        let kb = self.question.kb;
        let is_named = |need: &Prerequisite| {
            aim.is_some() || self.question.file.is_some() || need.of.contains(&kb)
        };
        let concerning = self
            .question
            .needs()
            .filter(|need| need.package_build == family && need.concerns(kb, released))
            .filter(|need| is_named(need));
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
                let is_brought = aims.iter().any(|aim| match aim.brings {
                    Brings::Revision(revision) => {
                        Some(aim.package_build) == profile.family
                            && profile.revision() >= Some(revision)
                    }
                    _ => false,
                });
                if is_brought {
                    return Some(true);
                }
                profile.packages.as_ref()?;
                let package = profile.package(PackageName::Update(kb));
                Some(package.is_some_and(|package| {
                    package.state.is_installed() || package.state == PackageState::Superseded
                }))
            }
        }
    }

    /// Whether the device itself says something of this very update: its package waits, it failed, it was offered.
    fn is_told_of(&self) -> bool {
        let outcome = self.profile.outcome(self.question.kb);
        self.question
            .package_on(self.profile)
            .is_some_and(|package| package.state != PackageState::Absent)
            || outcome.is_some_and(|outcome: &Outcome| {
                outcome.failure.is_some() || outcome.offered_at.is_some()
            })
    }
}

/// A moment, unless it stands for one that was not told.
pub(super) fn real(at: Option<Time>) -> Option<Time> {
    at.filter(|at| at.millis() > 0)
}
