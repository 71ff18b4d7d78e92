//! `GET days`: what was counted day by day.

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use sickbay_store::{DayCounts, IssueCount};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

use crate::access::Viewer;
use crate::app::App;
use crate::days::{self, KEPT, SHOWN};
use crate::problem::Problem;

/// How far back.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DaysQuery {
    /// Days, today among them: 1 to 400; 90 unless said.
    #[param(minimum = 1, maximum = 400)]
    pub days: Option<i64>,
}

/// A day.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayView {
    /// The day, which ends at midnight UTC.
    #[schema(example = "2026-11-25")]
    pub day: String,
    /// When it was counted last, RFC 3339.
    pub counted_at: String,
    /// Active devices with a serious open finding.
    pub serious: u64,
    /// With an open finding, none serious.
    pub warning: u64,
    /// Nothing open, something unknown.
    pub unknown: u64,
    /// Nothing open, nothing unknown.
    pub healthy: u64,
    /// Active devices that never reported.
    pub never_reported: u64,
    /// Machines of the imported list that no device stands for.
    pub never_enrolled: u64,
    /// Counts by the id of an issue; one that nobody had is left out.
    pub issues: BTreeMap<String, DayIssueView>,
}

/// An issue on a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayIssueView {
    /// Devices that had it.
    pub open: u64,
    /// Of these, serious ones.
    pub serious: u64,
    /// Devices of which it could not be told.
    pub unknown: u64,
    /// Devices that had it, and of which that was accepted.
    pub accepted: u64,
}

impl From<&DayCounts> for DayView {
    fn from(counts: &DayCounts) -> Self {
        let fleet = &counts.fleet;
        let issue = |count: &IssueCount| {
            let view = DayIssueView {
                open: count.open,
                serious: count.serious,
                unknown: count.unknown,
                accepted: count.accepted,
            };
            (count.issue.clone(), view)
        };
        Self {
            day: counts.day.start().date(),
            counted_at: counts.at.to_string(),
            serious: fleet.serious,
            warning: fleet.warning,
            unknown: fleet.unknown,
            healthy: fleet.healthy,
            never_reported: fleet.never_reported,
            never_enrolled: fleet.never_enrolled,
            issues: counts.issues.iter().map(issue).collect(),
        }
    }
}

/// What was counted last on each day, the oldest first; today as it is now. A day that was not counted is left out.
#[utoipa::path(get, path = "/days", operation_id = "list_days", tag = "issues", params(DaysQuery), responses(
    (status = 200, body = Vec<DayView>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(query): Query<DaysQuery>,
) -> Result<Json<Vec<DayView>>, Problem> {
    let days = query.days.unwrap_or(SHOWN);
    if !(1..=KEPT).contains(&days) {
        return Err(Problem::bad_request(format!("`days` is from 1 to {KEPT}.")));
    }
    let days = days::last(&app, &viewer.scope, days).await?;
    let counted = days.iter().filter_map(|(_, counts)| counts.as_ref());
    Ok(Json(counted.map(DayView::from).collect()))
}
