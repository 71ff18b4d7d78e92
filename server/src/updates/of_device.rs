//! Why an update is, or is not, on one device: with the readings that show it, and the way out.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::context::Sighting;
use sickbay_diagnosis::explanation::{Class, Question, Reason, WayOut, evidence};
use sickbay_diagnosis::observation::{EvidenceRef, Observations};
use sickbay_diagnosis::reading::Evidence;
use sickbay_store::DeviceDetail;

use super::explained;
use crate::judgement::{Device, Judgement};
use crate::rules::Rules;

/// Where one device stands with an update.
#[derive(Debug)]
pub struct OfDevice {
    /// Its class.
    pub class: Class,
    /// What decides.
    pub why: Told,
    /// What would decide if that were not so, in order.
    pub rest: Vec<Told>,
    /// The issue that most likely keeps updates away in general.
    pub primary: Option<String>,
    /// What to do by hand; nothing where the device has the update, or it is for others.
    pub way_out: Option<WayOut>,
}

/// A reason with what shows it.
#[derive(Debug)]
pub struct Told {
    /// The class that it makes.
    pub class: Class,
    /// In one sentence.
    pub sentence: String,
    /// The readings.
    pub evidence: Vec<Evidence>,
}

/// Asks for one device, from its observations as they are stored.
pub fn of_device(
    detail: &DeviceDetail,
    rules: &Rules,
    question: &Question<'_>,
    now: Time,
) -> OfDevice {
    let device = Device::from(detail);
    let judged = Judgement::of(&device, rules, now);
    let profile = detail
        .sighting
        .reported
        .then(|| judged.profile(&detail.sighting, rules, now));
    let explanation = explained(question, profile.as_ref(), now);
    let case = judged.case(&detail.sighting, rules, now);
    let tell = |reason: &Reason<'_>| Told {
        class: reason.class(),
        sentence: reason.sentence(&rules.knowledge),
        evidence: evidence(reason, question, &case, &judged.diagnosis)
            .iter()
            .filter_map(|at| shown(*at, &detail.observations, &detail.sighting))
            .collect(),
    };
    let class = explanation.class();
    let lacks_it = !class.is_done() && !class.is_elsewhere();
    let way_out = profile
        .as_ref()
        .filter(|_| lacks_it)
        .map(|profile| WayOut::of(question, profile));
    OfDevice {
        class,
        why: tell(&explanation.decisive),
        rest: explanation.rest.iter().map(tell).collect(),
        primary: Some(judged.summary.primary_issue.clone()).filter(|issue| !issue.is_empty()),
        way_out,
    }
}

fn shown(at: EvidenceRef, observations: &Observations, sighting: &Sighting) -> Option<Evidence> {
    observations.evidence(at, Some(sighting))
}
