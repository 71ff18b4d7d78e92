//! `/enrolment`, and the forms that approve or refuse pending devices.

use axum::Form;
use axum::extract::Query;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_store::{Deed, DeviceRow, DeviceStatus, Page, TokenRow};
use sickbay_web::pages::enrolment::{EnrolmentPage, PendingDevice, TokenLine};
use sickbay_web::{Nav, links};

use super::{PageError, Visit};
use crate::api::devices::device_id;
use crate::events::Change;
use crate::identity::enrolment::live_ms;

/// Pending devices shown at once.
const SHOWN: u32 = 200;

#[derive(Debug, Deserialize)]
pub(super) struct EnrolmentQuery {
    approved: Option<u64>,
    refused: Option<u64>,
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
    let pending = store
        .devices_with_status(visit.scope(), DeviceStatus::Pending, &page)
        .await;
    let pending = visit.told(pending)?;
    let done = match (query.approved, query.refused) {
        (Some(n), _) => Some(format!(
            "{n} approved: collectors fetch their certificate within half a minute."
        )),
        (_, Some(n)) => Some(format!("{n} refused: their keys are revoked.")),
        _ => None,
    };
    let page = EnrolmentPage {
        chrome: visit.chrome("Enrolment", Some(Nav::Enrolment)),
        pending: pending.into_iter().map(waiting).collect(),
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

/// The form holds `csrf` once and `device` once for each device.
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
    let ids = visit.told(
        field("device")
            .map(device_id)
            .collect::<Result<Vec<_>, _>>(),
    )?;
    let now = visit.app.clock.now();
    let deed = Deed {
        live_since: now.plus_millis(-live_ms(visit.app.config.collectors.heartbeat_interval_s)),
        ..Deed::by(&visit.viewer.name, now)
    };
    let changed = visit.told(visit.app.store.set_status(&ids, status, &deed).await)?;
    let changed = changed.iter().filter(|device| device.status == status);
    visit.app.events.publish(Change {
        enrolment: true,
        ..Change::default()
    });
    let to = format!("{}?{word}={}", links::ENROLMENT, changed.count());
    Ok(Redirect::to(&to).into_response())
}

fn waiting(row: DeviceRow) -> PendingDevice {
    PendingDevice {
        id: row.identity.id.to_string(),
        name: row.summary.name,
        domain: row.summary.domain,
        ou: row.summary.ou,
        collector_version: String::new(),
        asked_at: row.enrolled_at,
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
