//! `POST devices/{id}/inspect` and `POST inspections`: asks connected collectors to look again now. This starts no Windows Update scan.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Viewer;
use crate::api::csrf;
use crate::api::devices::device_id;
use crate::app::App;
use crate::export::devices::DeviceList;
use crate::inspections::{self, Asked, Which};
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

impl From<Asked> for InspectionAnswer {
    fn from(asked: Asked) -> Self {
        Self {
            asked: asked.asked,
            not_connected: asked.not_connected,
        }
    }
}

/// Asks one device.
#[utoipa::path(post, path = "/devices/{id}/inspect", operation_id = "inspect_device", tag = "live", params(("id" = String, Path)), responses(
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
    let asked = inspections::ask(&app, &viewer, &[Which::Devices(vec![id])]).await?;
    match (asked.unknown, asked.not_connected) {
        (None, 0) => Ok((StatusCode::ACCEPTED, Json(asked.into()))),
        (None, _) => Err(Problem::new(
            StatusCode::CONFLICT,
            "The device is not connected",
            "It inspects itself and reports when it comes back.",
        )),
        _ => Err(Problem::not_found(format!("There is no device {id}."))),
    }
}

/// Most ids of one request.
const IDS_AT_MOST: usize = 1_000;

/// Asks every device that a filter matches or a list names.
#[utoipa::path(post, path = "/inspections", operation_id = "inspect_devices", tag = "live", request_body = InspectionRequest, responses(
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
    let mut which = Vec::new();
    if !request.ids.is_empty() {
        let ids: Result<Vec<Uuid>, Problem> = request.ids.iter().map(|id| device_id(id)).collect();
        let ids = ids?;
        which.push(Which::Devices(ids));
    }
    if let Some(text) = &request.filter {
        let list = DeviceList::read(None, Some(text), None)?;
        which.push(Which::Listed(Box::new(list)));
    }
    let asked = inspections::ask(&app, &viewer, &which).await?;
    match asked.unknown {
        None => Ok((StatusCode::ACCEPTED, Json(asked.into()))),
        Some(id) => Err(Problem::not_found(format!("There is no device {id}."))),
    }
}
