//! `GET expectations`, `PUT expectations`, `POST expectations/preview`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use sickbay_diagnosis::context::Sources;
use sickbay_diagnosis::expectation::{ExpectedSource, ScopedWish, Wanted, Wishes};
use sickbay_diagnosis::knowledge::DeviceKind;
use utoipa::ToSchema;

use crate::access::Viewer;
use crate::api::csrf;
use crate::app::App;
use crate::preview::{self, Preview, PreviewError};
use crate::problem::Problem;
use crate::wishes::{self, WishError, Written, fields};

/// Seconds after which another preview may be tried.
const RETRY_AFTER_S: &str = "5";

/// What the fleet's owner wants, and what counts where they said nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExpectationsView {
    /// For every device, where no scope decides.
    #[schema(value_type = Object)]
    pub fleet: Wanted,
    /// By scope; the first that holds a device and a wish decides it.
    #[schema(value_type = Vec<Object>)]
    pub scopes: Vec<ScopedWish>,
    /// What the settings file adds. It comes after what is kept here, and is changed there alone.
    #[schema(value_type = Object)]
    pub settings_file: Written,
    /// What counts where nobody said anything.
    pub defaults: Defaults,
    /// The sources that most devices use, of the classes for which nobody said anything.
    pub provisional: Provisional,
}

/// The catalogue's defaults.
#[derive(Debug, Serialize, ToSchema)]
pub struct Defaults {
    /// Of clients.
    #[schema(value_type = Object)]
    pub clients: Wanted,
    /// Of servers.
    #[schema(value_type = Object)]
    pub servers: Wanted,
}

/// Provisional sources of quality, feature, driver and other updates, in this order; null where there is none, or the owner decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct Provisional {
    /// Of clients.
    #[schema(value_type = Vec<Object>)]
    pub clients: [Option<ExpectedSource>; 4],
    /// Of servers.
    #[schema(value_type = Vec<Object>)]
    pub servers: [Option<ExpectedSource>; 4],
}

impl From<WishError> for Problem {
    fn from(error: WishError) -> Self {
        match error {
            WishError::Store(error) => error.into(),
            WishError::ChangedMeanwhile => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "The expectations changed meanwhile",
                error.to_string(),
            ),
            WishError::Bad { .. } | WishError::Unreadable { .. } | WishError::TooMany(_) => {
                Self::new(
                    StatusCode::BAD_REQUEST,
                    "This cannot be expected",
                    error.to_string(),
                )
            }
        }
    }
}

impl From<PreviewError> for Problem {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Store(error) => error.into(),
            PreviewError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Another preview is under way",
                format!("Try again in some seconds: {error}."),
            ),
        }
    }
}

/// What is expected, with an `ETag` that `PUT` takes as `If-Match`.
#[utoipa::path(get, path = "/expectations", operation_id = "show_expectations", tag = "expectations", responses(
    (status = 200, body = ExpectationsView),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn show(State(app): State<App>, _viewer: Viewer) -> Result<Response, Problem> {
    let stored = wishes::stored(app.store.as_ref()).await?;
    let view = view(&app, &stored);
    Ok(([(header::ETAG, etag(&stored))], Json(view)).into_response())
}

/// Replaces what is expected as a whole; in force at once. With `If-Match` only where nobody changed it since.
#[utoipa::path(put, path = "/expectations", operation_id = "replace_expectations", tag = "expectations", request_body = Object,
    params(("If-Match" = Option<String>, Header, description = "The `ETag` of `GET expectations`")),
    responses(
        (status = 200, body = ExpectationsView),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 412, body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn replace(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Json(written): Json<Value>,
) -> Result<Response, Problem> {
    viewer.may_change(csrf(&headers))?;
    let new = wishes::read(&written)?;
    let seen = headers
        .get(header::IF_MATCH)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.trim_matches('"'))
        .filter(|value| *value != "*");
    wishes::replace(&app, &new, seen, &viewer.name).await?;
    Ok(([(header::ETAG, etag(&new))], Json(view(&app, &new))).into_response())
}

/// How many devices each issue would open and clear on, with these expectations in place of the present ones.
#[utoipa::path(post, path = "/expectations/preview", operation_id = "preview_expectations", tag = "expectations", request_body = Object, responses(
    (status = 200, body = Preview),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json", description = "Another preview is under way; `Retry-After` says when to try again")
))]
pub async fn preview(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Json(written): Json<Value>,
) -> Result<Json<Preview>, Response> {
    let told = |problem: Problem| problem.into_response();
    viewer.may_change(csrf(&headers)).map_err(told)?;
    let new = wishes::read(&written).map_err(|error| told(error.into()))?;
    match preview::of_wishes(&app, &new).await {
        Ok(preview) => Ok(Json(preview)),
        Err(error) => {
            let later = matches!(error, PreviewError::Busy);
            let mut answer = Problem::from(error).into_response();
            if later {
                let value = header::HeaderValue::from_static(RETRY_AFTER_S);
                answer.headers_mut().insert(header::RETRY_AFTER, value);
            }
            Err(answer)
        }
    }
}

fn etag(wishes: &Wishes) -> String {
    format!("\"{}\"", wishes::mark(wishes))
}

fn view(app: &App, stored: &Wishes) -> ExpectationsView {
    let rules = app.rules.get();
    let in_force = crate::jobs::context::in_force(&app.config, stored);
    let provisional = |kind| -> Sources { wishes::provisional(&in_force, &rules.fleet, kind) };
    ExpectationsView {
        fleet: stored.fleet.clone(),
        scopes: stored.scopes.clone(),
        settings_file: Written {
            scopes: app.config.scopes.clone(),
            fleet: app.config.expectations.clone(),
        },
        defaults: Defaults {
            clients: fields::defaults(DeviceKind::Client),
            servers: fields::defaults(DeviceKind::Server),
        },
        provisional: Provisional {
            clients: provisional(DeviceKind::Client),
            servers: provisional(DeviceKind::Server),
        },
    }
}
