//! `/devices/{id}`.

use axum::extract::{Path, Query};
use axum::response::Html;
use serde::Deserialize;
use sickbay_diagnosis::facts::Facts;
use sickbay_diagnosis::facts::update_log::LogLine;
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::issues;
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::verdict::{State, Verdict};
use sickbay_diagnosis::{Check, Time};
use sickbay_store::{
    AuditQuery, AuditRow, DeviceDetail, DeviceStatus, HistoryRow, Relative, Role, Scope,
};
use sickbay_web::Nav;
use sickbay_web::pages::device::{
    CollectorHealth, DevicePage, FactGroup, HistoryLine, Identity, Looked, RecordLine, Story,
    UpdateLine, Updates, VerdictView,
};
use sickbay_web::pages::message::Refusal;

use super::{PageError, Visit, build_text, status_word};
use crate::api::devices::device_id;
use crate::identity::story;
use crate::judgement::{Device, Judgement};

/// Rows of history shown.
const HISTORY: u32 = 50;
/// Lines of the record shown; the newest.
const RECORD: u32 = 20;

#[derive(Debug, Deserialize)]
pub(super) struct DeviceQuery {
    /// The last row of history seen.
    before: Option<i64>,
    /// Said where somebody asked a device to look again that is not connected.
    away: Option<String>,
}

pub(super) async fn show(
    visit: Visit,
    Path(id): Path<String>,
    Query(query): Query<DeviceQuery>,
) -> Result<Html<String>, PageError> {
    let id = visit.told(device_id(&id))?;
    let store = &visit.app.store;
    let device = visit.told(store.device(visit.scope(), id).await)?;
    let Some(device) = device else {
        return Err(visit.error(Refusal::NoSuchDevice));
    };
    let history = store
        .history(visit.scope(), id, query.before, HISTORY + 1)
        .await;
    let mut history = visit.told(history)?;
    let older = history.len() > HISTORY as usize;
    history.truncate(HISTORY as usize);

    let record = store.audit(&AuditQuery::of(id, RECORD)).await;
    let mut record = visit.told(record)?;
    let mut device = device;
    if *visit.scope() != Scope::All {
        // Who did what is for those who see the whole fleet; and what is out of sight is not named as a relative.
        record.clear();
        let life = &mut device.life;
        let keys = life.predecessors.iter().chain(&life.successor);
        let keys: Vec<i64> = keys.map(|relative| relative.device.key).collect();
        let seen = visit.told(store.device_ids(visit.scope(), &keys).await)?;
        let is_seen = |relative: &Relative| seen.iter().any(|one| one.key == relative.device.key);
        life.predecessors.retain(is_seen);
        life.successor = life.successor.take().filter(is_seen);
    }
    let now = visit.app.clock.now();
    let connected = visit.app.fleet.is_connected(device.row.identity.key);
    let rules = visit.app.rules.get();
    let judged = Judgement::of(&Device::from(&device), &rules, now);
    let diagnosis = &judged.diagnosis;
    let of = |state: State| -> Vec<VerdictView> {
        diagnosis
            .iter()
            .filter(|(_, verdict)| verdict.state() == state)
            .map(|(issue, verdict)| view(issue, verdict, &device, &judged))
            .collect()
    };
    let mut open = of(State::Open);
    let primary = issues::get(&judged.summary.primary_issue);
    open.sort_by_key(|v| {
        let is_primary = primary.is_some_and(|p| p.id == v.issue.id);
        (!is_primary, std::cmp::Reverse(v.severity))
    });
    let page = DevicePage {
        chrome: visit.chrome(device.row.summary.name.clone(), Some(Nav::Devices)),
        connected,
        may_inspect: visit.viewer.role >= Role::Operator,
        looked: looked(
            &visit,
            device.row.identity.key,
            query.away.is_some(),
            connected,
        ),
        identity: identity(&device),
        story: story(&device, record, connected, now),
        primary,
        open,
        unknown: of(State::Unknown),
        clear: of(State::Clear),
        not_applicable: of(State::NotApplicable),
        facts: fact_groups(&judged.facts, &device, now),
        updates: updates(&judged, &Device::from(&device)),
        history_before: history.last().filter(|_| older).map(|row| row.id),
        history: history.into_iter().filter_map(history_line).collect(),
        health: health(&device),
    };
    Ok(Html(page.render()))
}

/// What became of the last request to look again.
fn looked(visit: &Visit, key: i64, away: bool, connected: bool) -> Option<Looked> {
    if away && !connected {
        return Some(Looked::Away);
    }
    let asked = visit.app.fleet.inspections.of(key, visit.app.clock.now())?;
    Some(match asked.answered {
        None => Looked::Asked(asked.asked_at),
        Some((at, true)) => Looked::Done(at),
        Some((at, false)) => Looked::Refused(at),
    })
}

fn view(
    issue: &'static Issue,
    verdict: &Verdict,
    device: &DeviceDetail,
    judged: &Judgement,
) -> VerdictView {
    VerdictView {
        issue,
        severity: verdict.severity(),
        summary: verdict.summary.clone().into_owned(),
        causes: verdict.causes().to_vec(),
        since: device
            .findings
            .iter()
            .find(|f| f.issue == issue.id && f.state == verdict.state())
            .map(|f| f.since),
        valid_until: verdict.valid_until,
        accepted_until: judged.accepted.get(issue.id).copied(),
        evidence: Device::from(device).evidence(verdict),
    }
}

fn identity(device: &DeviceDetail) -> Identity {
    let summary = &device.row.summary;
    Identity {
        id: device.row.identity.id.to_string(),
        name: summary.name.clone(),
        status: status_word(device.row.identity.status).to_owned(),
        kind: summary.kind.clone(),
        release: summary.release.clone(),
        build: build_text(summary.build, summary.ubr),
        edition: summary.edition.clone(),
        arch: summary.arch.clone(),
        domain: summary.domain.clone(),
        ou: summary.ou.clone(),
        site: summary.site.clone(),
        tags: device.row.tags.clone(),
    }
}

fn story(device: &DeviceDetail, record: Vec<AuditRow>, connected: bool, now: Time) -> Story {
    let told = story::tell(device, &record, connected, now);
    Story {
        stage: told.stage,
        other: told
            .other
            .map(|other| (other.device.id.to_string(), other.name)),
        record: record
            .into_iter()
            .map(|line| RecordLine {
                at: line.at,
                action: line.action,
                actor: line.actor,
                detail: line.detail,
            })
            .collect(),
    }
}

fn health(device: &DeviceDetail) -> CollectorHealth {
    CollectorHealth {
        version: device.collector_version.clone(),
        last_seen_at: device.row.last_seen_at,
        last_report_at: device.row.last_report_at,
        confirmed_at: device.confirmed_at,
        enrolled_at: match device.row.identity.status {
            DeviceStatus::Listed => None,
            _ => Some(device.row.enrolled_at),
        },
        certificate_not_after: device.certificate_not_after,
    }
}

fn history_line(row: HistoryRow) -> Option<HistoryLine> {
    Some(HistoryLine {
        at: row.at,
        issue: issues::get(&row.change.issue)?,
        from: row.change.from,
        to: row.change.to,
        causes: row.change.causes,
        summary: row.change.summary,
    })
}

/// What became of updates.
fn updates(judged: &Judgement, device: &Device<'_>) -> Updates {
    let log = judged.facts.update_log();
    let known = judged.facts.knowledge();
    let line = |line: LogLine| UpdateLine {
        at: line.at,
        what: line.what,
        kb: line.kb().map(|kb| kb.to_string()),
        meaning: line.meaning(known),
        evidence: device.evidence_of(&line.evidence),
        title: line.title,
        code: line.code,
        of_the_store: line.of_the_store,
        times: 1,
        since: None,
        told_by: line.told_by.join(", "),
    };
    let mut lines: Vec<UpdateLine> = Vec::new();
    for one in log.lines {
        match lines.last_mut() {
            // A list of the same failure every night hides everything else.
            Some(last)
                if last.what == one.what && last.title == one.title && last.code == one.code =>
            {
                last.times += 1;
                last.since = one.at;
            }
            _ => lines.push(line(one)),
        }
    }
    Updates {
        lines,
        silent: log.silent,
    }
}

/// The facts of each check, flattened to names and values.
fn fact_groups(facts: &Facts, device: &DeviceDetail, now: Time) -> Vec<FactGroup> {
    let json = facts.to_json(now);
    Check::ALL
        .iter()
        .filter_map(|check| {
            let observation = device.observations.get(*check)?;
            let trouble = trouble(observation);
            let mut rows = Vec::new();
            if trouble.is_none()
                && let Some(value) = json.get(check.name())
            {
                flatten("", value, &mut rows);
            }
            Some(FactGroup {
                check: check.name().to_owned(),
                taken_at: Some(observation.taken_at),
                trouble,
                facts: rows,
            })
        })
        .collect()
}

fn trouble(observation: &Observation) -> Option<String> {
    match &observation.outcome {
        Outcome::Seen(_) => None,
        Outcome::Unavailable(why) | Outcome::Failed(why) => Some(why.clone()),
    }
}

fn flatten(name: &str, value: &serde_json::Value, rows: &mut Vec<(String, String)>) {
    use serde_json::Value;
    let below = |part: &str| {
        if name.is_empty() {
            part.to_owned()
        } else {
            format!("{name}.{part}")
        }
    };
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (part, value) in fields {
                flatten(&below(part), value, rows);
            }
        }
        Value::Array(items) if items.iter().all(|i| !i.is_object() && !i.is_array()) => {
            let texts: Vec<String> = items.iter().map(plain).collect();
            rows.push((name.to_owned(), texts.join(", ")));
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                flatten(&below(&(place + 1).to_string()), value, rows);
            }
        }
        other => rows.push((name.to_owned(), plain(other))),
    }
}

fn plain(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
