//! `/issues/{issue}`.

use axum::extract::{Path, Query};
use axum::response::Html;
use sickbay_diagnosis::filter::{Filter, Pattern, Test};
use sickbay_diagnosis::issues;
use sickbay_store::{CauseCount, IssueDevice};
use sickbay_web::facets::Facets;
use sickbay_web::pages::issue::{AffectedDevice, CauseGroup, IssuePage};
use sickbay_web::{FilterBox, Nav, links};

use super::{PageError, ROWS, Visit, build_text, facets, read_filter};
use crate::api::{ListQuery, cursor_to_text, issues::known};
use crate::export::devices::open_unless_said;

pub(super) async fn show(
    visit: Visit,
    Path(issue): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Html<String>, PageError> {
    let issue = visit.told(known(&issue))?;
    let store = &visit.app.store;
    let counts = visit.told(store.issue_counts(visit.scope()).await)?;
    let count = counts.iter().find(|c| c.issue == issue.id);
    let mut page = visit.told(query.page(ROWS))?;
    page.limit += 1;

    let (text, typed) = read_filter(query.filter.as_deref());
    let mut error = None;
    let mut matching = 0;
    let mut devices = Vec::new();
    let mut causes = Vec::new();
    let mut groups = Facets::default();
    match typed {
        Err(why) => error = Some(why),
        Ok(typed) => {
            let filter = open_unless_said(typed.clone());
            let (survey, rows) = tokio::join!(
                store.survey_issue(visit.scope(), issue.id, &filter, &facets::OF_ISSUE),
                store.issue_devices(visit.scope(), issue.id, &filter, &page),
            );
            let survey = visit.told(survey)?;
            matching = survey.devices;
            devices = visit.told(rows)?;
            groups = facets::shown(&survey, &typed, |filter| links::issue(issue.id, filter));
            causes = survey
                .causes
                .into_iter()
                .map(|group| cause_group(group, &typed))
                .collect();
        }
    }
    let more = devices.len() > ROWS as usize;
    devices.truncate(ROWS as usize);
    let next_cursor = devices
        .last()
        .filter(|_| more)
        .map(|row| cursor_to_text(&row.device.cursor()));
    let page = IssuePage {
        chrome: visit.chrome(issue.title, Some(Nav::Issues)),
        issue,
        open: count.map_or(0, |c| c.open),
        serious: count.map_or(0, |c| c.serious),
        unknown: count.map_or(0, |c| c.unknown),
        accepted: count.map_or(0, |c| c.accepted),
        primary: count.map_or(0, |c| c.primary),
        explains: issue
            .explains
            .iter()
            .filter_map(|id| issues::get(id))
            .collect(),
        filter: FilterBox {
            text,
            error,
            matching,
        },
        facets: groups,
        causes,
        devices: devices.into_iter().map(affected).collect(),
        next_cursor,
        is_continued: query.cursor.is_some(),
    };
    Ok(Html(page.render()))
}

fn cause_group(group: CauseCount, typed: &Filter) -> CauseGroup {
    let narrowed = Filter::Is(Test::Cause(Pattern::new(group.cause.key.as_str())));
    CauseGroup {
        filter: typed.clone().and(narrowed).to_string(),
        cause: group.cause,
        devices: group.devices,
    }
}

fn affected(row: IssueDevice) -> AffectedDevice {
    let summary = row.device.summary;
    AffectedDevice {
        id: row.device.identity.id.to_string(),
        name: summary.name,
        release: summary.release,
        build: build_text(summary.build, summary.ubr),
        ou: summary.ou,
        state: row.finding.kept(),
        accepted_until: row.finding.accepted_until,
        severity: row.finding.severity,
        causes: row.finding.causes,
        summary: row.finding.summary,
        since: row.finding.since,
        last_seen_at: row.device.last_seen_at,
    }
}
