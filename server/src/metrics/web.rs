//! The web port: requests by what they ask for and how they ended.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::register::{By, Labels, Register, UnderWay, label, waits};
use crate::app::App;
use crate::export::jobs::{AT_ONCE, OF_ALL};

label! {
    /// What a request is for.
    Route "route" {
        /// A page.
        Page "page",
        /// A call of the API.
        Api "api",
        /// A list as a file.
        Export "export",
        /// Listening to changes.
        Live "live",
        /// Signing in or out.
        SignIn "sign_in",
        /// Scripts, styles and images.
        Asset "asset",
        /// Whether the server lives.
        Health "health",
        /// An address that there is not.
        Other "other",
    }
}

label! {
    /// How a request ended.
    Class "status" {
        /// Something in between.
        Informational "1xx",
        /// It was done.
        Success "2xx",
        /// It is elsewhere, or as it was.
        Redirection "3xx",
        /// The caller has to do something else.
        ClientError "4xx",
        /// The server could not.
        ServerError "5xx",
    }
}

impl Labels for (Route, Class) {
    fn all() -> Vec<Self> {
        let of = |route: &Route| Class::ALL.iter().map(|class| (*route, *class)).collect();
        Route::ALL
            .iter()
            .flat_map(|route| -> Vec<Self> { of(route) })
            .collect()
    }

    fn pairs(self) -> Vec<(&'static str, &'static str)> {
        [self.0.pairs(), self.1.pairs()].concat()
    }
}

impl Route {
    /// The class of a route; `None` is an address without one.
    pub fn of(path: Option<&str>) -> Self {
        match path {
            None => Self::Other,
            Some("/healthz") => Self::Health,
            Some("/events" | "/api/v1/events") => Self::Live,
            Some("/favicon.ico") => Self::Asset,
            Some(path) if path.starts_with("/assets/") => Self::Asset,
            Some(path) if path.starts_with("/sign-") => Self::SignIn,
            Some(path) if path.starts_with("/api/") && path.ends_with("/{file}") => Self::Export,
            Some(path) if path.starts_with("/api/") => Self::Api,
            Some(_) => Self::Page,
        }
    }
}

impl Class {
    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            0..200 => Self::Informational,
            200..300 => Self::Success,
            300..400 => Self::Redirection,
            400..500 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

/// What happens on the web port.
#[derive(Debug)]
pub struct Web {
    under_way: Gauge,
    requests: By<(Route, Class), Counter>,
    seconds: By<Route, Histogram>,
    /// Passwords that were not tried because somebody tries too many.
    pub sign_ins_throttled: Counter,
    /// Rows of exports made in the background.
    pub export_rows: Counter,
}

impl Web {
    pub(super) fn of(register: &mut Register<'_>) -> Self {
        register.limit(
            "exports_running_limit",
            "Exports made in the background at a time; further ones wait",
            AT_ONCE,
        );
        register.limit(
            "exports_kept_limit",
            "Exports of everybody that wait, are made or are kept at most; more are refused",
            OF_ALL,
        );
        Self {
            under_way: register.gauge(
                "http_requests_under_way",
                "Requests on the web port that wait for their answer to begin",
            ),
            requests: register.counter_by(
                "http_requests",
                "Requests on the web port, by what they are for and how they ended",
            ),
            seconds: register.seconds_by(
                "http_request",
                "Requests on the web port until their answer begins",
                waits,
            ),
            sign_ins_throttled: register.counter(
                "sign_ins_throttled",
                "Passwords not tried because somebody tries too many",
            ),
            export_rows: register.counter("export_rows", "Rows of exports made in the background"),
        }
    }
}

/// Counts and times every request of the web port.
pub async fn measured(State(app): State<App>, request: Request, next: Next) -> Response {
    let web = &app.metrics.web;
    let route = Route::of(request.extensions().get().map(MatchedPath::as_str));
    let begun = Instant::now();
    let under_way = UnderWay::begin(&web.under_way);
    let response = next.run(request).await;
    drop(under_way);
    web.seconds.of(route).observe(begun.elapsed().as_secs_f64());
    web.requests.of((route, Class::of(response.status()))).inc();
    response
}
