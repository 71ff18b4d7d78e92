//! The JSON object of an inspection, an outside interface: fields are added, never renamed.

use serde_json::{Map, Value, json};
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::Evidence;
use sickbay_diagnosis::verdict::{Severity, Verdict};

use super::Inspected;

/// `device`, `facts`, `verdicts`, and `observations` with the readings that they rest on.
pub(super) fn json(inspected: &Inspected) -> Value {
    let facts = inspected.facts_json();
    let verdicts: Vec<Value> = inspected
        .diagnosis
        .iter()
        .map(|(issue, verdict)| verdict_json(inspected, issue, verdict))
        .collect();
    let observations: Map<String, Value> = inspected
        .observations
        .iter()
        .map(|(check, observation)| (check.name().to_owned(), observation_json(observation)))
        .collect();
    json!({
        "as_of": inspected.now.to_string(),
        "elapsed_ms": inspected.elapsed_ms,
        "device": facts.get("device").cloned().unwrap_or(Value::Null),
        "facts": facts,
        "verdicts": verdicts,
        "primary": inspected.diagnosis.primary().map(|issue| issue.id),
        "observations": observations,
    })
}

fn verdict_json(inspected: &Inspected, issue: &Issue, verdict: &Verdict) -> Value {
    json!({
        "issue": issue.id,
        "state": verdict.state().name(),
        "severity": verdict.severity().map(Severity::name),
        "causes": verdict.causes(),
        "summary": verdict.summary,
        "valid_until": verdict.valid_until.map(|at| at.to_string()),
        "evidence": inspected.evidence(verdict),
    })
}

fn observation_json(observation: &Observation) -> Value {
    let (outcome, reason) = match &observation.outcome {
        Outcome::Seen(_) => ("seen", None),
        Outcome::Unavailable(reason) => ("unavailable", Some(reason)),
        Outcome::Failed(reason) => ("failed", Some(reason)),
    };
    let readings: Vec<Evidence> = observation
        .readings()
        .iter()
        .map(|reading| Evidence::of(reading, observation.taken_at))
        .collect();
    let mut object = json!({
        "outcome": outcome,
        "taken_at": observation.taken_at.to_string(),
        "readings": readings,
    });
    if let Some(reason) = reason {
        object["reason"] = json!(reason);
    }
    object
}
