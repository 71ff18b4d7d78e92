//! `/issues`.

use axum::response::Html;
use sickbay_web::Nav;
use sickbay_web::pages::issues::{IssuesPage, by_weight};

use super::overview::issue_lines;
use super::{PageError, Visit};
use crate::days;

pub(super) async fn show(visit: Visit) -> Result<Html<String>, PageError> {
    let days = days::last(&visit.app, visit.scope(), days::SHOWN).await;
    let days = visit.told(days)?;
    let mut lines = issue_lines(&days);
    by_weight(&mut lines);
    let page = IssuesPage {
        chrome: visit.chrome(Nav::Issues, Some(Nav::Issues)),
        issues: lines,
        active: days.today().map_or(0, |today| today.fleet.active()),
    };
    Ok(Html(page.render()))
}
