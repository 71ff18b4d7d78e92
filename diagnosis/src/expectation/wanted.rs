//! What a person writes down: wishes for the whole fleet and for scopes of it.
//!
//! Scopes stand in an order, and for each single wish the first scope that holds it and the device decides; then the whole fleet's
//! wish, then the catalogue's default for clients or servers. So a scope that only sets a scan age leaves the rest as it is.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Expectations, ExpectedSource, KbList, SERVER_BYTES, UpdateClass};
use crate::filter::{Filter, FilterError, Subject, Test, TextField};
use crate::knowledge::DeviceKind;
use crate::time::{DAY_MS, MINUTE_MS};

/// Longest time that a wish can name, in days.
const MOST_DAYS: u32 = 3650;
/// Most characters of a scope's name, and of what manages it.
const NAME_CHARS: usize = 100;

/// Gigabytes as disks and the catalogue count them for Windows: 1024³ bytes.
pub const fn bytes_of_gigabytes(gigabytes: u64) -> u64 {
    gigabytes.saturating_mul(1 << 30)
}

/// Wishes; each that is left out is decided elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// Where quality updates should come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality_source: Option<ExpectedSource>,
    /// Where feature updates should come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_source: Option<ExpectedSource>,
    /// Where drivers should come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_source: Option<ExpectedSource>,
    /// Where updates of other products should come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_source: Option<ExpectedSource>,
    /// Longest deferral of quality updates, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_quality_deferral_days: Option<u32>,
    /// Longest deferral of feature updates, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_feature_deferral_days: Option<u32>,
    /// Oldest successful scan, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_scan_days: Option<u32>,
    /// How long a device may be behind the newest revision seen of its release, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind_days: Option<u32>,
    /// From which age on a pending restart is serious, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_reboot_serious_days: Option<u32>,
    /// Whether clients should have Microsoft Update Health Tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_health_tools_wanted: Option<bool>,
    /// Lowest version of Update Health Tools that is good enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_health_tools_minimum: Option<String>,
    /// Whether devices should be registered with Entra ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory_registration_wanted: Option<bool>,
    /// Free room on the system drive below which it is a warning, in gigabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_space_warning_gb: Option<u32>,
    /// Free room on the system drive below which it is serious, in gigabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_space_serious_gb: Option<u32>,
    /// By how much a clock may be off before it is a warning, in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_warning_minutes: Option<u32>,
    /// By how much a clock may be off before it is serious, in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_serious_minutes: Option<u32>,
    /// After which time without a word a collector is silent, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_days: Option<u32>,
    /// How far ahead an end of service is near, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_of_service_near_days: Option<u32>,
    /// Failures of one installation in a row that make it an issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_failures: Option<u32>,
    /// Updates that devices should have, such as `KB5036893, KB5036892`; one for each release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted_updates: Option<KbList>,
    /// What else manages updates here, such as `ConfigMgr`. Issues that only say so are not applicable then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
}

/// The devices that a wish is for: a filter that asks nothing which diagnosis itself decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceScope(Filter);

/// Wishes for the devices of one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopedWish {
    /// What the owner calls it.
    pub name: String,
    /// Which devices it is for.
    pub scope: DeviceScope,
    /// What is wanted of them.
    #[serde(default)]
    pub wanted: Wanted,
}

/// All wishes of a fleet's owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// By scope; the first that holds a device and a wish decides it.
    pub scopes: Vec<ScopedWish>,
    /// For every device, where no scope decides.
    pub fleet: Wanted,
}

/// A wish that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWish {
    /// The filter is none.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The scope would depend on what it decides.
    #[error(
        "a scope cannot ask for {0}: it is decided with the scope's own expectations; use name, domain, ou, site, tag, kind, release, \
         edition, arch, build, ubr or id"
    )]
    Circular(&'static str),
    /// A text is empty or too long.
    #[error("{0} must have 1 to {NAME_CHARS} characters, none of them a control character")]
    BadText(&'static str),
    /// A number makes no sense.
    #[error("{name} = {value} makes no sense: {why}")]
    BadNumber {
        /// The wish.
        name: &'static str,
        /// Its value.
        value: u32,
        /// Which values do.
        why: &'static str,
    },
    /// The source is none that one can want.
    #[error("{0} must be windows-update or wsus")]
    BadSource(&'static str),
    /// A server only goes with WSUS.
    #[error("{0} names a server, which goes with source wsus alone")]
    ServerWithoutWsus(&'static str),
    /// The server is no address.
    #[error(
        "{0} must name its server as an address such as https://wsus.example.org:8531, without blanks and of at most {SERVER_BYTES} bytes"
    )]
    BadServer(&'static str),
}

impl DeviceScope {
    /// Every device.
    pub const ALL: Self = Self(Filter::Everything);

    /// From a filter's text.
    ///
    /// # Errors
    /// Where it is no filter, or asks for issues, causes, states or the standing.
    pub fn parse(text: &str) -> Result<Self, BadWish> {
        let filter = Filter::parse(text)?;
        match asks_for_findings(&filter) {
            Some(what) => Err(BadWish::Circular(what)),
            None => Ok(Self(filter)),
        }
    }

    /// The filter.
    pub const fn filter(&self) -> &Filter {
        &self.0
    }

    /// Whether a device is in it.
    pub fn holds(&self, device: &dyn Subject) -> bool {
        self.0.matches(device)
    }
}

fn asks_for_findings(filter: &Filter) -> Option<&'static str> {
    match filter {
        Filter::Everything => None,
        Filter::All(parts) | Filter::Any(parts) => parts.iter().find_map(asks_for_findings),
        Filter::Not(inner) => asks_for_findings(inner),
        Filter::Is(test) => match test {
            Test::Issue(_) => Some("issue"),
            Test::Cause(_) => Some("cause"),
            Test::State(_) => Some("state"),
            Test::Text(TextField::Standing, _) => Some("standing"),
            Test::Text(TextField::Primary, _) => Some("primary"),
            Test::Text(TextField::Source, _) => Some("source"),
            Test::Text(..) | Test::Number(..) => None,
        },
    }
}

impl fmt::Display for DeviceScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for DeviceScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Wanted {
    /// Whether it wishes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The wished source of a class.
    pub const fn source(&self, class: UpdateClass) -> Option<&ExpectedSource> {
        match class {
            UpdateClass::Quality => self.quality_source.as_ref(),
            UpdateClass::Feature => self.feature_source.as_ref(),
            UpdateClass::Driver => self.driver_source.as_ref(),
            UpdateClass::Other => self.other_source.as_ref(),
        }
    }

    /// Whether every wish can be.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check(&self) -> Result<(), BadWish> {
        for (name, days) in [
            (
                "longest_quality_deferral_days",
                self.longest_quality_deferral_days,
            ),
            (
                "longest_feature_deferral_days",
                self.longest_feature_deferral_days,
            ),
            (
                "pending_reboot_serious_days",
                self.pending_reboot_serious_days,
            ),
            ("behind_days", self.behind_days),
            ("end_of_service_near_days", self.end_of_service_near_days),
            ("free_space_warning_gb", self.free_space_warning_gb),
            ("free_space_serious_gb", self.free_space_serious_gb),
        ] {
            in_range(name, days, 0, MOST_DAYS, "0 to 3650 is possible")?;
        }
        for (name, number) in [
            ("oldest_scan_days", self.oldest_scan_days),
            ("silent_days", self.silent_days),
        ] {
            in_range(name, number, 1, MOST_DAYS, "1 to 3650 is possible")?;
        }
        for (name, minutes) in [
            ("clock_warning_minutes", self.clock_warning_minutes),
            ("clock_serious_minutes", self.clock_serious_minutes),
        ] {
            in_range(name, minutes, 1, 525_600, "1 to 525600 is possible")?;
        }
        in_range(
            "install_failures",
            self.install_failures,
            1,
            100,
            "1 to 100 is possible",
        )?;
        for (name, source) in [
            ("quality_source", &self.quality_source),
            ("feature_source", &self.feature_source),
            ("driver_source", &self.driver_source),
            ("other_source", &self.other_source),
        ] {
            source.as_ref().map_or(Ok(()), |s| s.check(name))?;
        }
        for (name, text) in [
            ("managed_by", &self.managed_by),
            (
                "update_health_tools_minimum",
                &self.update_health_tools_minimum,
            ),
        ] {
            text.as_ref().map_or(Ok(()), |t| good_text(name, t))?;
        }
        Ok(())
    }

    /// Takes over what is not decided here.
    pub fn fill_from(&mut self, other: &Self) {
        macro_rules! fill {
            ($($field:ident),* $(,)?) => {
                $(if self.$field.is_none() {
                    self.$field.clone_from(&other.$field);
                })*
            };
        }
        fill!(
            quality_source,
            feature_source,
            driver_source,
            other_source,
            longest_quality_deferral_days,
            longest_feature_deferral_days,
            oldest_scan_days,
            behind_days,
            pending_reboot_serious_days,
            update_health_tools_wanted,
            update_health_tools_minimum,
            directory_registration_wanted,
            free_space_warning_gb,
            free_space_serious_gb,
            clock_warning_minutes,
            clock_serious_minutes,
            silent_days,
            end_of_service_near_days,
            install_failures,
            wanted_updates,
            managed_by,
        );
    }

    pub(super) fn over(self, defaults: Expectations) -> Expectations {
        let days =
            |wish: Option<u32>, default: i64| wish.map_or(default, |days| i64::from(days) * DAY_MS);
        let minutes = |wish: Option<u32>, default: i64| {
            wish.map_or(default, |minutes| i64::from(minutes) * MINUTE_MS)
        };
        let gigabytes = |wish: Option<u32>, default: u64| {
            wish.map_or(default, |gb| bytes_of_gigabytes(u64::from(gb)))
        };
        Expectations {
            scope: None,
            longest_quality_deferral_days: self.longest_quality_deferral_days,
            longest_feature_deferral_days: self.longest_feature_deferral_days,
            oldest_scan_ms: days(self.oldest_scan_days, defaults.oldest_scan_ms),
            behind_ms: days(self.behind_days, defaults.behind_ms),
            pending_reboot_serious_after_ms: days(
                self.pending_reboot_serious_days,
                defaults.pending_reboot_serious_after_ms,
            ),
            update_health_tools_wanted: self
                .update_health_tools_wanted
                .unwrap_or(defaults.update_health_tools_wanted),
            update_health_tools_minimum: self.update_health_tools_minimum,
            directory_registration_wanted: self
                .directory_registration_wanted
                .unwrap_or(defaults.directory_registration_wanted),
            free_space_warning_bytes: gigabytes(
                self.free_space_warning_gb,
                defaults.free_space_warning_bytes,
            ),
            free_space_serious_bytes: gigabytes(
                self.free_space_serious_gb,
                defaults.free_space_serious_bytes,
            ),
            clock_warning_ms: minutes(self.clock_warning_minutes, defaults.clock_warning_ms),
            clock_serious_ms: minutes(self.clock_serious_minutes, defaults.clock_serious_ms),
            silent_after_ms: days(self.silent_days, defaults.silent_after_ms),
            end_of_service_near_ms: days(
                self.end_of_service_near_days,
                defaults.end_of_service_near_ms,
            ),
            install_failures: self.install_failures.unwrap_or(defaults.install_failures),
            wanted_updates: self
                .wanted_updates
                .map_or_else(Vec::new, |list| list.all().to_vec()),
            managed_by: self.managed_by,
            sources: [
                self.quality_source,
                self.feature_source,
                self.driver_source,
                self.other_source,
            ],
        }
    }
}

fn in_range(
    name: &'static str,
    value: Option<u32>,
    least: u32,
    most: u32,
    why: &'static str,
) -> Result<(), BadWish> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(BadWish::BadNumber { name, value, why })
        }
        _ => Ok(()),
    }
}

fn good_text(name: &'static str, text: &str) -> Result<(), BadWish> {
    let chars = text.chars().count();
    if text.trim().is_empty() || chars > NAME_CHARS || text.chars().any(char::is_control) {
        return Err(BadWish::BadText(name));
    }
    Ok(())
}

impl ScopedWish {
    /// Whether the name and every wish can be.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check(&self) -> Result<(), BadWish> {
        good_text("name", &self.name)?;
        self.wanted.check()
    }
}

impl Wishes {
    /// What is expected of a device.
    pub fn resolve(&self, device: &dyn Subject, kind: Option<DeviceKind>) -> Expectations {
        let mut chosen = Wanted::default();
        let mut first = None;
        for (place, wish) in self.scopes.iter().enumerate() {
            if wish.scope.holds(device) {
                first.get_or_insert(place);
                chosen.fill_from(&wish.wanted);
            }
        }
        chosen.fill_from(&self.fleet);
        Expectations {
            scope: first,
            ..chosen.over(Expectations::of(kind))
        }
    }

    /// The devices whose first scope is the one at `place`.
    pub fn devices_of(&self, place: usize) -> Filter {
        let earlier = self.scopes.iter().take(place);
        let not_earlier = earlier.map(|w| Filter::Not(Box::new(w.scope.filter().clone())));
        let own = self
            .scopes
            .get(place)
            .map_or(Filter::Everything, |w| w.scope.filter().clone());
        not_earlier.fold(own, Filter::and)
    }

    /// Whether every wish can be.
    ///
    /// # Errors
    /// The first that cannot, with the scope's name.
    pub fn check(&self) -> Result<(), (String, BadWish)> {
        self.fleet
            .check()
            .map_err(|why| ("the whole fleet".to_owned(), why))?;
        self.scopes
            .iter()
            .try_for_each(|wish| wish.check().map_err(|why| (wish.name.clone(), why)))
    }
}

#[cfg(test)]
mod tests;
