//! The API under `/api/v1`, one file per resource, described by `/api/v1/openapi.json`.

pub mod acceptances;
pub mod audit;
pub mod days;
pub mod devices;
mod document;
pub mod error_codes;
mod etag;
pub mod events;
pub mod expectations;
pub mod exports;
pub mod inspections;
pub mod issues;
pub mod knowledge;
pub mod machines;
pub mod search;
pub mod updates;
pub mod views;

use axum::Json;
use axum::Router;
use axum::http::HeaderMap;
use axum::middleware;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{Cursor, Ordered, Page};
use utoipa::openapi::OpenApi as Document;
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::{self, Problem};

/// Rows of a page where the caller does not say.
pub const DEFAULT_LIMIT: u32 = 100;
/// Rows of a page at most. Exports have no such limit.
pub const MAX_LIMIT: u32 = 1000;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sickbay API",
        description = "Which devices do not get their updates, and why. Authenticate with an API token (`Authorization: Bearer TOKEN`) or a browser session.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    servers((url = "/api/v1")),
    tags(
        (name = "search", description = "Everything that one text finds"),
        (name = "issues", description = "Reasons why devices do not get their updates"),
        (name = "updates", description = "Why an update is on some devices and not on others"),
        (name = "devices", description = "Windows endpoints"),
        (name = "views", description = "Lists as people left them"),
        (name = "exports", description = "Lists as files, whole, in the columns that you choose"),
        (name = "expectations", description = "What the fleet's owner wants, and what they accept for a time"),
        (name = "people", description = "What was done, by whom"),
        (name = "knowledge", description = "What is known of Windows, and how old it is"),
        (name = "live", description = "Looking again, and listening")
    )
)]
struct ApiDocument;

/// The routes below `/api/v1`, and their description.
pub fn routes() -> (Router<App>, Document) {
    let (router, mut document) = OpenApiRouter::with_openapi(ApiDocument::openapi())
        .routes(routes!(search::search))
        .routes(routes!(issues::list))
        .routes(routes!(issues::devices))
        .routes(routes!(issues::export))
        .routes(routes!(days::list))
        .routes(routes!(views::list, views::save))
        .routes(routes!(views::remove))
        .routes(routes!(devices::list))
        .routes(routes!(devices::detail))
        .routes(routes!(devices::export))
        .routes(routes!(exports::list, exports::begin))
        .routes(routes!(exports::show, exports::remove))
        .routes(routes!(exports::file))
        .routes(routes!(updates::list))
        .routes(routes!(updates::show))
        .routes(routes!(updates::devices))
        .routes(routes!(updates::device))
        .routes(routes!(updates::export))
        .routes(routes!(error_codes::list))
        .routes(routes!(error_codes::detail))
        .routes(routes!(machines::import))
        .routes(routes!(inspections::one))
        .routes(routes!(inspections::many))
        .routes(routes!(events::stream))
        .routes(routes!(expectations::show, expectations::replace))
        .routes(routes!(expectations::preview))
        .routes(routes!(acceptances::list, acceptances::create))
        .routes(routes!(acceptances::end))
        .routes(routes!(knowledge::knowledge))
        .routes(routes!(audit::list))
        .routes(routes!(audit::export))
        .split_for_parts();
    document::complete(&mut document);
    etag::describe(&mut document);
    let described = document.clone();
    let router = router
        .route(
            "/openapi.json",
            get(move |_: crate::access::Viewer| async move { Json(described) }),
        )
        .fallback(|_: crate::access::Viewer| async {
            Problem::not_found("There is no such API call; see /api/v1/openapi.json.")
        })
        .layer(middleware::from_fn(problem::every_error))
        .layer(middleware::from_fn(etag::conditional));
    (router, document)
}

/// Header that carries the session's CSRF token where a page's script calls.
const CSRF_HEADER: &str = "x-csrf-token";

/// The CSRF token that a call carries.
pub(crate) fn csrf(headers: &HeaderMap) -> Option<&str> {
    headers.get(CSRF_HEADER)?.to_str().ok()
}

/// Which rows of a list are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Condition in the filter language, for example `kind:server name:DC*`.
    #[param(example = "kind:server")]
    pub filter: Option<String>,
    /// The column that orders the list, with a `-` before it the other way round: `name` unless said. What is not known comes last.
    #[param(example = "-build")]
    pub sort: Option<String>,
    /// Where the last page ended (`next_cursor`).
    pub cursor: Option<String>,
    /// Rows at most, 1 to 1000; 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

impl ListQuery {
    /// The condition.
    pub fn filter(&self) -> Result<Filter, Problem> {
        Ok(match self.filter.as_deref().map(str::trim) {
            None | Some("") => Filter::Everything,
            Some(text) => Filter::parse(text)?,
        })
    }

    /// The page.
    pub fn page(&self, default_limit: u32) -> Result<Page, Problem> {
        let limit = self.limit.unwrap_or(default_limit);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::bad_request(format!(
                "`limit` is from 1 to {MAX_LIMIT}."
            )));
        }
        let after = self.cursor.as_deref().map(cursor_from_text).transpose()?;
        Ok(Page { after, limit })
    }
}

/// A cursor as callers see it: opaque, safe in a URL.
pub fn cursor_to_text(cursor: &Cursor) -> String {
    let by = match &cursor.by {
        None => serde_json::json!([cursor.key, cursor.name]),
        Some(Ordered::Unknown) => serde_json::json!([cursor.key, cursor.name, null]),
        Some(Ordered::Number(number)) => serde_json::json!([cursor.key, cursor.name, number]),
        Some(Ordered::Text(text)) => serde_json::json!([cursor.key, cursor.name, text]),
    };
    URL_SAFE_NO_PAD.encode(by.to_string())
}

fn cursor_from_text(text: &str) -> Result<Cursor, Problem> {
    let wrong = || Problem::bad_request("`cursor` must be a `next_cursor` of this list.");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    let parts: Vec<Value> = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    let (key, name, by) = match parts.as_slice() {
        [key, Value::String(name)] => (key, name, None),
        [key, Value::String(name), by] => {
            let by = match by {
                Value::Null => Ordered::Unknown,
                Value::String(text) => Ordered::Text(text.clone()),
                number => Ordered::Number(number.as_u64().ok_or_else(wrong)?),
            };
            (key, name, Some(by))
        }
        _ => return Err(wrong()),
    };
    Ok(Cursor {
        name: name.clone(),
        key: key.as_i64().ok_or_else(wrong)?,
        by,
    })
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page starts; null on the last one.
    pub next_cursor: Option<String>,
}

/// A cause, as the API shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CauseView {
    /// Groups.
    pub key: String,
    /// For people.
    pub label: String,
}

impl From<&sickbay_diagnosis::verdict::Cause> for CauseView {
    fn from(cause: &sickbay_diagnosis::verdict::Cause) -> Self {
        Self {
            key: cause.key.clone(),
            label: cause.label.clone(),
        }
    }
}
