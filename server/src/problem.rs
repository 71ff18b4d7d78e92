//! Errors of pages and API: `application/problem+json` for programs, a page for people.

use axum::Json;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sickbay_diagnosis::filter::FilterError;
use sickbay_store::StoreError;
use utoipa::ToSchema;

const CONTENT_TYPE: &str = "application/problem+json";

/// RFC 9457 problem details.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// What kind of problem it is.
    pub title: String,
    /// What exactly, and what to do.
    pub detail: String,
}

impl Problem {
    /// Of a status, with a title and what to do.
    pub fn new(status: StatusCode, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            title: title.into(),
            detail: detail.into(),
        }
    }

    /// Nobody signed in.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Sign in first",
            "Send an API token as `Authorization: Bearer TOKEN` (make one with `sickbay-server api-token create`), or open a sign-in link.",
        )
    }

    /// A POST without its session's CSRF token.
    pub fn bad_csrf() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "The form is out of date",
            "Reload the page and try again: the request did not carry this session's CSRF token.",
        )
    }

    /// Somebody who may not.
    pub fn forbidden(why: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "You may not do this", why)
    }

    /// A page of another site makes a browser ask.
    pub fn from_elsewhere() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This came from another site",
            "Open Sickbay by its own address and try again. Behind a reverse proxy: it has to pass the header Host on as the browser sends it.",
        )
    }

    /// The address is there, and takes no such method.
    pub fn no_such_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "This address does not take this method",
            "See /api/v1/openapi.json for what each call takes.",
        )
    }

    /// No such thing.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", what)
    }

    /// The request cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "The request cannot be understood",
            detail,
        )
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %crate::ingest::chain(&error), "the database did not answer a request");
        if error.is_temporary() {
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The database does not answer",
                "Try again in a moment; the server's log says why.",
            );
        }
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The database refused",
            "The server's log says why.",
        )
    }
}

impl From<FilterError> for Problem {
    fn from(error: FilterError) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "The filter cannot be understood",
            error.to_string(),
        )
    }
}

/// Bytes of a plain error text that go into a problem's detail.
const DETAIL_BYTES: usize = 4096;

/// Gives errors that come as plain text (of what could not be read from a request, of a method that a call does not take) the form that
/// every error of the API has.
pub async fn every_error(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == CONTENT_TYPE);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let allowed = response.headers().get(header::ALLOW).cloned();
    let text = axum::body::to_bytes(response.into_body(), DETAIL_BYTES)
        .await
        .unwrap_or_default();
    let title = status.canonical_reason().unwrap_or("The request failed");
    let mut problem = Problem::new(status, title, String::from_utf8_lossy(&text));
    if problem.detail.is_empty() {
        "See /api/v1/openapi.json for what this call takes.".clone_into(&mut problem.detail);
    }
    let mut answer = problem.into_response();
    if let Some(allowed) = allowed {
        answer.headers_mut().insert(header::ALLOW, allowed);
    }
    answer
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (
            self.status(),
            [(header::CONTENT_TYPE, CONTENT_TYPE)],
            Json(self),
        )
            .into_response()
    }
}
