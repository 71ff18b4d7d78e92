//! Updates: which build revision an update brings, to which family of builds.
//!
//! The number of a cumulative update stands nowhere in its packages, which carry the build alone (fact sheet section 9). The fleet
//! learns the pairs from its devices; this table has what is known without it.

use std::collections::BTreeMap;

use super::releases::DeviceKind;
use super::table::{Table, TableError};
use crate::kb::Kb;
use crate::time::Time;

/// The updates, by number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Updates {
    by_number: BTreeMap<u32, Vec<KnownUpdate>>,
    /// What hotpatches cover, by family and their own revision.
    hotpatches: BTreeMap<(u32, u32), u32>,
    /// The cumulative update of the highest revision, by family and kind of device: it is asked for at every diagnosis.
    newest: BTreeMap<(u32, DeviceKind), KnownUpdate>,
}

/// What an update brings to one family of builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownUpdate {
    /// Its number.
    pub kb: Kb,
    /// What sort of update it is.
    pub kind: UpdateKind,
    /// The build in the names of the family's packages.
    pub package_build: u32,
    /// Clients or servers; both where nothing is said.
    pub device_kind: Option<DeviceKind>,
    /// The revision that it brings; of an enablement package the least that it needs.
    pub revision: u32,
    /// When it came out.
    pub released: Option<Time>,
}

/// Sorts of updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpdateKind {
    /// A cumulative update, of whatever channel: it brings all that came before.
    Cumulative,
    /// A hotpatch: to its subscribers it brings what the cumulative update of this revision brings, at a lower revision.
    Hotpatch {
        /// The revision of the cumulative update of its month.
        covers: u32,
    },
    /// An enablement package: it makes another release of a device of the same family.
    Enablement {
        /// That release's build.
        target_build: u32,
    },
}

impl Updates {
    pub(super) fn parse(table: &Table<'_>) -> Result<Self, TableError> {
        let mut updates: BTreeMap<u32, Vec<KnownUpdate>> = BTreeMap::new();
        let mut told = Vec::with_capacity(table.rows.len());
        let number = |text: &str| text.parse().ok();
        for row in &table.rows {
            let kb = row.understood(0, "an update's number such as KB5036893", Kb::parse)?;
            let target = row.understood_if_there(4, "a build", number)?;
            let covers = row.understood_if_there(6, "a revision", number)?;
            let kind = match (row.text(1), target, covers) {
                ("cumulative", None, None) => UpdateKind::Cumulative,
                ("hotpatch", None, Some(covers)) => UpdateKind::Hotpatch { covers },
                ("enablement", Some(target_build), None) => UpdateKind::Enablement { target_build },
                (other, ..) => {
                    return Err(row.error(format!(
                        "{other:?} is not a kind of update: `cumulative`, `hotpatch` (with covers_revision) or `enablement` (with target_build)"
                    )));
                }
            };
            row.filled(7, "the source")?;
            let package_build = row.understood(2, "a build", number)?;
            let device_kind =
                row.understood_if_there(8, "`client` or `server`", DeviceKind::named)?;
            told.push((kb.number(), package_build, device_kind));
            updates.entry(kb.number()).or_default().push(KnownUpdate {
                kb,
                kind,
                package_build,
                device_kind,
                revision: row.understood(3, "a revision", number)?,
                released: row.understood_if_there(5, "a day", Time::parse_loose)?,
            });
        }
        table.each_once("this update, for this build and kind of device,", told)?;
        let all = updates.values().flatten();
        let hotpatches = all.filter_map(|update| match update.kind {
            UpdateKind::Hotpatch { covers } => {
                Some(((update.package_build, update.revision), covers))
            }
            _ => None,
        });
        let mut newest: BTreeMap<(u32, DeviceKind), KnownUpdate> = BTreeMap::new();
        let cumulative = updates.values().flatten();
        for update in cumulative.filter(|update| update.kind == UpdateKind::Cumulative) {
            for kind in [DeviceKind::Client, DeviceKind::Server] {
                if update.device_kind.is_some_and(|own| own != kind) {
                    continue;
                }
                let known = newest
                    .entry((update.package_build, kind))
                    .or_insert_with(|| update.clone());
                if known.revision < update.revision {
                    known.clone_from(update);
                }
            }
        }
        Ok(Self {
            newest,
            hotpatches: hotpatches.collect(),
            by_number: updates,
        })
    }

    pub(super) fn of(&self, kb: u32) -> &[KnownUpdate] {
        self.by_number.get(&kb).map_or(&[], Vec::as_slice)
    }

    pub(super) fn newest(&self, package_build: u32, kind: DeviceKind) -> Option<&KnownUpdate> {
        self.newest.get(&(package_build, kind))
    }

    pub(super) fn covered(&self, package_build: u32, revision: u32) -> Option<u32> {
        self.hotpatches.get(&(package_build, revision)).copied()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &KnownUpdate> {
        self.by_number.values().flatten()
    }
}
