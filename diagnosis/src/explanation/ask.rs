//! What is true of an update on a device, in the order in which it decides.

use std::borrow::Cow;

use super::obstacles::ObstacleKind;
use super::profile::{Failure, Profile, Scan};
use super::question::{Aim, Brings, Origin, Question};
use super::reason::{Class, Reason};
use super::standing::{Standing, real, standing};
use crate::facts::updates::PackageState;
use crate::time::{DAY_MS, Time};

/// A failure this old says nothing of today, in days; as with the issues about failures.
const FAILURES_COUNT_DAYS: i64 = 30;
/// A table has the day on which an update came out, in UTC; it is to be had everywhere by the end of that day.
const TO_BE_HAD_MS: i64 = DAY_MS;

/// Every reason that holds, the decisive one first. Never empty.
pub(super) fn reasons<'a>(
    question: &'a Question<'_>,
    profile: &'a Profile,
    now: Time,
) -> Vec<Reason<'a>> {
    let mut all = Asked {
        question,
        profile,
        now,
        aim: question.aim_for(profile),
        reasons: Vec::new(),
    };
    all.ask();
    // A device may tell one thing twice: two programs that both wait for a restart, for example.
    let mut reasons: Vec<Reason<'a>> = Vec::with_capacity(all.reasons.len());
    for reason in all.reasons {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    debug_assert!(!reasons.is_empty(), "there is always a reason");
    reasons
}

struct Asked<'a, 'k> {
    question: &'a Question<'k>,
    profile: &'a Profile,
    now: Time,
    aim: Option<&'a Aim>,
    reasons: Vec<Reason<'a>>,
}

impl<'a> Asked<'a, '_> {
    fn ask(&mut self) {
        match standing(self.question, self.profile) {
            Standing::Settled(reason) => {
                let done = reason.class().is_done() || reason.class().is_elsewhere();
                self.reasons.push(reason);
                if !done {
                    self.obstacles();
                }
            }
            Standing::Lacks => {
                self.package_waits();
                self.obstacles();
                self.searches();
            }
            // What the device itself says of the update shows that it is one for this device.
            Standing::NotKnown(because) => {
                self.package_waits();
                let failing = self.failing();
                let offered = self.offered();
                if !self.reasons.is_empty() || failing.is_some() || offered.is_some() {
                    self.obstacles();
                    self.reasons.extend(offered);
                }
                self.reasons.push(Reason::Unknown { because });
            }
        }
        self.remembered();
        self.undecided_deferrals();
    }

    /// The package of this very update waits for a restart.
    fn package_waits(&mut self) {
        let Some(package) = self.question.package_on(self.profile) else {
            return;
        };
        if let PackageState::InstallPending | PackageState::UninstallPending = package.state {
            self.reasons.push(Reason::RestartFinishesIt {
                since: package.at,
                removes: package.state == PackageState::UninstallPending,
            });
        }
    }

    /// What stops updates of its sort, and how this one fails, in the order of the classes.
    fn obstacles(&mut self) {
        let feature = self.question.is_feature();
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
                    let until = self.deferred_until(days);
                    if until.is_some_and(|until| until > self.now) {
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
        if let Some(Brings::Release { build, .. }) = self.aim.map(|aim| aim.brings)
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
        found.sort_by_key(Reason::class);
        self.reasons.extend(found);
    }

    fn deferred_until(&self, days: u16) -> Option<Time> {
        let released = self.aim.and_then(|aim| aim.released)?;
        Some(released.plus_days(i64::from(days)))
    }

    /// A deferral whose end is not known may be over: it decides nothing, and is told last.
    fn undecided_deferrals(&mut self) {
        let is_settled = self
            .reasons
            .first()
            .is_some_and(|reason| reason.class().is_done() || reason.class().is_elsewhere());
        if is_settled {
            return;
        }
        let feature = self.question.is_feature();
        for obstacle in &self.profile.obstacles {
            let concerns = if feature {
                obstacle.feature
            } else {
                obstacle.quality
            };
            if let (ObstacleKind::Deferred { days }, true) = (obstacle.kind, concerns)
                && self.deferred_until(days).is_none()
            {
                self.reasons.push(Reason::Deferred {
                    days,
                    until: None,
                    label: &obstacle.label,
                });
            }
        }
    }

    /// How this update fails.
    fn failing(&self) -> Option<Reason<'a>> {
        let counts = |failure: &&Failure| {
            let is_of_late = |at| self.now.since(at) < FAILURES_COUNT_DAYS * DAY_MS;
            failure.last_at.is_none_or(is_of_late)
        };
        let outcome = self.profile.outcome(self.question.kb);
        if let Some(failure) = outcome.and_then(|o| o.failure.as_ref()).filter(counts) {
            return Some(Reason::Failing {
                code: &failure.code,
                times: failure.times,
                last_at: failure.last_at,
            });
        }
        let package = self.question.package_on(self.profile)?;
        (package.state == PackageState::PartiallyInstalled)
            .then_some(Reason::InstalledInPart { since: package.at })
    }

    /// Whether the device has looked since the update came out, and what it was told.
    fn searches(&mut self) {
        let released = self.aim.and_then(|aim| aim.released);
        let to_be_had = self.aim.and_then(|aim| {
            let released = aim.released?;
            Some(match aim.origin {
                Origin::Fleet { .. } => released,
                Origin::Table | Origin::Imported => released.plus_millis(TO_BE_HAD_MS),
            })
        });
        let code = self.profile.scan_error.as_deref();
        let not_scanned = |last| Reason::NotScanned {
            last,
            code,
            released,
        };
        // A clock that is ahead says nothing of when that was.
        let scan = match self.profile.scan {
            Scan::At(last) if last > self.now.plus_millis(DAY_MS) => Scan::Unknown,
            scan => scan,
        };
        match scan {
            Scan::Never => self.reasons.push(not_scanned(None)),
            Scan::At(last)
                if self.profile.scan_is_stale || to_be_had.is_some_and(|out| last < out) =>
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
        self.reasons.push(match scan {
            Scan::At(scanned) => Reason::NotOffered { scanned },
            _ => Reason::Unknown {
                because: Cow::Borrowed("when the device last looked for updates could not be told"),
            },
        });
    }

    /// That it was offered: by what the update client did, or by its package.
    fn offered(&self) -> Option<Reason<'a>> {
        let outcome = self.profile.outcome(self.question.kb);
        let told = outcome.and_then(|outcome| {
            // What was installed, and is gone, was not offered again by that.
            outcome.offered_at.filter(|at| {
                outcome.removed_at.is_none_or(|removed| *at > removed)
                    && outcome.installed_at.is_none_or(|installed| *at > installed)
            })
        });
        if let Some(at) = told {
            return Some(Reason::Offered {
                since: real(Some(at)),
            });
        }
        let package = self.question.package_on(self.profile)?;
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
