//! The monitoring port: `/metrics`, `/healthz` (the process lives), `/readyz` (it can make something durable).

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::metrics::Metrics;

/// A database that does not answer within this time is not ready.
const READY_WITHIN: Duration = Duration::from_secs(3);

/// The routes of the monitoring port.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(app)
}

/// The process lives. Says nothing about the fleet, so that it can be asked without signing in.
pub async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(app): State<App>) -> (StatusCode, String) {
    let check = app.store.check_writable(app.clock.now());
    match tokio::time::timeout(READY_WITHIN, check).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n".to_owned()),
        Ok(Err(error)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {}\n", crate::ingest::chain(&error)),
        ),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: the database did not answer within 3 seconds\n".to_owned(),
        ),
    }
}

async fn metrics(State(app): State<App>) -> Response {
    // It looks into files of the operating system.
    let looked = tokio::task::spawn_blocking(move || Metrics::look(&app)).await;
    let Ok(text) = looked else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    (
        [(
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
        .into_response()
}
