//! `/devices`.

use axum::extract::Query;
use axum::response::Html;
use sickbay_diagnosis::issues;
use sickbay_store::DeviceRow;
use sickbay_web::facets::Facets;
use sickbay_web::pages::devices::{DeviceLine, DevicesPage};
use sickbay_web::{FilterBox, Nav, links};

use super::{PageError, ROWS, Visit, build_text, facets, read_filter, status_word};
use crate::api::{ListQuery, cursor_to_text};

pub(super) async fn show(
    visit: Visit,
    Query(query): Query<ListQuery>,
) -> Result<Html<String>, PageError> {
    let store = &visit.app.store;
    let mut page = visit.told(query.page(ROWS))?;
    page.limit += 1;
    let (text, filter) = read_filter(query.filter.as_deref());
    let mut error = None;
    let mut matching = 0;
    let mut groups = Facets::default();
    let mut devices = Vec::new();
    match filter {
        Err(why) => error = Some(why),
        Ok(filter) => {
            let (survey, rows) = tokio::join!(
                store.survey_devices(visit.scope(), &filter, &facets::OF_DEVICES),
                store.devices(visit.scope(), &filter, &page),
            );
            let survey = visit.told(survey)?;
            matching = survey.devices;
            groups = facets::shown(&survey, &filter, links::devices);
            devices = visit.told(rows)?;
        }
    }
    let more = devices.len() > ROWS as usize;
    devices.truncate(ROWS as usize);
    let next_cursor = devices
        .last()
        .filter(|_| more)
        .map(|row| cursor_to_text(&row.cursor()));
    let page = DevicesPage {
        chrome: visit.chrome("Devices", Some(Nav::Devices)),
        filter: FilterBox {
            text,
            error,
            matching,
        },
        facets: groups,
        devices: devices.into_iter().map(line).collect(),
        next_cursor,
        is_continued: query.cursor.is_some(),
    };
    Ok(Html(page.render()))
}

fn line(row: DeviceRow) -> DeviceLine {
    let summary = row.summary;
    DeviceLine {
        id: row.identity.id.to_string(),
        name: summary.name,
        status: status_word(row.identity.status).to_owned(),
        release: summary.release,
        build: build_text(summary.build, summary.ubr),
        domain: summary.domain,
        ou: summary.ou,
        tags: row.tags,
        primary: issues::get(&summary.primary_issue)
            .map_or_else(String::new, |issue| issue.title.to_owned()),
        open: row.open,
        serious: row.serious,
        unknown: row.unknown,
        last_seen_at: row.last_seen_at,
        has_reported: row.last_report_at.is_some(),
    }
}
