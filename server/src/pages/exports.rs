//! `/exports`: lists as files, made while nobody waits.

use axum::Form;
use axum::extract::Query;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_web::Title;
use sickbay_web::links::{self, ExportFormat};
use sickbay_web::pages::exports::{
    ColumnChoice, ExportForm, ExportLine, ExportsPage, Mistake, Progress,
};
use sickbay_web::pages::message::Refusal;

use super::account::OneForm;
use super::{PageError, Visit};
use crate::api::issues::known;
use crate::export::Format;
use crate::export::devices::DeviceList;
use crate::export::jobs::{Job, KEPT_HOURS, State, Wanted};

/// The list that a link speaks of. Without `list` none is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// `devices`, or the id of an issue.
    list: Option<String>,
    #[serde(default)]
    filter: String,
    format: Option<Format>,
}

pub(super) async fn show(
    visit: Visit,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, PageError> {
    let form = match &asked.list {
        None => None,
        Some(name) => Some(form(&visit, name, &asked).await?),
    };
    Ok(page(&visit, form, None))
}

async fn form(visit: &Visit, name: &str, asked: &Asked) -> Result<ExportForm, PageError> {
    let issue = match name {
        "devices" => None,
        id => Some(visit.told(known(id))?),
    };
    let list = visit.told(DeviceList::read(issue, Some(&asked.filter), None))?;
    let matching = list.count(visit.app.store.as_ref(), visit.scope()).await;
    Ok(ExportForm {
        issue,
        filter: list.said().to_owned(),
        matching: visit.told(matching)?,
        columns: list
            .offered()
            .map(|column| ColumnChoice {
                name: column.name,
                chosen: list.is_usual(column),
            })
            .collect(),
        format: shown(asked.format.unwrap_or(Format::Xlsx)),
    })
}

fn page(visit: &Visit, form: Option<ExportForm>, mistake: Option<Mistake>) -> Html<String> {
    let jobs = visit.app.exports.of(&visit.viewer, visit.app.clock.now());
    let page = ExportsPage {
        chrome: visit.chrome(Title::Exports, None),
        form,
        exports: jobs.iter().map(|job| line(job)).collect(),
        kept_hours: KEPT_HOURS,
        mistake,
    };
    Html(page.render())
}

fn line(job: &Job) -> ExportLine {
    let id = job.id.to_string();
    ExportLine {
        issue: job.list.issue(),
        filter: job.list.said().to_owned(),
        format: shown(job.format),
        asked_at: job.asked_at,
        rows: job.rows(),
        expected: job.expected,
        progress: match job.state() {
            State::Waiting => Progress::Waiting,
            State::Running => Progress::Running,
            State::Done { bytes, .. } => Progress::Done {
                bytes,
                href: links::export_file(&id, &job.file_name()),
            },
            State::Failed { why } => Progress::Failed { why },
        },
        id,
    }
}

/// A format as pages name it.
const fn shown(format: Format) -> ExportFormat {
    match format {
        Format::Csv => ExportFormat::Csv,
        Format::Xlsx => ExportFormat::Xlsx,
        Format::Json => ExportFormat::Json,
        Format::Ndjson => ExportFormat::Ndjson,
    }
}

/// Begins an export: `csrf`, `issue`, `filter`, `format`, and `columns` once for each.
pub(super) async fn begin(
    visit: Visit,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let field = |name: &str| {
        let mut given = fields.iter().filter(|(field, _)| field == name);
        given.next().map(|(_, value)| value.as_str())
    };
    visit.told(visit.viewer.may_change(field("csrf")))?;
    let issue = field("issue").filter(|id| !id.is_empty()).map(known);
    let issue = visit.told(issue.transpose())?;
    let list = visit.told(DeviceList::read(issue, field("filter"), None))?;
    let names: Vec<&str> = fields
        .iter()
        .filter(|(name, _)| name == "columns")
        .map(|(_, column)| column.as_str())
        .collect();
    let format = field("format").and_then(Format::named);
    let format = visit.told(format.ok_or(Refusal::NoFormat))?;
    let columns = match list.columns(Some(&names.join(","))) {
        Ok(columns) => columns,
        Err(problem) if names.is_empty() => {
            let name = list.name();
            let asked = Asked {
                list: Some(name.to_owned()),
                filter: list.said().to_owned(),
                format: Some(format),
            };
            let form = form(&visit, name, &asked).await?;
            let mistake = Mistake::NoColumn;
            return Ok((problem.status(), page(&visit, Some(form), Some(mistake))).into_response());
        }
        Err(problem) => return Err(visit.error(problem)),
    };
    let wanted = Wanted {
        list,
        columns,
        format,
    };
    let begun = visit.app.exports.begin(&visit.app, &visit.viewer, wanted);
    visit.told(begun.await)?;
    Ok(Redirect::to(links::EXPORTS).into_response())
}

/// Removes one's own export.
pub(super) async fn remove(visit: Visit, Form(form): Form<OneForm>) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let now = visit.app.clock.now();
    visit.app.exports.remove(&visit.viewer, form.id, now);
    Ok(Redirect::to(links::EXPORTS).into_response())
}
