//! The classes that devices fall into, and the reasons for them.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::package_file::Arch;
use crate::kb::Kb;
use crate::knowledge::{Knowledge, Need};
use crate::time::Time;

macro_rules! classes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $title:literal,)*) => {
        /// Where a device stands with an update: each is in exactly one of these.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Class {
            $($(#[$doc])* $variant,)*
        }

        impl Class {
            /// All of them, in the order in which they are asked.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The public word.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// A heading for people.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }
        }
    };
}

classes! {
    /// It is installed.
    Installed "installed" "Installed",
    /// What it brings is there by way of a later update.
    Superseded "superseded" "Has a later one",
    /// It is for another release of Windows.
    OtherRelease "not-for-this-release" "For another release",
    /// It is for another architecture, or for editions that still get updates.
    OtherEdition "not-for-this-architecture-or-edition" "For another architecture or edition",
    /// Something must be installed first.
    PrerequisiteMissing "prerequisite-missing" "A prerequisite is missing",
    /// Updates of its sort are paused.
    Paused "paused" "Paused",
    /// A policy defers it.
    Deferred "deferred" "Deferred",
    /// A safeguard hold or a block keeps it away.
    Held "held" "Held back",
    /// The device looks for updates elsewhere than expected.
    WrongSource "wrong-source" "Wrong source",
    /// A restart is due first.
    WaitingForRestart "waiting-for-restart" "Waiting for a restart",
    /// It was tried and failed.
    Failing "failing" "Failing",
    /// Services or policies stop updates.
    Stopped "stopped" "Stopped by services or policy",
    /// The device has not looked for updates since it came out.
    NotScanned "not-scanned-since" "Has not looked since",
    /// The device was offered it and has not installed it yet.
    Offered "offered" "Offered, not yet installed",
    /// The device has looked and was not offered it.
    NotOffered "not-offered" "Not offered",
    /// It could not be told.
    Unknown "unknown" "Unknown",
}

impl Class {
    /// The class of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.name() == name)
    }

    /// Whether a device in it has what the update brings.
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Installed | Self::Superseded)
    }

    /// Whether the update has no business on the device.
    pub const fn is_elsewhere(self) -> bool {
        matches!(self, Self::OtherRelease | Self::OtherEdition)
    }
}

/// By what an update is known to be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The device runs the build and revision that it brings.
    Build,
    /// Its package is installed.
    Package,
    /// The update agent remembers installing it, and no build is known that it brings.
    Memory,
}

/// What is true of an update on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason<'a> {
    /// Installed.
    Installed {
        /// Since when, where that is told.
        since: Option<Time>,
        /// By what it is known.
        proof: Proof,
    },
    /// A later update took its place.
    Superseded {
        /// Which, where its number is known.
        by: Option<Kb>,
        /// The revision that the device runs, `22631.3593`.
        runs: Option<(u32, u32)>,
        /// The later one is a hotpatch whose content equals it.
        by_hotpatch: bool,
    },
    /// It is for these families of builds, and the device has another.
    OtherRelease {
        /// What it is for, in words.
        is_for: Cow<'a, str>,
        /// What the device runs, in words.
        device: Cow<'a, str>,
    },
    /// The package is for another architecture.
    OtherArchitecture {
        /// The package's.
        package: Arch,
        /// The device's.
        device: Arch,
    },
    /// The device's edition gets no updates any more, or never this sort of them.
    OtherEdition {
        /// Since when; nothing where it never did.
        ended: Option<Time>,
    },
    /// This must be there first.
    PrerequisiteMissing {
        /// What.
        need: Need,
    },
    /// Its package waits for a restart.
    RestartFinishesIt {
        /// Since when, where that is told.
        since: Option<Time>,
        /// Whether the restart will remove rather than install it.
        removes: bool,
    },
    /// An obstacle to updates of its sort.
    Obstacle {
        /// The class that it makes.
        class: Class,
        /// What stands in the way, in words.
        label: &'a str,
        /// When it ends by itself, or since when it is so.
        at: Option<Time>,
    },
    /// A policy defers it.
    Deferred {
        /// By how many days.
        days: u16,
        /// Until when; nothing where it is not known when it came out.
        until: Option<Time>,
        /// Whose policy, in words.
        label: &'a str,
    },
    /// It failed.
    Failing {
        /// The code, in the one spelling.
        code: &'a str,
        /// How often in a row.
        times: u16,
        /// The last time.
        last_at: Option<Time>,
    },
    /// Its package is installed in part.
    InstalledInPart {
        /// Since when, where that is told.
        since: Option<Time>,
    },
    /// The device has not looked for updates since it came out.
    NotScanned {
        /// When it last did; nothing where it never did.
        last: Option<Time>,
        /// The code with which looking fails, where it does.
        code: Option<&'a str>,
        /// When it came out, as far as is known.
        released: Option<Time>,
    },
    /// Offered, and not installed yet.
    Offered {
        /// Since when, where that is told.
        since: Option<Time>,
    },
    /// Not offered by the last search.
    NotOffered {
        /// When that was.
        scanned: Time,
    },
    /// The update agent remembers that it was removed. Never decisive: it says why something is gone, not why it does not come back.
    Removed {
        /// When.
        at: Option<Time>,
    },
    /// The update agent remembers installing it, and the build says that it is not there: it was rolled back, or a restart is missing.
    /// Never decisive.
    NotThere {
        /// When it was installed.
        installed_at: Option<Time>,
    },
    /// It could not be told, because of this.
    Unknown {
        /// One clause for people.
        because: Cow<'a, str>,
    },
}

impl Reason<'_> {
    /// The class that the reason makes where it decides.
    pub const fn class(&self) -> Class {
        match self {
            Self::Installed { .. } => Class::Installed,
            Self::Superseded { .. } => Class::Superseded,
            Self::OtherRelease { .. } => Class::OtherRelease,
            Self::OtherArchitecture { .. } | Self::OtherEdition { .. } => Class::OtherEdition,
            Self::PrerequisiteMissing { .. } => Class::PrerequisiteMissing,
            Self::RestartFinishesIt { .. } => Class::WaitingForRestart,
            Self::Obstacle { class, .. } => *class,
            Self::Deferred { .. } => Class::Deferred,
            Self::Failing { .. } | Self::InstalledInPart { .. } => Class::Failing,
            Self::NotScanned { .. } => Class::NotScanned,
            Self::Offered { .. } => Class::Offered,
            Self::NotOffered { .. } => Class::NotOffered,
            Self::Removed { .. } | Self::NotThere { .. } | Self::Unknown { .. } => Class::Unknown,
        }
    }

    /// The other update that it names: the one that is missing, or took its place.
    pub fn other(&self) -> Option<String> {
        match self {
            Self::PrerequisiteMissing { need } => Some(need_in_words(*need)),
            Self::Superseded { by: Some(by), .. } => Some(by.to_string()),
            Self::Superseded {
                runs: Some((build, revision)),
                ..
            } => Some(format!("{build}.{revision}")),
            _ => None,
        }
    }

    /// One sentence for people, without the device's name.
    pub fn sentence(&self, known: &Knowledge) -> String {
        let day = |word: &str, at: &Option<Time>| {
            at.map_or_else(String::new, |at| format!(" {word} {}", at.day()))
        };
        match self {
            Self::Installed { since, proof } => format!(
                "Installed{}{}.",
                day("since", since),
                match proof {
                    Proof::Build => ", as the build says",
                    Proof::Package => ", as its package says",
                    Proof::Memory =>
                        ", as the update agent remembers; which build it brings is not known",
                }
            ),
            Self::Superseded {
                by,
                runs,
                by_hotpatch,
            } => superseded(*by, *runs, *by_hotpatch),
            Self::OtherRelease { is_for, device } => {
                format!("It is for {is_for}; the device runs {device}.")
            }
            Self::OtherArchitecture { package, device } => format!(
                "The package is for {}; the device is {}.",
                package.name(),
                device.name()
            ),
            Self::OtherEdition { ended: Some(ended) } => format!(
                "The device's edition got its last update on {}, before this one came out.",
                ended.plus_days(-1).day()
            ),
            Self::OtherEdition { ended: None } => {
                "Devices of this edition do not get this sort of update.".to_owned()
            }
            Self::PrerequisiteMissing { need } => {
                format!("{} must be installed first.", need_in_words(*need))
            }
            Self::NotThere { installed_at } => format!(
                "The update agent remembers installing it{}, but the build says that it is not there: it was rolled back, or waits for a restart.",
                day("on", installed_at)
            ),
            Self::RestartFinishesIt { since, removes } => format!(
                "A restart {}{}.",
                if *removes {
                    "finishes its removal, pending"
                } else {
                    "finishes its installation, pending"
                },
                day("since", since)
            ),
            Self::Obstacle { class, label, at } => {
                let label = label.trim_end_matches('.');
                let at = match class {
                    Class::Paused if !label.contains("until") => day("until", at),
                    Class::WaitingForRestart => day("since", at),
                    _ => String::new(),
                };
                format!("{label}{at}.")
            }
            Self::Deferred { days, until, label } => format!(
                "Deferred by {days} days by {label}{}.",
                match until {
                    Some(until) => format!(", until {}", until.day()),
                    None => "; when it came out is not known, so neither is the end".to_owned(),
                }
            ),
            Self::Failing {
                code,
                times,
                last_at,
            } => format!(
                "It failed {}{} with {}.",
                match times {
                    0 | 1 => "once".to_owned(),
                    n => format!("{n} times in a row"),
                },
                last_at.map_or_else(String::new, |at| format!(", last on {}", at.day())),
                known.in_words(code)
            ),
            Self::InstalledInPart { since } => {
                format!("Its package is installed in part{}.", day("since", since))
            }
            Self::NotScanned {
                last,
                code,
                released,
            } => {
                let mut text = match last {
                    Some(last) => format!("The device last looked for updates on {}", last.day()),
                    None => "The device never looked for updates".to_owned(),
                };
                if let Some(released) = released {
                    let _ = write!(text, "; the update was out by {}", released.day());
                }
                if let Some(code) = code {
                    let _ = write!(text, "; looking fails with {}", known.in_words(code));
                }
                text.push('.');
                text
            }
            Self::Offered { since } => {
                format!("Offered{} and not installed yet.", day("on", since))
            }
            Self::NotOffered { scanned } => format!(
                "The device looked for updates on {} and was not offered it.",
                scanned.day()
            ),
            Self::Removed { at } => format!("It was removed{}.", day("on", at)),
            Self::Unknown { because } => format!("Not known: {because}."),
        }
    }
}

fn superseded(by: Option<Kb>, runs: Option<(u32, u32)>, by_hotpatch: bool) -> String {
    let hotpatch = if by_hotpatch {
        ", a hotpatch of the same content"
    } else {
        ""
    };
    let runs = runs.map(|(build, revision)| format!("{build}.{revision}"));
    match (by, runs) {
        (Some(by), Some(runs)) => format!("The device runs {runs}, by {by}{hotpatch}."),
        (Some(by), None) => format!("{by} took its place{hotpatch}."),
        (None, Some(runs)) => format!("The device runs {runs}, which is later{hotpatch}."),
        (None, None) => "A later update took its place.".to_owned(),
    }
}

/// `KB2919355`, `build 7601`.
pub(super) fn need_in_words(need: Need) -> String {
    match need {
        Need::Update(kb) => kb.to_string(),
        Need::Build(build) => format!("build {build} (a service pack)"),
        Need::Revision(revision) => format!("revision {revision} or later"),
    }
}
