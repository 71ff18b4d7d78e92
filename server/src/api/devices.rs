//! `GET devices` and `GET devices/{id}`.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Serialize;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::facts::update_log::LogLine;
use sickbay_diagnosis::reading::Evidence;
use sickbay_diagnosis::verdict::Severity;
use sickbay_store::DeviceRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Viewer;
use crate::api::exports::{ExportQuery, ExportedDevice};
use crate::api::{CauseView, DEFAULT_LIMIT, ListQuery, Listed, cursor_to_text};
use crate::app::App;
use crate::export::devices::DeviceList;
use crate::judgement::{Device, Judgement};
use crate::problem::Problem;

/// Rows of history that a device's detail holds.
const HISTORY_ROWS: u32 = 200;

/// A device in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceView {
    /// Its id; stays when it is renamed.
    pub id: String,
    /// Host name.
    pub name: String,
    /// `pending`, `active`, `revoked`, `retired`, or `listed`: a machine of the imported list that no device stands for.
    pub status: &'static str,
    /// DNS domain; empty in a workgroup.
    pub domain: String,
    /// Distinguished name of the OU; empty where unknown.
    pub ou: String,
    /// AD site; empty where unknown.
    pub site: String,
    /// `client`, `server` or empty.
    pub kind: String,
    /// `Windows 11 24H2`; empty where unknown.
    pub release: String,
    /// Build number.
    pub build: Option<u32>,
    /// Update build revision.
    pub ubr: Option<u32>,
    /// Edition id.
    pub edition: String,
    /// `x64`, `arm64`, `x86`.
    pub arch: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Where its quality updates come from: `windows-update`, `wsus https://wsus.example:8531`, `blocked`; empty where unknown.
    pub source: String,
    /// The worst that its findings say: `serious`, `warning`, `unknown`, `healthy` or `never-reported`.
    pub standing: &'static str,
    /// When it was last heard of, RFC 3339.
    pub last_seen_at: Option<String>,
    /// When a report was last taken in, RFC 3339.
    pub last_report_at: Option<String>,
    /// Id of the issue that explains the others; empty where nothing is open.
    pub primary_issue: String,
    /// Open findings.
    pub open_findings: u32,
    /// Of these, serious ones.
    pub serious_findings: u32,
    /// Unknown ones.
    pub unknown_findings: u32,
    /// Open ones that are accepted for a time; not among the open ones.
    pub accepted_findings: u32,
}

impl From<&DeviceRow> for DeviceView {
    fn from(row: &DeviceRow) -> Self {
        let s = &row.summary;
        Self {
            id: row.identity.id.to_string(),
            name: s.name.clone(),
            status: row.identity.status.name(),
            domain: s.domain.clone(),
            ou: s.ou.clone(),
            site: s.site.clone(),
            kind: s.kind.clone(),
            release: s.release.clone(),
            build: s.build,
            ubr: s.ubr,
            edition: s.edition.clone(),
            arch: s.arch.clone(),
            tags: row.tags.clone(),
            source: s.sources[0]
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            standing: row.standing(),
            last_seen_at: row.last_seen_at.map(|t| t.to_string()),
            last_report_at: row.last_report_at.map(|t| t.to_string()),
            primary_issue: s.primary_issue.clone(),
            open_findings: row.open,
            serious_findings: row.serious,
            unknown_findings: row.unknown,
            accepted_findings: row.accepted,
        }
    }
}

/// A verdict with its evidence.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerdictView {
    /// Id of the issue.
    pub issue: &'static str,
    /// `open`, `clear`, `unknown` or `not-applicable`.
    pub state: &'static str,
    /// Of an open one.
    pub severity: Option<&'static str>,
    /// What it groups by.
    pub causes: Vec<CauseView>,
    /// One sentence.
    pub summary: String,
    /// Since when it is open or unknown, RFC 3339; null otherwise.
    pub since: Option<String>,
    /// Until when an open one is accepted, RFC 3339; null where it is not.
    pub accepted_until: Option<String>,
    /// The readings that it rests on.
    #[schema(value_type = Vec<Object>)]
    pub evidence: Vec<Evidence>,
}

/// Something that became of an update.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateLineView {
    /// When, by the device's clock, RFC 3339; null where that is not told.
    pub at: Option<String>,
    /// `installed`, `installed-with-errors`, `install-failed`, `install-aborted`, `installing`, `removed`, `removal-failed`,
    /// `download-failed`, `scan-failed`, or the state in which a package is stuck, as `partially-installed`.
    pub what: &'static str,
    /// The update's title, in the device's language, or a package's name; null for a search.
    pub title: Option<String>,
    /// The KB that the title names.
    pub kb: Option<String>,
    /// The code that it ended with.
    pub code: Option<String>,
    /// What the code means.
    pub meaning: Option<String>,
    /// Whether it is about a program of the Store.
    pub store: bool,
    /// Who tells it.
    pub told_by: Vec<String>,
    /// The readings.
    #[schema(value_type = Vec<Object>)]
    pub evidence: Vec<Evidence>,
}

/// A source of the update log that tells nothing, or not all.
#[derive(Debug, Serialize, ToSchema)]
pub struct SilentView {
    /// Which.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// What became of updates on a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateLogView {
    /// The newest first.
    pub lines: Vec<UpdateLineView>,
    /// What could not be told.
    pub silent: Vec<SilentView>,
}

impl UpdateLogView {
    fn of(judged: &Judgement, device: &Device<'_>) -> Self {
        let log = judged.facts.update_log();
        let known = judged.facts.knowledge();
        let line = |line: LogLine| UpdateLineView {
            at: line.at.map(|at| at.to_string()),
            what: line.what.name(),
            kb: line.kb().map(|kb| kb.to_string()),
            meaning: line.meaning(known),
            evidence: device.evidence_of(&line.evidence),
            title: line.title,
            code: line.code,
            store: line.of_the_store,
            told_by: line.told_by,
        };
        let silent = |(source, reason)| SilentView { source, reason };
        Self {
            lines: log.lines.into_iter().map(line).collect(),
            silent: log.silent.into_iter().map(silent).collect(),
        }
    }
}

/// A row of history.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryView {
    /// When, RFC 3339.
    pub at: String,
    /// Id of the issue.
    pub issue: String,
    /// State before.
    pub from: &'static str,
    /// State after.
    pub to: &'static str,
    /// Causes after.
    pub causes: Vec<CauseView>,
    /// One sentence.
    pub summary: String,
}

/// All that is known of a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceDetailView {
    /// As in a list.
    #[serde(flatten)]
    pub device: DeviceView,
    /// Whether it is connected now.
    pub connected: bool,
    /// Version of its collector.
    pub collector_version: String,
    /// When its facts were last confirmed, by its own clock.
    pub confirmed_at: Option<String>,
    /// Every verdict, decided now.
    pub verdicts: Vec<VerdictView>,
    /// Facts by check.
    #[schema(value_type = Object)]
    pub facts: serde_json::Value,
    /// What became of updates, newest first.
    pub update_log: UpdateLogView,
    /// What changed, newest first.
    pub history: Vec<HistoryView>,
}

/// A device id from a path.
pub fn device_id(text: &str) -> Result<Uuid, Problem> {
    text.parse()
        .map_err(|_| Problem::not_found(format!("{text:?} is no device id.")))
}

/// Devices, by name unless another order is asked for.
#[utoipa::path(get, path = "/devices", operation_id = "list_devices", tag = "devices", params(ListQuery), responses(
    (status = 200, body = Listed<DeviceView>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(query): Query<ListQuery>,
) -> Result<Json<Listed<DeviceView>>, Problem> {
    let list = DeviceList::read(None, query.filter.as_deref(), query.sort.as_deref())?;
    let page = query.page(DEFAULT_LIMIT)?;
    let (rows, next) = list
        .page(&*app.store, &viewer.scope, &list.fields(), &page)
        .await?;
    Ok(Json(Listed {
        items: rows.iter().map(DeviceView::from).collect(),
        next_cursor: next.as_ref().map(cursor_to_text),
    }))
}

/// One device with every verdict, its evidence and its history.
#[utoipa::path(get, path = "/devices/{id}", operation_id = "show_device", tag = "devices", params(("id" = String, Path)), responses(
    (status = 200, body = DeviceDetailView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")
))]
pub async fn detail(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Result<Json<DeviceDetailView>, Problem> {
    let id = device_id(&id)?;
    let Some(device) = app.store.device(&viewer.scope, id).await? else {
        return Err(Problem::not_found(format!("There is no device {id}.")));
    };
    let history = app
        .store
        .history(&viewer.scope, id, None, HISTORY_ROWS)
        .await?;
    let now = app.clock.now();
    let rules = app.rules.get();
    let judged = Judgement::of(&Device::from(&device), &rules, now);
    let verdicts = judged
        .diagnosis
        .iter()
        .map(|(issue, verdict)| VerdictView {
            issue: issue.id,
            state: verdict.state().name(),
            severity: verdict.severity().map(Severity::name),
            causes: verdict.causes().iter().map(CauseView::from).collect(),
            summary: verdict.summary.clone().into_owned(),
            since: device
                .findings
                .iter()
                .find(|f| f.issue == issue.id && f.state == verdict.state())
                .map(|f| f.since.to_string()),
            accepted_until: judged.accepted.get(issue.id).map(Time::to_string),
            evidence: Device::from(&device).evidence(verdict),
        })
        .collect();
    let update_log = UpdateLogView::of(&judged, &Device::from(&device));
    Ok(Json(DeviceDetailView {
        update_log,
        connected: app.fleet.is_connected(device.row.identity.key),
        device: DeviceView::from(&device.row),
        collector_version: device.collector_version,
        confirmed_at: device.confirmed_at.map(|t| t.to_string()),
        verdicts,
        facts: judged.facts.to_json(now),
        history: history
            .into_iter()
            .map(|row| HistoryView {
                at: row.at.to_string(),
                issue: row.change.issue,
                from: row.change.from.name(),
                to: row.change.to.name(),
                causes: row.change.causes.iter().map(CauseView::from).collect(),
                summary: row.change.summary,
            })
            .collect(),
    }))
}

/// All active devices that match the filter, as a file: `devices.csv`, `.xlsx`, `.json` or `.ndjson`. No cap.
#[utoipa::path(get, path = "/exports/devices/{file}", operation_id = "export_devices", tag = "exports", params(("file" = String, Path, example = "devices.csv"), ExportQuery), responses(
    (status = 200, description = "One row a device", content(
        (String = "text/csv"), (Vec<ExportedDevice> = "application/json"), (String = "application/x-ndjson"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    )),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")
))]
pub async fn export(
    State(app): State<App>,
    viewer: Viewer,
    Path(file): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let list = DeviceList::read(None, query.filter.as_deref(), None)?;
    super::exports::answer(&app, viewer, list, &file, query.columns.as_deref()).await
}
