//! `GET events`: which regions of pages are out of date, as server-sent events.
//!
//! An event `change` carries `{"regions": [...]}`: `overview`, `issues`, `issue:ID`, `devices`, `device:ID`, `enrolment`. Changes are
//! gathered for [`GATHER`], so that a storm of reports is one event. A listener that falls behind is told `everything`.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use sickbay_store::{DeviceIdentity, Scope};
use tokio::sync::broadcast::error::RecvError;

use crate::access::Viewer;
use crate::app::App;
use crate::events::Change;
use crate::problem::Problem;

/// How long changes are gathered before a listener is told.
const GATHER: Duration = Duration::from_millis(250);
/// Changed devices of one event beyond which only the lists are named.
const DEVICES_NAMED: usize = 200;

/// Listens to changes.
#[utoipa::path(get, path = "/events", tag = "live", responses(
    (status = 200, description = "Server-sent events", content_type = "text/event-stream"),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn stream(
    State(app): State<App>,
    viewer: Viewer,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let listener = app.events.listen();
    let stop = app.stop.clone();
    let events = futures::stream::unfold(
        (app, viewer, listener),
        |(app, viewer, mut listener)| async {
            let mut change = Change::default();
            let mut fell_behind = false;
            match listener.recv().await {
                Ok(first) => change.join(&first),
                Err(RecvError::Lagged(_)) => fell_behind = true,
                Err(RecvError::Closed) => return None,
            }
            tokio::time::sleep(GATHER).await;
            loop {
                match listener.try_recv() {
                    Ok(more) => change.join(&more),
                    Err(tokio::sync::broadcast::error::TryRecvError::Lagged(_)) => {
                        fell_behind = true;
                    }
                    Err(_) => break,
                }
            }
            let regions = if fell_behind {
                BTreeSet::from(["everything".to_owned()])
            } else {
                regions(&app, &viewer.scope, &change).await
            };
            let data = serde_json::json!({ "regions": regions }).to_string();
            Some((
                Ok(Event::default().event("change").data(data)),
                (app, viewer, listener),
            ))
        },
    );
    let events = futures::StreamExt::take_until(events, stop.cancelled_owned());
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(20)))
}

async fn regions(app: &App, scope: &Scope, change: &Change) -> BTreeSet<String> {
    let mut regions = BTreeSet::from(["overview".to_owned(), "devices".to_owned()]);
    if !change.issues.is_empty() {
        regions.insert("issues".to_owned());
        regions.extend(change.issues.iter().map(|issue| format!("issue:{issue}")));
    }
    if change.enrolment {
        regions.insert("enrolment".to_owned());
    }
    if change.devices.len() <= DEVICES_NAMED {
        let keys: Vec<i64> = change.devices.iter().copied().collect();
        let ids = app.store.device_ids(scope, &keys).await;
        for DeviceIdentity { id, .. } in ids.unwrap_or_default() {
            regions.insert(format!("device:{id}"));
        }
    } else {
        regions.insert("device:*".to_owned());
    }
    regions
}
