//! Update packages of component based servicing (fact sheet section 9).
//!
//! A cumulative update's package name tells its build and revision, not its KB number, so `kb` is empty for those.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::valued::{Reader, children};
use crate::kb::Kb;
use crate::keys;
use crate::observation::{EvidenceRef, Lookup};
use crate::time::Time;

/// The packages, in the order of the readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdatesFacts {
    /// Each update package.
    pub packages: Vec<Package>,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name without key token, architecture and version: `Package_for_RollupFix`.
    pub name: String,
    /// `amd64`, `arm64`, `x86`.
    pub arch: String,
    /// `22000.318.1.8`.
    pub version: String,
    /// Build and revision, where the version tells.
    pub build: Option<(u32, u32)>,
    /// Its number, where the name tells.
    pub kb: Option<Kb>,
    /// Where it stands.
    pub state: PackageState,
    /// When it was installed.
    pub installed_at: Option<Time>,
    /// Who installed it, `UpdateAgentLCU`.
    pub client: Option<String>,
    /// The reading of its state.
    pub at: Option<EvidenceRef>,
}

macro_rules! package_states {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $name:literal,)*) => {
        /// Where a package stands. The numbers are those of the registry's `CurrentState`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum PackageState {
            $($(#[$doc])* $variant,)*
            /// Another number, or none.
            Unknown(Option<u32>),
        }

        impl PackageState {
            fn of(number: Option<u32>) -> Self {
                match number {
                    $(Some($number) => Self::$variant,)*
                    other => Self::Unknown(other),
                }
            }

            /// The public word.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Unknown(_) => "unknown",
                }
            }
        }
    };
}

package_states! {
    /// Not there any more.
    Absent = 0 "absent",
    /// Leaves at the next restart.
    UninstallPending = 0x05 "uninstall-pending",
    /// Being resolved.
    Resolving = 0x10 "resolving",
    /// Resolved.
    Resolved = 0x20 "resolved",
    /// Being staged.
    Staging = 0x30 "staging",
    /// Staged: normal for features on demand.
    Staged = 0x40 "staged",
    /// A later one took its place.
    Superseded = 0x50 "superseded",
    /// Becomes installed at the next restart.
    InstallPending = 0x60 "install-pending",
    /// Half of it is there.
    PartiallyInstalled = 0x65 "partially-installed",
    /// Installed.
    Installed = 0x70 "installed",
    /// Installed and cannot be removed.
    Permanent = 0x80 "permanent",
    /// Marked invalid after it was permanent.
    InvalidPermanent = 0xFFFF_FF80 "invalid-permanent",
    /// Marked invalid after it was installed.
    InvalidInstalled = 0xFFFF_FF90 "invalid-installed",
    /// Marked invalid after it was staged.
    InvalidStaged = 0xFFFF_FFC0 "invalid-staged",
    /// Marked invalid after it was resolved.
    InvalidResolved = 0xFFFF_FFE0 "invalid-resolved",
}

impl PackageState {
    /// Whether it is there and in force.
    pub const fn is_installed(self) -> bool {
        matches!(self, Self::Installed | Self::Permanent)
    }

    /// Whether it is neither in force nor gone: on its way, or stuck there. Features on demand are staged for good.
    pub const fn is_unsettled(self) -> bool {
        match self {
            Self::Absent
            | Self::Resolved
            | Self::Staged
            | Self::Superseded
            | Self::Installed
            | Self::Permanent
            | Self::Unknown(None) => false,
            Self::UninstallPending
            | Self::Resolving
            | Self::Staging
            | Self::InstallPending
            | Self::Unknown(Some(_)) => true,
            _ => self.is_broken(),
        }
    }

    /// Whether servicing left it half done, or marked it invalid.
    pub const fn is_broken(self) -> bool {
        matches!(
            self,
            Self::PartiallyInstalled
                | Self::InvalidPermanent
                | Self::InvalidInstalled
                | Self::InvalidStaged
                | Self::InvalidResolved
        )
    }
}

impl UpdatesFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        Self {
            packages: packages(&reader),
        }
    }

    /// Whether a package of this update is in force. That none is says nothing of cumulative updates, whose packages do
    /// not tell their KB.
    pub fn is_installed(&self, kb: Kb) -> bool {
        self.packages
            .iter()
            .any(|package| package.kb == Some(kb) && package.state.is_installed())
    }

    /// The facts as JSON: a list.
    pub fn json(&self) -> Value {
        Value::Array(self.packages.iter().map(Package::json).collect())
    }
}

impl Package {
    fn json(&self) -> Value {
        json!({
            "package": self.name,
            "kb": self.kb.map(|kb| kb.to_string()),
            "version": self.version,
            "arch": self.arch,
            "state": self.state.name(),
            "installed_at": self.installed_at.map(|t| t.to_string()),
            "installed_by": self.client,
        })
    }
}

/// The packages that the readings of a check tell of.
pub(super) fn packages(reader: &Reader<'_>) -> Vec<Package> {
    children(reader, keys::CBS_PACKAGES)
        .into_iter()
        .filter_map(|full| package(reader, full))
        .collect()
}

fn package(reader: &Reader<'_>, full: &str) -> Option<Package> {
    let path = format!(r"{}\{full}", keys::CBS_PACKAGES);
    let parts: Vec<&str> = full.split('~').collect();
    let [name, _token, arch, _language, version] = parts.as_slice() else {
        return None;
    };
    let half = |name: &str| reader.number(&path, name).map(|f| f.value);
    let filetime = half("InstallTimeHigh")
        .zip(half("InstallTimeLow"))
        .and_then(|(high, low)| Some((high.checked_mul(1 << 32)?) | low));
    let state = reader.number(&path, "CurrentState");
    Some(Package {
        kb: kb_of(name),
        name: (*name).to_owned(),
        arch: (*arch).to_owned(),
        version: (*version).to_owned(),
        build: build_and_revision(version),
        state: PackageState::of(state.map(|f| f.value as u32)),
        installed_at: filetime.and_then(Time::from_filetime),
        client: reader.text(&path, "InstallClient").map(|f| f.value),
        at: state.map(|f| f.at),
    })
}

/// The number in a package name such as `Package_for_KB5031358` or `Package_2_for_KB5031358`; letters may follow it.
fn kb_of(name: &str) -> Option<Kb> {
    let (_, tail) = name.split_once("_for_")?;
    tail.get(..2)?
        .eq_ignore_ascii_case("kb")
        .then(|| Kb::find(tail))?
}

/// Build and revision in a version: packages are of `22000.280.1.0`, registered servicing stacks of `10.0.22000.280`. No build of Windows has
/// fewer than four digits, and nothing before it counts.
pub(super) fn build_and_revision(version: &str) -> Option<(u32, u32)> {
    const SMALLEST_BUILD: u32 = 1000;
    let mut parts = version.split('.');
    let build = loop {
        let part = parts.next()?.parse().ok()?;
        if part >= SMALLEST_BUILD {
            break part;
        }
    };
    Some((build, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_tells_build_and_revision_wherever_they_stand() {
        let told = |version| build_and_revision(version);
        assert_eq!(told("22000.280.1.0"), Some((22000, 280)));
        assert_eq!(told("10.0.22000.280"), Some((22000, 280)));
        assert_eq!(told("6.1.7601.24544"), Some((7601, 24544)));
        assert_eq!(told("1.437"), None);
        assert_eq!(told("22000"), None);
        assert_eq!(told("of 22000.280"), None);
        assert_eq!(told(""), None);
    }
}
