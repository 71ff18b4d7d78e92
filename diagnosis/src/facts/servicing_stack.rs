//! The version of the servicing stack (fact sheet section 7).
//!
//! Two sources: the newest installed servicing stack package, and the versions registered with component based servicing. The
//! numerically higher one counts; both stay visible.

use serde_json::{Value, json};

use super::update_health_tools::numbers;
use super::updates::{Package, build_and_revision, packages};
use super::valued::Reader;
use crate::keys;
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::{Data, Source};

/// The servicing stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicingStackFacts {
    /// Build and revision of the newest.
    pub build: Option<(u32, u32)>,
    /// The same in words, `22000.280`.
    pub version: Option<String>,
    /// Full version of the newest installed package.
    pub package: Option<String>,
    /// Newest registered version whose folder exists or was not looked at.
    pub registered: Option<String>,
    /// Whether the key of registered versions was read, and with which trouble.
    pub registration: StackRegistration,
    /// The readings that tell.
    pub evidence: Vec<EvidenceRef>,
}

/// How the registered versions of the stack stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StackRegistration {
    /// Each version that is registered has its folder.
    Whole {
        /// The readings of versions and folders.
        evidence: Vec<EvidenceRef>,
    },
    /// These versions point to folders that are not there.
    Dangling {
        /// The versions, newest first.
        versions: Vec<String>,
        /// The readings of versions and folders.
        evidence: Vec<EvidenceRef>,
        /// Whether no registered version has its folder.
        none_left: bool,
    },
    /// The key, which every Windows has, or every version in it is missing.
    Empty {
        /// The reading of the key.
        evidence: Vec<EvidenceRef>,
    },
    /// It could not be told: why.
    Unknown(String),
}

impl ServicingStackFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let package = packages(&reader)
            .into_iter()
            .filter(|p| p.state.is_installed() && p.name.contains("ServicingStack"))
            .max_by_key(|p| numbers(&p.version));
        let registered = registered(&reader);
        let registered_build = registered
            .as_ref()
            .and_then(|(version, _)| build_and_revision(version));
        // None is less than any.
        let best = package.as_ref().and_then(|p| p.build).max(registered_build);
        Self {
            build: best,
            version: best.map(|(build, revision)| format!("{build}.{revision}")),
            evidence: package
                .iter()
                .filter_map(|p: &Package| p.at)
                .chain(registered.as_ref().map(|(_, at)| *at))
                .collect(),
            package: package.map(|p| p.version),
            registered: registered.map(|(version, _)| version),
            registration: registration(&reader),
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        json!({
            "version": self.version,
            "package": self.package,
            "registered": self.registered,
        })
    }
}

/// The newest version that is registered and whose folder is not known to be missing.
fn registered(reader: &Reader<'_>) -> Option<(String, EvidenceRef)> {
    let missing = |folder: &str| {
        reader.all().any(|f| {
            f.reading.source == Source::File
                && f.reading.path.eq_ignore_ascii_case(folder)
                && *f.data() == Data::Absent
        })
    };
    reader
        .all()
        .filter(|f| f.reading.path.eq_ignore_ascii_case(keys::CBS_VERSION))
        .filter(|f| f.data().is_present() && !f.data().string().is_some_and(missing))
        .filter_map(|f| Some((f.reading.name.clone()?, f.at)))
        .filter(|(version, _)| version.starts_with(|c: char| c.is_ascii_digit()))
        .max_by_key(|(version, _)| numbers(version))
}

/// Registered versions beside their folders.
fn registration(reader: &Reader<'_>) -> StackRegistration {
    let key = reader.key(keys::CBS_VERSION);
    match key.as_ref().map(Found::data) {
        Some(Data::Key(_)) => {}
        Some(Data::Absent) => {
            return StackRegistration::Empty {
                evidence: key.iter().map(|f| f.at).collect(),
            };
        }
        Some(Data::Unreadable(why)) => {
            return StackRegistration::Unknown(format!(
                "{} could not be read: {why}",
                keys::CBS_VERSION
            ));
        }
        _ => {
            return StackRegistration::Unknown(
                "the registered versions were not recorded".to_owned(),
            );
        }
    }
    let folders: Vec<Found<'_>> = reader
        .all()
        .filter(|f| f.reading.source == Source::File)
        .collect();
    let mut versions: Vec<(String, Option<bool>)> = Vec::new();
    let mut evidence = Vec::new();
    for found in reader.all() {
        let reading = found.reading;
        let (Some(version), Some(folder)) = (&reading.name, reading.data.string()) else {
            continue;
        };
        if !reading.path.eq_ignore_ascii_case(keys::CBS_VERSION)
            || !version.starts_with(|c: char| c.is_ascii_digit())
        {
            continue;
        }
        let of_folder = folders
            .iter()
            .find(|f| f.reading.path.eq_ignore_ascii_case(folder));
        let is_there = of_folder.and_then(|f| match f.data() {
            Data::Key(_) => Some(true),
            Data::Absent => Some(false),
            _ => None,
        });
        versions.push((version.clone(), is_there));
        evidence.push(found.at);
        evidence.extend(of_folder.map(|f| f.at));
    }
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(numbers(version)));
    let missing: Vec<String> = versions
        .iter()
        .filter(|(_, there)| *there == Some(false))
        .map(|(version, _)| version.clone())
        .collect();
    if versions.is_empty() {
        StackRegistration::Empty {
            evidence: key.iter().map(|f| f.at).collect(),
        }
    } else if !missing.is_empty() {
        StackRegistration::Dangling {
            none_left: missing.len() == versions.len(),
            versions: missing,
            evidence,
        }
    } else if versions.iter().all(|(_, there)| there.is_none()) {
        StackRegistration::Unknown("the folders of its versions were not recorded".to_owned())
    } else {
        StackRegistration::Whole { evidence }
    }
}
