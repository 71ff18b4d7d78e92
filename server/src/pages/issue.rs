//! `/issues/{issue}`.

use axum::extract::{Path, Query};
use axum::response::{Html, IntoResponse, Response};
use sickbay_diagnosis::filter::{Filter, Pattern, Test};
use sickbay_diagnosis::issues;
use sickbay_store::CauseCount;
use sickbay_web::Nav;
use sickbay_web::chart::{Band, Chart, Series, Subject};
use sickbay_web::pages::issue::{CauseGroup, IssuePage};
use sickbay_web::region;

use super::list::{self, Answer, Parameters};
use super::{PageError, Visit, facets, selection};
use crate::api::issues::known;
use crate::days::{self, Days};

pub(super) async fn show(
    visit: Visit,
    Path(issue): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Result<Response, PageError> {
    let issue = visit.told(known(&issue))?;
    let shown = list::show(&visit, Some(issue), &parameters);
    let days = days::last(&visit.app, visit.scope(), days::SHOWN);
    let (shown, days) = tokio::join!(shown, days);
    let shown = match shown? {
        Answer::Elsewhere(response) => return Ok(response),
        Answer::Shown(shown) => *shown,
    };
    let days = visit.told(days)?;
    let count = days.today().and_then(|today| today.issue(issue.id));
    let typed = &shown.typed;
    let causes = shown.survey.causes.iter().cloned();
    let page = IssuePage {
        chrome: visit.chrome(issue.title, Some(Nav::Issues)),
        issue,
        open: count.map_or(0, |c| c.open),
        serious: count.map_or(0, |c| c.serious),
        unknown: count.map_or(0, |c| c.unknown),
        accepted: count.map_or(0, |c| c.accepted),
        primary: count.map_or(0, |c| c.primary),
        explains: issue
            .explains
            .iter()
            .filter_map(|id| issues::get(id))
            .collect(),
        causes: causes.map(|group| cause_group(group, typed)).collect(),
        facets: facets::shown(&shown.survey, typed, |filter| shown.list.filtered(filter)),
        trend: trend(&days, issue.id),
        filter: shown.filter,
        views: shown.views,
        table: shown.table,
        next_cursor: shown.next_cursor,
        list: shown.list,
        done: selection::done(&parameters),
    };
    Ok(Html(page.render()).into_response())
}

/// Devices that have it, serious ones below, and those of which that is accepted.
fn trend(days: &Days, issue: &'static str) -> Chart {
    let band = |of, read: fn(&sickbay_store::IssueCount) -> u64| Band {
        of,
        values: days.issue(issue, read),
    };
    Chart {
        of: Subject::Issue,
        days: days.dates(),
        bands: vec![
            band(Series::Serious, |count| count.serious),
            band(Series::Warning, |count| {
                count.open - count.serious.min(count.open)
            }),
            band(Series::Accepted, |count| count.accepted),
        ],
        region: region::issue(issue),
    }
}

fn cause_group(group: CauseCount, typed: &Filter) -> CauseGroup {
    let narrowed = Filter::Is(Test::Cause(Pattern::new(group.cause.key.as_str())));
    CauseGroup {
        filter: typed.clone().and(narrowed).to_string(),
        cause: group.cause,
        devices: group.devices,
    }
}
