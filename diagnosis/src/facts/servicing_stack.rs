//! The version of the servicing stack (fact sheet section 7).
//!
//! Two sources: the newest installed servicing stack package, and the versions registered with component based servicing. The
//! numerically higher one counts; both stay visible.

use serde_json::{Value, json};

use super::update_health_tools::numbers;
use super::updates::{Package, packages};
use super::valued::Reader;
use crate::keys;
use crate::observation::{EvidenceRef, Lookup};
use crate::reading::{Data, Source};

/// The servicing stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicingStackFacts {
    /// Build and revision of the newest, `22000.280`.
    pub version: Option<String>,
    /// Full version of the newest installed package.
    pub package: Option<String>,
    /// Newest registered version whose folder exists or was not looked at.
    pub registered: Option<String>,
    /// The readings that tell.
    pub evidence: Vec<EvidenceRef>,
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
        let version = [
            package.as_ref().map(|p| build_and_revision(&p.version)),
            registered
                .as_ref()
                .map(|(version, _)| build_and_revision(version)),
        ];
        let best = version.into_iter().flatten().max();
        Self {
            version: best.map(|(build, revision)| format!("{build}.{revision}")),
            evidence: package
                .iter()
                .filter_map(|p: &Package| p.at)
                .chain(registered.as_ref().map(|(_, at)| *at))
                .collect(),
            package: package.map(|p| p.version),
            registered: registered.map(|(version, _)| version),
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

/// Packages are named `22000.280.1.0`, registered versions `10.0.22000.280`.
fn build_and_revision(version: &str) -> (u64, u64) {
    const SMALLEST_BUILD: u64 = 1000;
    let mut parts = numbers(version)
        .into_iter()
        .skip_while(|n| *n < SMALLEST_BUILD);
    (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    )
}
