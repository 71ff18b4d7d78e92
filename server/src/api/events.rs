//! `GET events`: which regions of pages are out of date, as server-sent events.
//!
//! An event `change` carries `{"regions": [...]}`: `overview`, `issues`, `issue:ID`, `devices`, `device:ID`, `enrolment`, `exports`. Changes are
//! gathered for [`GATHER`], so that a storm of reports is one event. A listener that falls behind is told `everything`.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use sickbay_store::Scope;
use sickbay_web::region;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::access::{self, Asking, Viewer};
use crate::app::App;
use crate::events::Change;
use crate::problem::Problem;

/// How long changes are gathered before a listener is told.
const GATHER: Duration = Duration::from_millis(250);
/// Changed devices of one event beyond which only the lists are named.
const DEVICES_NAMED: usize = 200;

/// Listens to changes.
#[utoipa::path(get, path = "/events", operation_id = "listen_to_events", tag = "live", responses(
    (status = 200, description = "Server-sent events", content_type = "text/event-stream"),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn stream(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let listener = app.events.listen();
    let stop = app.stop.clone();
    let events = futures::stream::unfold(
        (app, viewer, headers, listener),
        |(app, viewer, headers, mut listener)| async {
            loop {
                let regions = next_regions(&app, &viewer.scope, &mut listener).await?;
                // A stream outlives the click that opened it: whoever may see less now, or nothing, hears no more.
                match access::asking(&app, &headers).await {
                    Ok(Asking::Somebody(now)) if now.scope == viewer.scope => {}
                    _ => return None,
                }
                // Of what lies outside of their scope somebody does not even learn that it changed.
                if !regions.is_empty() {
                    let data = serde_json::json!({ "regions": regions }).to_string();
                    let event = Event::default().event("change").data(data);
                    return Some((Ok(event), (app, viewer, headers, listener)));
                }
            }
        },
    );
    let events = futures::StreamExt::take_until(events, stop.cancelled_owned());
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(20)))
}

/// What is out of date after the next change, or storm of changes; `None` where the server ends.
async fn next_regions(
    app: &App,
    scope: &Scope,
    listener: &mut Receiver<Arc<Change>>,
) -> Option<BTreeSet<String>> {
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
            Err(TryRecvError::Lagged(_)) => fell_behind = true,
            Err(_) => break,
        }
    }
    Some(if fell_behind || change.anything {
        BTreeSet::from(["everything".to_owned()])
    } else {
        regions(app, scope, &change).await
    })
}

/// Regions of pages that a change makes out of date for somebody who sees a scope.
async fn regions(app: &App, scope: &Scope, change: &Change) -> BTreeSet<String> {
    let mut regions = BTreeSet::new();
    if change.exports {
        regions.insert(region::EXPORTS.to_owned());
    }
    if !change.is_of_devices() {
        return regions;
    }
    let keys: Vec<i64> = change.devices.keys().copied().collect();
    let seen = if keys.len() > DEVICES_NAMED && *scope == Scope::All {
        None
    } else {
        Some(app.store.device_ids(scope, &keys).await.unwrap_or_default())
    };
    let issues: BTreeSet<&String> = if let (Some(seen), Scope::Matching(_)) = (&seen, scope) {
        if seen.is_empty() {
            return regions;
        }
        let changed = seen
            .iter()
            .filter_map(|device| change.devices.get(&device.key));
        changed.flatten().collect()
    } else {
        if change.enrolment {
            regions.insert("enrolment".to_owned());
        }
        change.issues().collect()
    };
    regions.extend(["overview".to_owned(), "devices".to_owned()]);
    if !issues.is_empty() {
        regions.insert("issues".to_owned());
        regions.extend(issues.iter().map(|issue| format!("issue:{issue}")));
    }
    match seen {
        Some(seen) if seen.len() <= DEVICES_NAMED => {
            regions.extend(seen.iter().map(|device| format!("device:{}", device.id)));
        }
        _ => {
            regions.insert("device:*".to_owned());
        }
    }
    regions
}
