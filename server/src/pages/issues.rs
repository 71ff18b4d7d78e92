//! `/issues`.

use axum::response::Html;
use sickbay_web::Nav;
use sickbay_web::pages::issues::{IssuesPage, by_weight};

use super::overview::issue_lines;
use super::{PageError, Visit};

pub(super) async fn show(visit: Visit) -> Result<Html<String>, PageError> {
    let store = &visit.app.store;
    let counts = visit.told(store.issue_counts(visit.scope()).await)?;
    let fleet = visit.told(store.fleet_counts(visit.scope()).await)?;
    let mut lines = issue_lines(&counts);
    by_weight(&mut lines);
    let page = IssuesPage {
        chrome: visit.chrome("Issues", Some(Nav::Issues)),
        issues: lines,
        active: fleet.active(),
    };
    Ok(Html(page.render()))
}
