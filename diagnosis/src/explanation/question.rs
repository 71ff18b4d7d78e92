//! What is asked: an update, and what it brings to which devices.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::learned::{Learned, Told, believed};
use super::package_file::PackageFile;
use super::profile::{Package, PackageName, Profile};
use crate::kb::Kb;
use crate::knowledge::{DeviceKind, Knowledge, Prerequisite, UpdateKind};
use crate::time::Time;

/// All that is known of updates: by tables, and by what the fleet's devices say.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The tables.
    pub knowledge: &'a Knowledge,
    /// What the fleet says.
    pub learned: &'a Learned,
}

/// Who says what an update brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The table of updates.
    Table,
    /// A person's import.
    Imported,
    /// So many devices of the fleet.
    Fleet {
        /// How many.
        devices: u64,
    },
}

/// What an update brings to devices of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aim {
    /// Clients or servers; both where it is not told.
    pub kind: Option<DeviceKind>,
    /// The build in the names of the family's packages.
    pub package_build: u32,
    /// What it brings.
    pub brings: Brings,
    /// By when it was out, as far as is known.
    pub released: Option<Time>,
    /// Who says so.
    pub origin: Origin,
}

/// What an update brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brings {
    /// This revision, with all that came before.
    Revision(u32),
    /// This revision, with the content of the cumulative update of that one.
    Hotpatch {
        /// Its own revision.
        revision: u32,
        /// The revision whose content it has.
        covers: u32,
    },
    /// Another release of the same family.
    Release {
        /// That release's build.
        build: u32,
        /// The least revision of the family that it needs.
        needs: u32,
    },
}

/// The update that brings a revision, by family and revision, with the kind of device that it is for where it is for one alone.
type BroughtBy = BTreeMap<(u32, u32), (Option<DeviceKind>, Kb)>;

/// An update that is asked for.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// Which.
    pub kb: Kb,
    /// The package that is meant, where one was named.
    pub file: Option<PackageFile>,
    /// What it brings to which devices; empty where that is not known.
    pub aims: Vec<Aim>,
    /// What is known of Windows.
    pub known: Known<'a>,
    /// Which update brings a revision, once that is asked: many devices are where it does not matter.
    brought_by: OnceLock<BroughtBy>,
}

impl Known<'_> {
    /// What an update brings to which devices.
    pub fn aims(&self, kb: Kb) -> Vec<Aim> {
        let mut aims: Vec<Aim> = self
            .knowledge
            .updates_of(kb.number())
            .iter()
            .map(|update| Aim {
                kind: update.device_kind,
                package_build: update.package_build,
                brings: match update.kind {
                    UpdateKind::Cumulative => Brings::Revision(update.revision),
                    UpdateKind::Hotpatch { covers } => Brings::Hotpatch {
                        revision: update.revision,
                        covers,
                    },
                    UpdateKind::Enablement { target_build } => Brings::Release {
                        build: target_build,
                        needs: update.revision,
                    },
                },
                released: update.released,
                origin: Origin::Table,
            })
            .collect();
        for (told, all) in self.learned.of(kb) {
            let Some(update) = believed(all) else {
                continue;
            };
            let is_known = aims.iter().any(|aim| {
                aim.package_build == told.package_build
                    && aim.kind.is_none_or(|kind| kind == told.kind)
            });
            if !is_known {
                aims.push(Aim {
                    kind: Some(told.kind),
                    package_build: told.package_build,
                    brings: Brings::Revision(update.revision),
                    released: Some(update.since),
                    origin: if update.imported {
                        Origin::Imported
                    } else {
                        Origin::Fleet {
                            devices: update.devices,
                        }
                    },
                });
            }
        }
        aims
    }

    /// Every update of which it is known which revision it brings.
    pub fn revisions(&self) -> impl Iterator<Item = (Told, u32, Kb)> {
        let both = |kind: Option<DeviceKind>| {
            [DeviceKind::Client, DeviceKind::Server]
                .into_iter()
                .filter(move |one| kind.is_none_or(|kind| kind == *one))
        };
        let of_tables = self.knowledge.updates().flat_map(move |update| {
            let told = move |kind| Told {
                kb: update.kb,
                kind,
                package_build: update.package_build,
            };
            let is_revision = !matches!(update.kind, UpdateKind::Enablement { .. });
            both(update.device_kind)
                .filter(move |_| is_revision)
                .map(move |kind| (told(kind), update.revision, update.kb))
        });
        let of_fleet = self
            .learned
            .iter()
            .filter_map(|(told, all)| Some((told, believed(all)?.revision, told.kb)));
        of_tables.chain(of_fleet)
    }
}

impl<'a> Question<'a> {
    /// Asks for an update, by its number or the name of a package.
    pub fn new(known: Known<'a>, kb: Kb, file: Option<PackageFile>) -> Self {
        let aims = known.aims(kb);
        Self {
            kb,
            file,
            aims,
            known,
            brought_by: OnceLock::new(),
        }
    }

    /// Understands what a person typed, pasted or dropped: a number or the name of a package.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn understand(text: &str) -> Result<(Kb, Option<PackageFile>), NotAnUpdate> {
        if let Some(kb) = Kb::parse(text) {
            return Ok((kb, None));
        }
        match PackageFile::parse(text) {
            Ok(file) => Ok((file.kb, Some(file))),
            Err(why) if PackageFile::looks_like(text) => Err(NotAnUpdate::Package(why)),
            Err(_) => Err(NotAnUpdate::Number),
        }
    }

    /// The aim that is the device's: that of its family and, where it is told, its kind.
    pub fn aim_for(&self, profile: &Profile) -> Option<&Aim> {
        let family = profile.family?;
        self.aims.iter().find(|aim| {
            aim.package_build == family && (aim.kind.is_none() || aim.kind == profile.kind)
        })
    }

    /// The update that brings a revision.
    pub fn brought_by(&self, profile: &Profile, revision: u32) -> Option<Kb> {
        let brought_by = self.brought_by.get_or_init(|| self.who_brings());
        let (kind, kb) = brought_by.get(&(profile.family?, revision))?;
        (kind.is_none() || *kind == profile.kind).then_some(*kb)
    }

    fn who_brings(&self) -> BroughtBy {
        let families: Vec<u32> = self.aims.iter().map(|aim| aim.package_build).collect();
        let mut brought_by = BTreeMap::new();
        for (told, revision, by) in self.known.revisions() {
            if families.contains(&told.package_build) {
                brought_by
                    .entry((told.package_build, revision))
                    .and_modify(|(kind, known): &mut (Option<DeviceKind>, Kb)| {
                        if *known == by && *kind != Some(told.kind) {
                            *kind = None;
                        }
                    })
                    .or_insert((Some(told.kind), by));
            }
        }
        brought_by
    }

    /// What updates need first.
    pub(super) fn needs(&self) -> impl Iterator<Item = &'a Prerequisite> {
        self.known.knowledge.prerequisites().iter()
    }

    /// The package of the update on a device: that of its revision, or one of its number.
    pub(super) fn package_on<'p>(&self, profile: &'p Profile) -> Option<&'p Package> {
        let of_revision = self.aim_for(profile).and_then(|aim| match aim.brings {
            Brings::Revision(revision) | Brings::Hotpatch { revision, .. } => {
                profile.package(PackageName::Rollup(aim.package_build, revision))
            }
            Brings::Release { .. } => None,
        });
        of_revision.or_else(|| profile.package(PackageName::Update(self.kb)))
    }

    /// The revision whose content a device has by way of a hotpatch.
    pub(super) fn covered(&self, profile: &Profile) -> Option<u32> {
        self.known
            .knowledge
            .covered_by_hotpatch(profile.family?, profile.ubr?)
    }

    /// Whether it is a feature update rather than a quality update.
    pub fn is_feature(&self) -> bool {
        self.aims
            .iter()
            .any(|aim| matches!(aim.brings, Brings::Release { .. }))
    }

    /// What it is for, in words: `Windows 11 22H2, Windows 11 23H2`.
    pub fn is_for(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for aim in &self.aims {
            let releases = self.known.knowledge.releases().iter();
            let of_aim = releases.filter(|release| {
                release.package_build == aim.package_build
                    && aim.kind.is_none_or(|kind| kind == release.kind)
            });
            let before = names.len();
            for release in of_aim {
                if !names.iter().any(|name| **name == *release.name) {
                    names.push(release.name.to_string());
                }
            }
            if names.len() == before {
                names.push(format!("build {}", aim.package_build));
            }
        }
        if names.is_empty() {
            names.extend(
                self.file
                    .as_ref()
                    .map(|file| file.product.title().to_owned()),
            );
        }
        names.join(", ")
    }
}

/// Why a text asks for no update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnUpdate {
    /// It is no number.
    #[error(
        "this is neither an update's number, such as KB5036893, nor a package's name, such as windows10.0-kb5030211-x64.msu"
    )]
    Number,
    /// It looks like a package's name and is none.
    #[error("{0}")]
    Package(super::package_file::NotAPackage),
}
