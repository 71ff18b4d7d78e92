//! What the compatibility appraiser says of each target release (fact sheet section 2).
//!
//! The appraiser leaves a key for every release it ever judged. Which of them count depends on the installed release and on a
//! release that policy pins; [`SafeguardFacts::relevant`] tells.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::device::Windows;
use super::valued::{Fact, Reader, children};
use crate::keys;
use crate::knowledge::{DeviceKind, Knowledge, Release};
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::Data;
use crate::time::{DAY_MS, Time};

/// The key that stands for no release.
const NO_TARGET: &str = "UNV";
/// Appraisals older than this say little, in days; our own threshold.
pub const APPRAISAL_FRESH_DAYS: i64 = 14;
/// The policy that pins a release.
const PIN: &str = "TargetReleaseVersionInfo";
/// First build whose policy can turn holds off (1809).
const OPT_OUT_SINCE: u32 = 17763;
const WINDOWS_11: u32 = 22000;

/// The appraiser's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeguardFacts {
    /// Whether the appraiser has run, else why that cannot be told.
    pub appraised: Appraised,
    /// One per target release, in the order of the readings.
    pub targets: Vec<Target>,
    /// The policy that turns holds off, where it is set and this release reads it.
    pub opt_out: Option<EvidenceRef>,
    /// The release that policy pins.
    pub pinned: Option<Pinned>,
    /// Why it is not known whether policy pins one.
    pub pin_unknown: Option<String>,
    /// The readings of the policy, set or not.
    pub pin_looked_at: Vec<EvidenceRef>,
    /// The key of all targets.
    pub key: Option<EvidenceRef>,
}

/// Whether the appraiser left anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appraised {
    /// It did.
    Yes,
    /// It never ran here.
    Never,
    /// Its key could not be read: why.
    Unreadable(String),
}

/// What the appraiser says of one target release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its code, `NI22H2`.
    pub code: String,
    /// The release that the code stands for, where it is known.
    pub release: Option<Arc<Release>>,
    /// Whether it is newer than the installed release; also where that cannot be told.
    pub is_newer: bool,
    /// Safeguard holds, eight digits each.
    pub holds: Vec<Fact<u32>>,
    /// Texts that go with the holds.
    pub reasons: Vec<String>,
    /// Hardware and software blocks that are no safeguard holds.
    pub red: Vec<Fact<String>>,
    /// The upgrade experience is red.
    pub experience_red: Option<EvidenceRef>,
    /// Prerequisites that failed.
    pub failed_prerequisites: Vec<String>,
    /// When it was appraised.
    pub appraised_at: Option<Time>,
    /// Why a value of it could not be read.
    pub unreadable: Option<String>,
    /// Every reading of it.
    pub evidence: Vec<EvidenceRef>,
}

/// The release that policy pins the device to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// As the policy says, `24H2`.
    pub version: Fact<String>,
    /// The release, where product and version name one without doubt.
    pub release: Option<Arc<Release>>,
}

/// Which targets count for the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relevant<'a> {
    /// These.
    Targets(Vec<&'a Target>),
    /// The pinned release is installed, or older than what is.
    OnTarget(&'a Release),
    /// The appraiser has no word on the pinned release.
    PinnedMissing(String),
}

const VALUES: [&str; 10] = [
    "GatedBlockId",
    "GatedBlockReason",
    "RedReason",
    "FailedPrereqs",
    "UpgEx",
    "UpgExU",
    "GStatus",
    "DestBuildNum",
    "Timestamp",
    "TimestampEpochString",
];

impl SafeguardFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>, windows: Windows, known: &Knowledge) -> Self {
        let reader = Reader::new(lookup);
        let key = reader.key(keys::APPRAISER_TARGETS);
        let targets: Vec<Target> = children(&reader, keys::APPRAISER_TARGETS)
            .into_iter()
            .filter(|code| !code.eq_ignore_ascii_case(NO_TARGET))
            .map(|code| Target::derive(&reader, code, windows, known))
            .collect();
        let appraised = match key.as_ref().map(Found::data) {
            _ if !targets.is_empty() => Appraised::Yes,
            Some(Data::Key(_)) => Appraised::Yes,
            Some(Data::Unreadable(why)) => Appraised::Unreadable(why.clone()),
            Some(Data::NotRecorded) => Appraised::Unreadable("it was not recorded".to_owned()),
            _ => Appraised::Never,
        };
        let opt_out = [keys::POLICY, keys::MDM_UPDATE]
            .into_iter()
            .find_map(|path| {
                reader
                    .number(path, "DisableWUfBSafeguards")
                    .filter(|f| f.value == 1)
            })
            .filter(|_| windows.build.is_none_or(|build| build >= OPT_OUT_SINCE));
        Self {
            appraised,
            targets,
            opt_out: opt_out.map(|f| f.at),
            pinned: pinned(&reader, windows, known),
            pin_unknown: pin_unknown(&reader),
            pin_looked_at: reader.refs(keys::POLICY, &["TargetReleaseVersion", PIN]),
            key: key.map(|k| k.at),
        }
    }

    /// The targets that count: the pinned one alone where policy pins one, else every release newer than the installed one, all
    /// where the installed one cannot be told.
    pub fn relevant(&self, windows: Windows) -> Relevant<'_> {
        let Some(pinned) = &self.pinned else {
            return Relevant::Targets(self.targets.iter().filter(|t| t.is_newer).collect());
        };
        if let (Some(release), Some(build)) = (&pinned.release, windows.build)
            && release.build <= build
        {
            return Relevant::OnTarget(release);
        }
        let release = pinned.release.as_ref();
        let code = release.and_then(|r| r.feature_update_code.as_deref());
        let wanted = |t: &&Target| match code {
            Some(code) => t.code.eq_ignore_ascii_case(code),
            None => ends_with(&t.code, &pinned.version.value),
        };
        let found: Vec<&Target> = self.targets.iter().filter(wanted).collect();
        if found.is_empty() {
            Relevant::PinnedMissing(pinned.version.value.clone())
        } else {
            Relevant::Targets(found)
        }
    }

    /// The facts as JSON: one object per target.
    pub fn json(&self) -> Value {
        let targets = self.targets.iter().map(|t| (t.code.clone(), t.json()));
        Value::Object(targets.collect::<Map<String, Value>>())
    }
}

impl Target {
    fn derive(reader: &Reader<'_>, code: &str, windows: Windows, known: &Knowledge) -> Self {
        let path = format!(r"{}\{code}", keys::APPRAISER_TARGETS);
        let lines = |name: &str| said(reader, &path, name);
        let holds = lines("GatedBlockId")
            .into_iter()
            .flat_map(|line| {
                let ids: Vec<u32> = line
                    .value
                    .split([',', ';', ' '])
                    .filter_map(hold_id)
                    .collect();
                ids.into_iter()
                    .map(move |value| Fact { value, at: line.at })
            })
            .collect();
        let texts = |name: &str| lines(name).into_iter().map(|l| l.value).collect();
        Self {
            holds,
            reasons: texts("GatedBlockReason"),
            red: lines("RedReason"),
            experience_red: lines("UpgEx")
                .into_iter()
                .find(|l| l.value.eq_ignore_ascii_case("Red"))
                .map(|l| l.at),
            failed_prerequisites: texts("FailedPrereqs"),
            appraised_at: appraised_at(reader, &path),
            unreadable: reader.unreadable(&[&path]).map(|why| why.value),
            evidence: reader.told(&path, &VALUES),
            release: known.release_of_code(code).cloned(),
            is_newer: is_newer(known, code, windows.build),
            code: code.to_owned(),
        }
    }

    /// `Windows 11 22H2`, or the bare code where it stands for no known release.
    pub fn release_name(&self) -> &str {
        self.release.as_ref().map_or(&*self.code, |r| &r.name)
    }

    /// Whether the appraisal is too old to say much.
    pub fn is_old(&self, now: Time) -> bool {
        self.appraised_at
            .is_some_and(|at| now.since(at) > APPRAISAL_FRESH_DAYS * DAY_MS)
    }

    fn json(&self) -> Value {
        let red: Vec<&str> = self.red.iter().map(|r| r.value.as_str()).collect();
        let ids: Vec<String> = self.holds.iter().map(|h| h.value.to_string()).collect();
        json!({
            "ids": ids,
            "reasons": self.reasons,
            "release": self.release.as_ref().map(|r| &*r.name),
            "red_reasons": red,
            "upgrade_experience_red": self.experience_red.is_some(),
            "failed_prerequisites": self.failed_prerequisites,
            "appraised_at": self.appraised_at.map(|t| t.to_string()),
        })
    }
}

/// What a list value says, `None` and empty lines left out. Scripts and releases differ in its type, so both are read.
fn said(reader: &Reader<'_>, path: &str, name: &str) -> Vec<Fact<String>> {
    let Some(found) = reader.value(path, name) else {
        return Vec::new();
    };
    found
        .reading
        .data
        .lines()
        .into_iter()
        .map(str::trim)
        .filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("None"))
        .map(|text| Fact {
            value: text.to_owned(),
            at: found.at,
        })
        .collect()
}

fn hold_id(text: &str) -> Option<u32> {
    (text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn appraised_at(reader: &Reader<'_>, path: &str) -> Option<Time> {
    if let Some(filetime) = reader.number(path, "Timestamp") {
        return Time::from_filetime(filetime.value);
    }
    const LARGEST_IN_SECONDS: i64 = 100_000_000_000;
    let epoch: i64 = reader
        .text(path, "TimestampEpochString")?
        .value
        .parse()
        .ok()?;
    // Some releases write seconds and some milliseconds.
    Some(Time::from_millis(if epoch < LARGEST_IN_SECONDS {
        epoch.saturating_mul(1000)
    } else {
        epoch
    }))
}

fn pinned(reader: &Reader<'_>, windows: Windows, known: &Knowledge) -> Option<Pinned> {
    let (path, version) = [keys::POLICY, keys::MDM_UPDATE]
        .into_iter()
        .find_map(|path| {
            let switched_off = path == keys::POLICY
                && reader
                    .number(path, "TargetReleaseVersion")
                    .is_some_and(|f| f.value == 0);
            let version = reader.text(path, PIN).or_else(|| {
                (path == keys::MDM_UPDATE)
                    .then(|| reader.text(path, "TargetReleaseVersion"))
                    .flatten()
            })?;
            (!switched_off).then_some((path, version))
        })?;
    let product = reader
        .text(path, "ProductVersion")
        .map(|p| p.value)
        .or_else(|| {
            let build = windows.build?;
            Some(
                if build >= WINDOWS_11 {
                    "Windows 11"
                } else {
                    "Windows 10"
                }
                .to_owned(),
            )
        });
    let release = match product {
        Some(product) => known.release_named(&product, &version.value),
        None => only_release(known, &version.value),
    };
    let release = release.cloned();
    Some(Pinned { version, release })
}

fn pin_unknown(reader: &Reader<'_>) -> Option<String> {
    match reader.value(keys::POLICY, PIN)?.data() {
        Data::Unreadable(why) => Some(format!("{} could not be read: {why}", keys::POLICY)),
        Data::NotRecorded => Some(format!("{} was not recorded", keys::POLICY)),
        _ => None,
    }
}

/// The client release of that version where only one product has it.
fn only_release<'a>(known: &'a Knowledge, version: &str) -> Option<&'a Arc<Release>> {
    let candidates =
        ["Windows 10", "Windows 11"].map(|product| known.release_named(product, version));
    match candidates {
        [Some(release), None] | [None, Some(release)] => Some(release),
        _ => None,
    }
}

/// Whether a target is a newer release than the installed build. A code that the table lacks is compared by the half-year in
/// its name; what cannot be compared counts as newer, so that no hold is overlooked.
fn is_newer(known: &Knowledge, code: &str, installed: Option<u32>) -> bool {
    let Some(installed) = installed else {
        return true;
    };
    if let Some(release) = known.release_of_code(code) {
        return release.build > installed;
    }
    let of_installed = known
        .releases()
        .iter()
        .filter(|r| r.kind == DeviceKind::Client && r.build <= installed)
        .max_by_key(|r| r.build)
        .and_then(|r| half_year(r.version()));
    match (half_year(code), of_installed) {
        (Some(target), Some(installed)) => target > installed,
        _ => true,
    }
}

/// Year and half of a code or version that ends like `24H2`.
fn half_year(text: &str) -> Option<(u32, u32)> {
    let tail = text.get(text.len().checked_sub(4)?..)?;
    let (year, half) = tail.split_once(['H', 'h'])?;
    Some((year.parse().ok()?, half.parse().ok()?))
}

fn ends_with(code: &str, version: &str) -> bool {
    code.len()
        .checked_sub(version.len())
        .and_then(|start| code.get(start..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(version))
}
