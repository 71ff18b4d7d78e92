//! `/enrolment`, and the forms that approve or refuse pending devices.

use std::collections::HashMap;

use axum::Form;
use axum::extract::Query;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{Deed, DeviceRow, DeviceStatus, Page, StoreError, TokenRow};
use sickbay_web::pages::enrolment::{Done, EnrolmentPage, PendingDevice, TokenLine};
use sickbay_web::pages::message::Refusal;
use sickbay_web::{FilterBox, Nav, links};
use uuid::Uuid;

use super::{PageError, Visit, read_filter};
use crate::api::devices::device_id;
use crate::problem::Problem;

/// Devices decided upon in one transaction.
const AT_ONCE: usize = 500;
/// Pending devices shown at once.
const SHOWN: u32 = 200;

#[derive(Debug, Deserialize)]
pub(super) struct EnrolmentQuery {
    approved: Option<u64>,
    refused: Option<u64>,
    filter: Option<String>,
}

pub(super) async fn show(
    visit: Visit,
    Query(query): Query<EnrolmentQuery>,
) -> Result<Html<String>, PageError> {
    let store = &visit.app.store;
    let tokens = visit.told(store.tokens().await)?;
    let page = Page {
        after: None,
        limit: SHOWN,
    };
    let (text, filter) = read_filter(query.filter.as_deref());
    let (mut pending, mut matching, mut error) = (Vec::new(), 0, None);
    match filter {
        Ok(filter) => {
            let status = DeviceStatus::Pending;
            let found = store.devices_with_status(visit.scope(), status, &filter, &page);
            pending = visit.told(found.await)?;
            let count = store.count_with_status(visit.scope(), status, &filter);
            matching = visit.told(count.await)?;
        }
        Err(why) => error = Some(why),
    }
    let ids: Vec<Uuid> = pending.iter().map(|row| row.identity.id).collect();
    let how = visit.told(store.how_enrolled(&ids).await)?;
    let mut why: HashMap<Uuid, String> = how.into_iter().collect();
    let approved = query.approved.map(Done::Approved);
    let done = approved.or(query.refused.map(Done::Refused));
    let page = EnrolmentPage {
        chrome: visit.chrome(Nav::Enrolment, Some(Nav::Enrolment)),
        pending: pending
            .into_iter()
            .map(|row| {
                let why = why.remove(&row.identity.id).unwrap_or_default();
                waiting(row, &why)
            })
            .collect(),
        filter: FilterBox {
            text,
            error,
            matching,
            ..FilterBox::default()
        },
        pending_total: visit.pending,
        tokens: tokens.into_iter().map(token).collect(),
        done,
    };
    Ok(Html(page.render()))
}

pub(super) async fn approve(
    visit: Visit,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    decide(&visit, &fields, DeviceStatus::Active, "approved").await
}

pub(super) async fn refuse(
    visit: Visit,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    decide(&visit, &fields, DeviceStatus::Revoked, "refused").await
}

/// The form holds `csrf` once and `device` once for each device; or `all`, when its page was made, and `filter`, for all that match and
/// waited then: what came since, nobody has looked at.
async fn decide(
    visit: &Visit,
    fields: &[(String, String)],
    status: DeviceStatus,
    word: &str,
) -> Result<Response, PageError> {
    let field = |name: &'static str| {
        fields
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    visit.told(visit.viewer.may_change(field("csrf").next()))?;
    let ids = if let Some(seen_at) = field("all").next() {
        let until = seen_at
            .parse()
            .map(Time::from_millis)
            .map_err(|_| visit.error(Refusal::NoTimeOfPage))?;
        let (_, filter) = read_filter(field("filter").next());
        let filter = filter.map_err(|why| visit.error(Problem::bad_request(why)))?;
        visit.told(all_pending(visit, &filter, until).await)?
    } else {
        visit.told(
            field("device")
                .map(device_id)
                .collect::<Result<Vec<_>, _>>(),
        )?
    };
    let now = visit.app.clock.now();
    let deed = Deed {
        live_since: visit.app.liveness.since(now),
        ..Deed::by(&visit.viewer.name, now)
    };
    let mut changed = 0;
    // In parts, so that nobody's report waits long for the database.
    for part in ids.chunks(AT_ONCE) {
        let done = visit.told(visit.app.store.set_status(part, status, &deed).await)?;
        changed += done.iter().filter(|device| device.status == status).count();
    }
    let to = format!("{}?{word}={}", links::ENROLMENT, changed);
    Ok(Redirect::to(&to).into_response())
}

/// Every device that has waited since before `until` and matches.
async fn all_pending(visit: &Visit, filter: &Filter, until: Time) -> Result<Vec<Uuid>, StoreError> {
    let mut ids = Vec::new();
    let mut page = Page {
        after: None,
        limit: AT_ONCE as u32,
    };
    loop {
        let store = &visit.app.store;
        let rows = store.devices_with_status(visit.scope(), DeviceStatus::Pending, filter, &page);
        let rows = rows.await?;
        let seen = rows.iter().filter(|row| row.enrolled_at <= until);
        ids.extend(seen.map(|row| row.identity.id));
        match rows.last() {
            Some(last) if rows.len() == AT_ONCE => page.after = Some(last.cursor()),
            _ => return Ok(ids),
        }
    }
}

fn waiting(row: DeviceRow, how: &str) -> PendingDevice {
    PendingDevice {
        id: row.identity.id.to_string(),
        name: row.summary.name,
        domain: row.summary.domain,
        ou: row.summary.ou,
        asked_at: row.enrolled_at,
        why: how.strip_prefix("pending: ").unwrap_or_default().to_owned(),
    }
}

fn token(row: TokenRow) -> TokenLine {
    TokenLine {
        id: row.id.to_string(),
        name: row.name,
        approval: row.approval.name(),
        scope: row.scope,
        per_hour: row.per_hour.map(Into::into),
        ephemeral_ms: row.ephemeral_ms,
        tags: row.tags,
        uses: row.uses.into(),
        use_limit: row.use_limit.map(Into::into),
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
    }
}
