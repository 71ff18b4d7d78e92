//! What the rules come to for one device: pure, no I/O, no clock. Ingest, pages, the API and previews all ask here, so that they
//! never say different things.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use sickbay_diagnosis::context::Sighting;
use sickbay_diagnosis::expectation::Expectations;
use sickbay_diagnosis::explanation::Profile;
use sickbay_diagnosis::facts::update_agent::ClientId;
use sickbay_diagnosis::facts::{Fact, Facts};
use sickbay_diagnosis::filter::{FindingView, NumberField, Subject, TextField};
use sickbay_diagnosis::issue::{Case, Shared};
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_diagnosis::observation::{EvidenceRef, Observations};
use sickbay_diagnosis::reading::Evidence;
use sickbay_diagnosis::verdict::Verdict;
use sickbay_diagnosis::{Diagnosis, Time, diagnose, diagnose_listed, diagnose_unreported};
use sickbay_store::{DeviceDetail, DeviceState, DeviceStatus, DeviceSummary};
use uuid::Uuid;

use crate::rules::Rules;

/// What the server knows of a device, beside what its checks saw.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Its id.
    pub id: Uuid,
    /// Whether it is a machine of the imported list that no device stands for.
    pub listed: bool,
    /// Its summary as last written.
    pub summary: &'a DeviceSummary,
    /// Tags that its token gave it.
    pub tags: &'a [String],
    /// What the server saw of it.
    pub sighting: &'a Sighting,
}

impl<'a> From<&'a DeviceState> for Standing<'a> {
    fn from(state: &'a DeviceState) -> Self {
        Self {
            id: state.identity.id,
            listed: state.identity.status == DeviceStatus::Listed,
            summary: &state.summary,
            tags: &state.tags,
            sighting: &state.sighting,
        }
    }
}

/// A device as far as judging it needs.
#[derive(Debug, Clone, Copy)]
pub struct Device<'a> {
    /// What the server knows of it.
    pub standing: Standing<'a>,
    /// What its checks saw.
    pub observations: &'a Observations,
}

impl<'a> From<&'a DeviceDetail> for Device<'a> {
    fn from(detail: &'a DeviceDetail) -> Self {
        Self {
            standing: Standing {
                id: detail.row.identity.id,
                listed: detail.row.identity.status == DeviceStatus::Listed,
                summary: &detail.row.summary,
                tags: &detail.row.tags,
                sighting: &detail.sighting,
            },
            observations: &detail.observations,
        }
    }
}

impl Device<'_> {
    /// The readings behind a verdict of it.
    pub fn evidence(&self, verdict: &Verdict) -> Vec<Evidence> {
        self.evidence_of(&verdict.evidence)
    }

    /// The readings that are referred to.
    pub fn evidence_of(&self, references: &[EvidenceRef]) -> Vec<Evidence> {
        let resolve = |reference| {
            self.observations
                .evidence(reference, Some(self.standing.sighting))
        };
        references
            .iter()
            .filter_map(|reference| resolve(*reference))
            .collect()
    }
}

/// What the rules come to.
#[derive(Debug)]
pub struct Judgement {
    /// What the observations mean.
    pub facts: Arc<Facts>,
    /// What is expected of the device.
    pub expectations: Expectations,
    /// Every verdict.
    pub diagnosis: Diagnosis,
    /// Open issues that are accepted, and until when.
    pub accepted: BTreeMap<&'static str, Time>,
    /// What lists and filters need of it, with its primary cause.
    pub summary: DeviceSummary,
}

impl Judgement {
    /// Judges a device for `now`. Of one that never reported only what the server alone can tell is decided.
    pub fn of(device: &Device<'_>, rules: &Rules, now: Time) -> Self {
        let facts = Facts::derive(device.observations, &rules.knowledge);
        Self::by(Arc::new(facts), &device.standing, rules, now)
    }

    /// The same where facts are at hand, told by the rules' knowledge.
    pub fn by(facts: Arc<Facts>, device: &Standing<'_>, rules: &Rules, now: Time) -> Self {
        let mut summary = summarise(&facts, device.summary);
        let subject = Described {
            id: device.id,
            summary: &summary,
            tags: device.tags,
        };
        let kind = [DeviceKind::Client, DeviceKind::Server]
            .into_iter()
            .find(|kind| kind.name() == summary.kind);
        let expectations = rules.wishes.resolve(&subject, kind);
        let case = Case {
            facts: &facts,
            expectations: &expectations,
            fleet: &rules.fleet,
            sighting: Some(device.sighting),
            now,
            shared: Shared::default(),
        };
        let diagnosis = if device.listed {
            diagnose_listed(&summary.ou)
        } else if device.sighting.reported {
            diagnose(&case)
        } else {
            diagnose_unreported(&case)
        };
        let accepted: BTreeMap<&'static str, Time> = diagnosis
            .iter()
            .filter(|(_, verdict)| verdict.severity().is_some())
            .filter_map(|(issue, _)| {
                let until = rules.acceptances.until(issue.id, &subject, now)?;
                Some((issue.id, until))
            })
            .collect();
        summary.primary_issue = diagnosis
            .primary_among(|issue| !accepted.contains_key(issue.id))
            .map_or_else(String::new, |issue| issue.id.to_owned());
        Self {
            facts,
            expectations,
            diagnosis,
            accepted,
            summary,
        }
    }

    /// What was judged, as rules see it.
    pub fn case<'a>(&'a self, sighting: &'a Sighting, rules: &'a Rules, now: Time) -> Case<'a> {
        Case {
            facts: &self.facts,
            expectations: &self.expectations,
            fleet: &rules.fleet,
            sighting: Some(sighting),
            now,
            shared: Shared::default(),
        }
    }

    /// What questions about updates need of the device.
    pub fn profile(&self, sighting: &Sighting, rules: &Rules, now: Time) -> Profile {
        let primary = Some(self.summary.primary_issue.as_str()).filter(|issue| !issue.is_empty());
        Profile::of(&self.case(sighting, rules, now), &self.diagnosis, primary)
    }

    /// The first moment at which a verdict may change, or an acceptance ends, without a new report.
    pub fn valid_until(&self) -> Option<Time> {
        let verdicts = self.diagnosis.valid_until();
        let acceptances = self.accepted.values().min().copied();
        match (verdicts, acceptances) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// A device as scopes see it.
struct Described<'a> {
    id: Uuid,
    summary: &'a DeviceSummary,
    tags: &'a [String],
}

impl Subject for Described<'_> {
    fn texts(&self, field: TextField) -> Vec<Cow<'_, str>> {
        let summary = self.summary;
        let text = match field {
            TextField::Id => return vec![self.id.to_string().into()],
            TextField::Tag => {
                let reported = summary.reported_tags.iter();
                let all = self.tags.iter().chain(reported);
                return all.map(|tag| tag.as_str().into()).collect();
            }
            TextField::Name => &summary.name,
            TextField::Domain => &summary.domain,
            TextField::Ou => &summary.ou,
            TextField::Site => &summary.site,
            TextField::Kind => &summary.kind,
            TextField::Release => &summary.release,
            TextField::Edition => &summary.edition,
            TextField::Arch => &summary.arch,
            // A scope that asks for these is refused when it is written down: they are decided here, or judged by what is expected.
            TextField::Standing | TextField::Primary | TextField::Source => "",
        };
        vec![text.into()]
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        match field {
            NumberField::Build => self.summary.build,
            NumberField::Ubr => self.summary.ubr,
        }
        .map(u64::from)
    }

    fn findings(&self) -> Vec<FindingView<'_>> {
        Vec::new()
    }
}

/// The summary of a device but for its primary cause. What the machine said when it enrolled, or in an earlier report, is better than
/// nothing.
fn summarise(facts: &Facts, before: &DeviceSummary) -> DeviceSummary {
    let client_id = match facts.update_agent.as_ref().map(|agent| &agent.client_id) {
        Ok(ClientId::Is(id)) => id.value.clone(),
        Ok(ClientId::None(_)) => String::new(),
        Ok(ClientId::Unknown(_)) | Err(_) => before.client_id.clone(),
    };
    let stack = facts
        .servicing_stack
        .as_ref()
        .ok()
        .and_then(|stack| stack.build)
        .map(|(_, revision)| revision)
        .or(before.stack);
    let known = DeviceSummary {
        sources: facts.sources(),
        primary_issue: String::new(),
        client_id,
        stack,
        ..before.clone()
    };
    let Ok(device) = &facts.device else {
        return known;
    };
    // In an order of their own, so that a policy that lists them differently is no news.
    let mut reported_tags = device.tags.clone();
    reported_tags.sort_unstable();
    let text = |fact: &Option<Fact<String>>| fact.as_ref().map(|f| f.value.clone());
    DeviceSummary {
        name: text(&device.host_name).unwrap_or_else(|| before.name.clone()),
        domain: text(&device.domain).unwrap_or_else(|| before.domain.clone()),
        ou: text(&device.ou).unwrap_or_else(|| before.ou.clone()),
        site: text(&device.site).unwrap_or_default(),
        kind: device
            .kind
            .map_or_else(String::new, |kind| kind.value.name().to_owned()),
        release: device.release_name().unwrap_or_default(),
        build: device.build.map(|build| build.value),
        ubr: device.ubr.map(|ubr| ubr.value),
        edition: text(&device.edition).unwrap_or_default(),
        arch: text(&device.arch).unwrap_or_default(),
        reported_tags,
        ..known
    }
}
