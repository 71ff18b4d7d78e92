//! Hits that come from the fleet: devices, groups, causes, what runs a build, what a filter leaves.

use sickbay_diagnosis::filter::{Filter, Pattern, Test, TextField};
use sickbay_diagnosis::issues;
use sickbay_store::{DeviceRow, DeviceStatus, FoundCause, Group, InFleet, StoreError};
use sickbay_web::links;

use super::{Hit, Kind, OF_HOLDS, Search, Section, devices_with};

impl Search<'_> {
    /// Active devices, and the others.
    pub(super) async fn devices(&self, fleet: &InFleet) -> Result<(Section, Section), StoreError> {
        let counted = &fleet.counted;
        let is_alone = counted.called_so == 1;
        let is_alone_elsewhere = counted.called_so == 0 && counted.others_called_so == 1;
        let mut active = self.by_name(&fleet.devices, is_alone);
        let mut others = self.by_name(&fleet.others, is_alone_elsewhere);
        let (mut total, mut total_of_others) = (counted.active, counted.others);
        if let Some(id) = self.asked.device
            && let Some(detail) = self.app.store.device(&self.viewer.scope, id).await?
        {
            let row = detail.row;
            let (hits, total) = if row.identity.status == DeviceStatus::Active {
                (&mut active, &mut total)
            } else {
                (&mut others, &mut total_of_others)
            };
            hits.insert(0, hit(&row, "Its id is this", true));
            *total += 1;
        }
        // A host name with its domain is no part of what the list compares.
        let list = self.asked.host.is_none();
        let list = list.then(|| devices_with(TextField::Name, &format!("*{}*", self.asked.text)));
        Ok((
            self.section(Kind::Device, active, total, list),
            self.section(Kind::Other, others, total_of_others, None),
        ))
    }

    fn by_name(&self, rows: &[DeviceRow], is_alone: bool) -> Vec<Hit> {
        let hits = rows.iter().map(|row| {
            let (why, is_whole) = self.why(row);
            hit(row, why, is_alone && is_whole)
        });
        hits.collect()
    }

    /// Why a device's name was found, and whether the text is no other's.
    fn why(&self, row: &DeviceRow) -> (&'static str, bool) {
        let summary = &row.summary;
        let is = |text: &str| summary.name.eq_ignore_ascii_case(text);
        if is(self.asked.text) {
            return ("Its host name is this", true);
        }
        if let Some(host) = self.asked.host.filter(|host| is(host.label)) {
            let own = summary.domain.to_lowercase();
            let typed = host.domain.to_lowercase();
            return match own.strip_prefix(typed.as_str()) {
                _ if own.is_empty() => ("Its host name is this; its domain is not known", true),
                Some("") => ("Its host name and domain are this", true),
                Some(_) => ("Its host name is this, and its domain begins so", false),
                None => ("Its host name is this, in another domain", false),
            };
        }
        let begins = summary.name.get(..self.asked.text.len());
        match begins {
            Some(begins) if begins.eq_ignore_ascii_case(self.asked.text) => {
                ("Its host name begins so", false)
            }
            _ => ("Its host name has this in it", false),
        }
    }

    /// Devices that share a word.
    pub(super) fn groups(&self, groups: &[(TextField, Group)]) -> Section {
        let hits = groups.iter().map(|(field, group)| Hit {
            id: Filter::Is(Test::Text(*field, Pattern::new(&group.value))).to_string(),
            title: group.value.clone(),
            why: format!("{} of devices", what(*field)),
            href: devices_with(*field, &group.value),
            devices: Some(group.devices),
            is_named: false,
        });
        self.whole(Kind::Group, hits.take(super::SHOWN_ALONE).collect())
            .counted(groups.len())
    }

    /// Causes, but for those of holds that are told as holds.
    pub(super) fn causes(&self, causes: &[FoundCause]) -> Section {
        let is_told = |cause: &FoundCause| {
            let id = cause.cause.key.split('/').next();
            cause.issue == OF_HOLDS && id.and_then(|id| id.parse().ok()) == self.asked.hold
        };
        let causes: Vec<&FoundCause> = causes
            .iter()
            .filter(|cause| self.asked.hold.is_none() || !is_told(cause))
            .collect();
        let hits = causes.iter().filter_map(|found| {
            let issue = issues::get(&found.issue)?;
            let filter = Filter::Is(Test::Cause(Pattern::new(&found.cause.key)));
            Some(Hit {
                id: found.cause.key.clone(),
                title: found.cause.label.clone(),
                why: format!("A cause of “{}”", issue.title),
                href: links::issue(issue.id, &filter.to_string()),
                devices: Some(found.devices),
                is_named: false,
            })
        });
        self.whole(Kind::Cause, hits.take(super::SHOWN_ALONE).collect())
            .counted(causes.len())
    }

    /// What runs a build, where anything does or the build is a known one.
    pub(super) async fn build(&self) -> Result<Section, StoreError> {
        let mut hits = Vec::new();
        if let Some(build) = self.asked.build {
            let releases = self.rules.knowledge.releases_of_build(build.number);
            let names: Vec<&str> = releases.map(|release| &*release.name).collect();
            let text = build.filter();
            let devices = match Filter::parse(&text) {
                Ok(filter) => {
                    let counted = self.app.store.count_devices(&self.viewer.scope, &filter);
                    counted.await?
                }
                Err(_) => 0,
            };
            if devices > 0 || !names.is_empty() {
                hits.push(Hit {
                    id: build.written(),
                    title: format!("Build {}", build.written()),
                    why: if names.is_empty() {
                        "Devices run it".to_owned()
                    } else {
                        format!("A build of {}", names.join(", "))
                    },
                    href: links::devices(&text),
                    devices: Some(devices),
                    is_named: false,
                });
            }
        }
        Ok(self.whole(Kind::Build, hits))
    }

    /// The devices that the text's own condition leaves.
    pub(super) async fn filter(&self) -> Result<Section, StoreError> {
        let mut hits = Vec::new();
        if let Some(Ok(filter)) = &self.asked.filter {
            let store = &self.app.store;
            let devices = store.count_devices(&self.viewer.scope, filter).await?;
            hits.push(Hit {
                id: filter.to_string(),
                title: self.asked.text.to_owned(),
                why: "The text names fields of devices".to_owned(),
                href: links::devices(self.asked.text),
                devices: Some(devices),
                is_named: false,
            });
        }
        Ok(self.whole(Kind::Filter, hits))
    }
}

impl Section {
    /// With how many there are, where hits were made of the first alone.
    fn counted(mut self, total: usize) -> Self {
        self.total = self.total.max(total as u64);
        self
    }
}

fn hit(row: &DeviceRow, why: &str, is_named: bool) -> Hit {
    let summary = &row.summary;
    let about = [
        status(row.identity.status),
        summary.release.as_str(),
        summary.domain.as_str(),
    ];
    let mut parts = vec![why];
    parts.extend(about.into_iter().filter(|part| !part.is_empty()));
    Hit {
        id: row.identity.id.to_string(),
        title: if summary.name.is_empty() {
            row.identity.id.to_string()
        } else {
            summary.name.clone()
        },
        why: parts.join(" · "),
        href: links::device(&row.identity.id.to_string()),
        devices: None,
        is_named,
    }
}

/// What is told of a status; nothing of an active device.
const fn status(status: DeviceStatus) -> &'static str {
    match status {
        DeviceStatus::Active => "",
        DeviceStatus::Pending => "waits for approval",
        DeviceStatus::Revoked => "revoked",
        DeviceStatus::Retired => "retired",
        DeviceStatus::Replaced => "replaced by another record",
        DeviceStatus::Listed => "of the imported list, without a collector",
    }
}

const fn what(field: TextField) -> &'static str {
    match field {
        TextField::Release => "Release",
        TextField::Ou => "OU",
        TextField::Site => "Site",
        TextField::Tag => "Tag",
        TextField::Domain => "Domain",
        _ => "Group",
    }
}
