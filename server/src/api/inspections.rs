//! `POST devices/{id}/inspect` and `POST inspections`: asks connected collectors to look again now. This starts no Windows Update scan.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{NewAudit, Page, action};
use utoipa::ToSchema;

use crate::access::Viewer;
use crate::api::devices::device_id;
use crate::api::{MAX_LIMIT, csrf};
use crate::app::App;
use crate::problem::Problem;

/// Which devices are to look again: by filter, by ids, or both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InspectionRequest {
    /// Condition in the filter language.
    #[schema(example = "issue:pending-reboot")]
    pub filter: Option<String>,
    /// Device ids.
    #[serde(default)]
    pub ids: Vec<String>,
}

/// How many were asked.
#[derive(Debug, Serialize, ToSchema)]
pub struct InspectionAnswer {
    /// Connected devices that were asked.
    pub asked: u64,
    /// Devices that are not connected now, or are busy; they report when they come back.
    pub not_connected: u64,
}

/// Asks one device.
#[utoipa::path(post, path = "/devices/{id}/inspect", tag = "live", params(("id" = String, Path)), responses(
    (status = 202, body = InspectionAnswer),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json")
))]
pub async fn one(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<InspectionAnswer>), Problem> {
    viewer.may_change(csrf(&headers))?;
    let id = device_id(&id)?;
    let Some(device) = app.store.device(&viewer.scope, id).await? else {
        return Err(Problem::not_found(format!("There is no device {id}.")));
    };
    if !app.fleet.inspect_now(device.row.identity.key, Vec::new()) {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "The device is not connected",
            "It inspects itself and reports when it comes back.",
        ));
    }
    let line = NewAudit {
        device: Some(id),
        ..NewAudit::new(
            app.clock.now(),
            viewer.name,
            action::INSPECTED,
            device.row.summary.name,
        )
    };
    app.store.record(vec![line]).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(InspectionAnswer {
            asked: 1,
            not_connected: 0,
        }),
    ))
}

/// Most ids of one request.
const IDS_AT_MOST: usize = 1_000;

/// Asks every device that a filter matches or a list names.
#[utoipa::path(post, path = "/inspections", tag = "live", request_body = InspectionRequest, responses(
    (status = 202, body = InspectionAnswer),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "One of the ids is no device's", body = Problem, content_type = "application/problem+json")
))]
pub async fn many(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Json(request): Json<InspectionRequest>,
) -> Result<(StatusCode, Json<InspectionAnswer>), Problem> {
    viewer.may_change(csrf(&headers))?;
    if request.filter.is_none() && request.ids.is_empty() {
        return Err(Problem::bad_request(
            "Give a `filter` or `ids`; an empty filter means every device.",
        ));
    }
    if request.ids.len() > IDS_AT_MOST {
        return Err(Problem::bad_request(format!(
            "At most {IDS_AT_MOST} `ids`; a `filter` names as many devices as there are."
        )));
    }
    // Everything is looked up before anybody is asked: a request that cannot be is none at all.
    let mut keys = Vec::new();
    for id in &request.ids {
        let id = device_id(id)?;
        let device = app.store.device(&viewer.scope, id).await?;
        let device =
            device.ok_or_else(|| Problem::not_found(format!("There is no device {id}.")))?;
        keys.push(device.row.identity.key);
    }
    if let Some(text) = &request.filter {
        let filter = if text.trim().is_empty() {
            Filter::Everything
        } else {
            Filter::parse(text)?
        };
        let mut page = Page {
            after: None,
            limit: MAX_LIMIT,
        };
        loop {
            let rows = app.store.devices(&viewer.scope, &filter, &page).await?;
            keys.extend(rows.iter().map(|row| row.identity.key));
            match rows.last() {
                Some(last) if rows.len() == MAX_LIMIT as usize => page.after = Some(last.cursor()),
                _ => break,
            }
        }
    }
    let asked = keys
        .iter()
        .filter(|key| app.fleet.inspect_now(**key, Vec::new()))
        .count();
    let answer = InspectionAnswer {
        asked: asked as u64,
        not_connected: (keys.len() - asked) as u64,
    };
    let which = request.filter.as_deref().map_or_else(
        || format!("{} named devices", request.ids.len()),
        |filter| match filter.trim() {
            "" => "every device in sight".to_owned(),
            filter => format!("devices that match {filter}"),
        },
    );
    let line = NewAudit::new(app.clock.now(), viewer.name, action::INSPECTED, which)
        .with(format!("{} were connected", answer.asked));
    app.store.record(vec![line]).await?;
    Ok((StatusCode::ACCEPTED, Json(answer)))
}
