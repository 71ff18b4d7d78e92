//! Names, release, build and edition (fact sheet section 8).
//!
//! The build decides over every name that the registry gives a release: product names still say Windows 10 on Windows 11, and
//! `ReleaseId` stayed behind on many devices. Where a build belongs to a client and to a server release and nothing tells which
//! of them it is, the kind and the release stay unknown.

use std::sync::Arc;

use serde_json::{Value, json};

use super::valued::{Fact, Reader};
use crate::keys;
use crate::knowledge::{DeviceKind, Knowledge, Release};
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::Data;
use crate::time::Time;

/// First build of Windows 11.
const WINDOWS_11: u32 = 22000;
/// Most tags of a device.
pub const TAGS: usize = 32;
/// Longest tag, in characters.
pub const TAG_CHARS: usize = 64;

/// What a device is. A field is empty where no reading told it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Host name.
    pub host_name: Option<Fact<String>>,
    /// DNS domain.
    pub domain: Option<Fact<String>>,
    /// Distinguished name of the OU.
    pub ou: Option<Fact<String>>,
    /// AD site.
    pub site: Option<Fact<String>>,
    /// Client or server, with the reading that decided it.
    pub kind: Option<Fact<DeviceKind>>,
    /// Build number.
    pub build: Option<Fact<u32>>,
    /// Update build revision.
    pub ubr: Option<Fact<u32>>,
    /// Edition id, `Professional`.
    pub edition: Option<Fact<String>>,
    /// Product name as the registry gives it; evidence only.
    pub product_name: Option<Fact<String>>,
    /// `24H2` as the registry gives it; evidence only.
    pub display_version: Option<Fact<String>>,
    /// `x64`, `arm64`, `x86`.
    pub arch: Option<Fact<String>>,
    /// When this release was installed. A feature update counts as an installation.
    pub installed_at: Option<Fact<Time>>,
    /// The readings that tell release, kind and edition.
    pub evidence: Vec<EvidenceRef>,
    /// The release by build and kind.
    pub release: Option<Arc<Release>>,
    /// Tags that the device was given by policy, else locally: at most [`TAGS`], of [`TAG_CHARS`] characters each.
    pub tags: Vec<String>,
}

/// What rules need of the release and edition; each part may be unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Windows {
    /// Client or server.
    pub kind: Option<DeviceKind>,
    /// Build number.
    pub build: Option<u32>,
    /// Update build revision.
    pub ubr: Option<u32>,
    /// Class of the edition.
    pub edition: Option<EditionClass>,
}

/// Editions as far as rules tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditionClass {
    /// Home.
    Home,
    /// Pro, Enterprise, Education and their kin.
    Business,
    /// Long-term servicing.
    LongTerm,
    /// Windows Server.
    Server,
}

impl DeviceFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>, known: &Knowledge) -> Self {
        let reader = Reader::new(lookup);
        let build = first(
            &reader,
            keys::WINDOWS_NT,
            &["CurrentBuildNumber", "CurrentBuild"],
            number_of,
        );
        let kind = kind(&reader, build, known);
        let edition = reader.text(keys::WINDOWS_NT, "EditionID");
        let mut device = Self {
            host_name: system(&reader, "host_name")
                .or_else(|| reader.text(keys::TCPIP_PARAMETERS, "Hostname"))
                .or_else(|| reader.text(keys::ACTIVE_COMPUTER_NAME, "ComputerName"))
                .or_else(|| reader.text(keys::COMPUTER_NAME, "ComputerName")),
            domain: system(&reader, "domain")
                .or_else(|| reader.text(keys::TCPIP_PARAMETERS, "Domain"))
                .or_else(|| reader.text(keys::TCPIP_PARAMETERS, "NV Domain")),
            ou: system(&reader, "organizational_unit").or_else(|| {
                reader
                    .text(keys::GROUP_POLICY_STATE, "Distinguished-Name")
                    .and_then(|dn| dn.and_then(|dn| organizational_unit_of(&dn)))
            }),
            site: system(&reader, "site")
                .or_else(|| reader.text(keys::NETLOGON_PARAMETERS, "DynamicSiteName"))
                .or_else(|| reader.text(keys::NETLOGON_PARAMETERS, "SiteName")),
            release: build.and_then(|b| release(known, b.value, kind?.value, edition.as_ref())),
            kind,
            build,
            ubr: reader
                .number(keys::WINDOWS_NT, "UBR")
                .and_then(|ubr| ubr.and_then(|n| u32::try_from(n).ok())),
            edition,
            installed_at: reader
                .number(keys::WINDOWS_NT, "InstallDate")
                .and_then(|f| f.and_then(of_epoch)),
            product_name: reader.text(keys::WINDOWS_NT, "ProductName"),
            display_version: reader
                .text(keys::WINDOWS_NT, "DisplayVersion")
                .or_else(|| reader.text(keys::WINDOWS_NT, "ReleaseId")),
            arch: system(&reader, "architecture")
                .or_else(|| reader.text(keys::ENVIRONMENT, "PROCESSOR_ARCHITECTURE"))
                .map(|arch| arch.map(|a| arch_name(&a))),
            tags: tags(&reader),
            evidence: Vec::new(),
        };
        device.evidence = device.telling();
        device
    }

    /// What rules need.
    pub fn windows(&self) -> Windows {
        Windows {
            kind: self.kind.map(|k| k.value),
            build: self.build.map(|b| b.value),
            ubr: self.ubr.map(|u| u.value),
            edition: self.edition_class(),
        }
    }

    /// The release by name: from the table, else what the build alone tells; `None` where not even the build is known.
    pub fn release_name(&self) -> Option<String> {
        if let Some(release) = &self.release {
            return Some(release.name.to_string());
        }
        let build = self.build?.value;
        let product = match self.kind.map(|k| k.value) {
            Some(DeviceKind::Server) => "Windows Server",
            Some(DeviceKind::Client) if build >= WINDOWS_11 => "Windows 11",
            Some(DeviceKind::Client) if build >= 10240 => "Windows 10",
            _ => "Windows",
        };
        Some(format!("{product} (build {build})"))
    }

    fn telling(&self) -> Vec<EvidenceRef> {
        let mut refs: Vec<EvidenceRef> = [
            self.build.map(|f| f.at),
            self.ubr.map(|f| f.at),
            self.kind.map(|f| f.at),
            self.edition.as_ref().map(|f| f.at),
        ]
        .into_iter()
        .flatten()
        .collect();
        refs.dedup();
        refs
    }

    fn edition_class(&self) -> Option<EditionClass> {
        if self.kind.map(|k| k.value) == Some(DeviceKind::Server) {
            return Some(EditionClass::Server);
        }
        self.edition_id().map(edition_class)
    }

    /// The edition's id. Where it is not known, the one that the product's name stands for: recordings often lack the id.
    pub fn edition_id(&self) -> Option<&str> {
        match (&self.edition, &self.product_name) {
            (Some(edition), _) => Some(&edition.value),
            (None, Some(name)) => edition_of_product(&name.value),
            (None, None) => None,
        }
    }

    /// Whether its edition is one for long-term servicing.
    pub fn is_long_term(&self) -> bool {
        self.edition_class() == Some(EditionClass::LongTerm)
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let text = |fact: &Option<Fact<String>>| fact.as_ref().map(|f| f.value.clone());
        json!({
            "host_name": text(&self.host_name),
            "domain": text(&self.domain),
            "ou": text(&self.ou),
            "site": text(&self.site),
            "kind": self.kind.map(|k| k.value.name()),
            "release": self.release_name(),
            "build": self.build.map(|b| b.value),
            "ubr": self.ubr.map(|u| u.value),
            "edition": text(&self.edition),
            "product_name": text(&self.product_name),
            "display_version": text(&self.display_version),
            "arch": text(&self.arch),
            "installed_at": self.installed_at.map(|f| f.value.to_string()),
            "tags": self.tags,
        })
    }
}

/// The tags of the policy where it has any value for them, an empty one too, else those set on the machine. A list holds one a line,
/// a text has them between commas or semicolons.
fn tags(reader: &Reader<'_>) -> Vec<String> {
    let set = [keys::COLLECTOR_POLICY, keys::COLLECTOR]
        .into_iter()
        .filter_map(|key| reader.value(key, keys::TAGS))
        .find(|found| found.data().is_present());
    let lines: Vec<&str> = match set.as_ref().map(Found::data) {
        Some(Data::MultiText(lines)) => lines.iter().map(String::as_str).collect(),
        Some(data) => data
            .string()
            .unwrap_or_default()
            .split([',', ';'])
            .collect(),
        None => Vec::new(),
    };
    let mut tags: Vec<String> = Vec::new();
    for line in lines {
        let tag: String = line.trim().chars().take(TAG_CHARS).collect();
        if !tag.is_empty() && !tags.contains(&tag) && tags.len() < TAGS {
            tags.push(tag);
        }
    }
    tags
}

fn system(reader: &Reader<'_>, name: &str) -> Option<Fact<String>> {
    reader.text(keys::SYSTEM, name)
}

fn first<T>(
    reader: &Reader<'_>,
    path: &str,
    names: &[&str],
    understand: fn(&Reader<'_>, &str, &str) -> Option<Fact<T>>,
) -> Option<Fact<T>> {
    names.iter().find_map(|name| understand(reader, path, name))
}

/// A build as text, the usual form, or as a number.
fn number_of(reader: &Reader<'_>, path: &str, name: &str) -> Option<Fact<u32>> {
    reader
        .text(path, name)
        .and_then(|f| f.and_then(|t| t.parse().ok()))
        .or_else(|| {
            reader
                .number(path, name)?
                .and_then(|n| u32::try_from(n).ok())
        })
}

/// A time in seconds since 1970; zero stands for none.
fn of_epoch(seconds: u64) -> Option<Time> {
    let millis = i64::try_from(seconds).ok()?.checked_mul(1000)?;
    (millis > 0).then(|| Time::from_millis(millis))
}

/// The first source that tells client from server. Multi-session calls itself a server product but is a client.
fn kind(
    reader: &Reader<'_>,
    build: Option<Fact<u32>>,
    known: &Knowledge,
) -> Option<Fact<DeviceKind>> {
    let edition = reader.text(keys::WINDOWS_NT, "EditionID");
    let multi_session = edition
        .clone()
        .filter(|e| e.value.eq_ignore_ascii_case("ServerRdsh"));
    multi_session
        .map(|e| e.map(|_| DeviceKind::Client))
        .or_else(|| {
            reader
                .text(keys::WINDOWS_NT, "InstallationType")?
                .and_then(|t| kind_of_installation(&t))
        })
        .or_else(|| {
            reader
                .text(keys::PRODUCT_OPTIONS, "ProductType")?
                .and_then(|t| kind_of_product_type(&t))
        })
        .or_else(|| edition.map(|e| e.map(|e| kind_of_edition(&e))))
        .or_else(|| {
            reader
                .text(keys::WINDOWS_NT, "ProductName")?
                .and_then(|n| kind_of_product(&n))
        })
        .or_else(|| build?.and_then(|build| kind_of_build(known, build)))
}

fn kind_of_installation(text: &str) -> Option<DeviceKind> {
    let text = text.to_ascii_lowercase();
    if text.contains("server") {
        Some(DeviceKind::Server)
    } else if text == "client" {
        Some(DeviceKind::Client)
    } else {
        None
    }
}

fn kind_of_product_type(text: &str) -> Option<DeviceKind> {
    match text.to_ascii_lowercase().as_str() {
        "winnt" => Some(DeviceKind::Client),
        "servernt" | "lanmannt" => Some(DeviceKind::Server),
        _ => None,
    }
}

fn kind_of_edition(text: &str) -> DeviceKind {
    if text.to_ascii_lowercase().starts_with("server") {
        DeviceKind::Server
    } else {
        DeviceKind::Client
    }
}

fn kind_of_product(text: &str) -> Option<DeviceKind> {
    let text = text.to_ascii_lowercase();
    if text.contains("server") {
        Some(DeviceKind::Server)
    } else if text.starts_with("windows") {
        Some(DeviceKind::Client)
    } else {
        None
    }
}

/// A build that only clients, or only servers, ever had.
fn kind_of_build(known: &Knowledge, build: u32) -> Option<DeviceKind> {
    let mut kinds = known.releases_of_build(build).map(|r| r.kind);
    let kind = kinds.next()?;
    kinds.all(|other| other == kind).then_some(kind)
}

/// Of the releases of a build, the one of this kind; semi-annual channel servers have editions of their own.
fn release(
    known: &Knowledge,
    build: u32,
    kind: DeviceKind,
    edition: Option<&Fact<String>>,
) -> Option<Arc<Release>> {
    let fitting: Vec<&Arc<Release>> = known
        .releases_of_build(build)
        .filter(|r| r.kind == kind)
        .collect();
    let semi_annual = edition.is_some_and(|e| {
        let e = e.value.to_ascii_lowercase();
        e.ends_with("acor") || e.ends_with("acorecor")
    });
    match fitting.as_slice() {
        [only] => Some(Arc::clone(only)),
        several => several
            .iter()
            .find(|r| r.name.contains("(SAC)") == semi_annual)
            .map(|r| Arc::clone(r)),
    }
}

fn edition_class(edition: &str) -> EditionClass {
    let edition = edition.to_ascii_lowercase();
    if edition == "serverrdsh" {
        EditionClass::Business
    } else if edition.starts_with("server") {
        EditionClass::Server
    } else if edition.starts_with("core") {
        EditionClass::Home
    } else if edition.starts_with("enterprises") || edition.starts_with("iotenterprises") {
        EditionClass::LongTerm
    } else {
        EditionClass::Business
    }
}

/// The id of the edition that a product's name tells.
fn edition_of_product(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let says = |word: &str| name.split([' ', '-']).any(|part| part == word);
    let long_term = says("ltsc") || says("ltsb");
    if long_term && says("iot") {
        Some("IoTEnterpriseS")
    } else if long_term {
        Some("EnterpriseS")
    } else if says("home") {
        Some("Core")
    } else if says("pro") {
        Some("Professional")
    } else if says("enterprise") {
        Some("Enterprise")
    } else if says("education") {
        Some("Education")
    } else {
        None
    }
}

fn arch_name(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "amd64" | "x64" | "x86_64" => "x64".to_owned(),
        "arm64" | "aarch64" => "arm64".to_owned(),
        other => other.to_owned(),
    }
}

/// A machine's distinguished name without its first part; a comma behind a backslash belongs to the name.
pub fn organizational_unit_of(dn: &str) -> Option<String> {
    let mut escaped = false;
    for (place, c) in dn.char_indices() {
        match c {
            '\\' => escaped = !escaped,
            ',' if !escaped => return dn.get(place + 1..).map(|rest| rest.trim().to_owned()),
            _ => escaped = false,
        }
    }
    None
}

#[cfg(test)]
mod tests;
