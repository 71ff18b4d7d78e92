//! `/search`: everything that one text finds, and straight to the one thing that it names; `/search/suggestions` while it is typed.

use axum::extract::Query;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_web::pages::search::{HitGroup, HitLine, SearchPage, Suggestions};
use sickbay_web::{Title, links};

use super::{PageError, Visit};
use crate::api::search::SearchQuery;
use crate::search::asked::Asked;
use crate::search::{self, Found, SHOWN, SHOWN_ALONE, Section};

/// Hits of a kind among suggestions.
const SUGGESTED: usize = 4;
/// Suggestions at most: what stands below is a list, not a suggestion.
const SUGGESTED_AT_MOST: usize = 14;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Shown {
    /// Whether one thing that is named is listed as well, and not gone to.
    list: Option<String>,
}

pub(super) async fn show(
    visit: Visit,
    Query(query): Query<SearchQuery>,
    Query(shown): Query<Shown>,
) -> Result<Response, PageError> {
    let text = query.q.clone().unwrap_or_default();
    let kind = visit.told(query.kind())?;
    let mut trouble = None;
    let mut found = Found::default();
    match Asked::read(&text) {
        Err(problem) => trouble = Some(problem.detail),
        Ok(None) => {}
        Ok(Some(asked)) => {
            let limit = if kind.is_some() { SHOWN_ALONE } else { SHOWN };
            let answer = search::search(&visit.app, &visit.viewer, &asked, kind, limit).await;
            found = visit.told(answer)?;
        }
    }
    if kind.is_none()
        && shown.list.is_none()
        && let Some((_, hit)) = found.straight_to()
    {
        return Ok(Redirect::to(&hit.href).into_response());
    }
    let mut chrome = visit.chrome(Title::Search, None);
    chrome.live = false;
    let page = SearchPage {
        chrome,
        trouble,
        not_a_filter: found.trouble.clone(),
        groups: found.sections.iter().map(group).collect(),
        is_of_one_kind: kind.is_some(),
        text,
    };
    Ok(Html(page.render()).into_response())
}

pub(super) async fn suggestions(
    visit: Visit,
    Query(query): Query<SearchQuery>,
) -> Result<Html<String>, PageError> {
    let text = query.q.unwrap_or_default();
    let mut groups = Vec::new();
    // A text that is too long is refused by the page, which can say so.
    if let Ok(Some(asked)) = Asked::read(&text) {
        let answer = search::search(&visit.app, &visit.viewer, &asked, None, SUGGESTED).await;
        let found = visit.told(answer)?;
        let mut left = SUGGESTED_AT_MOST;
        for section in &found.sections {
            let mut group = group(section);
            group.hits.truncate(left);
            left -= group.hits.len();
            if !group.hits.is_empty() {
                groups.push(group);
            }
        }
    }
    let suggestions = Suggestions {
        all: links::search(&text),
        text,
        groups,
    };
    Ok(Html(suggestions.render()))
}

fn group(section: &Section) -> HitGroup {
    let hits = section.hits.iter().map(|hit| HitLine {
        title: hit.title.clone(),
        why: hit.why.clone(),
        href: hit.href.clone(),
        devices: hit.devices,
    });
    HitGroup {
        name: section.kind.name(),
        hits: hits.collect(),
        total: section.total,
        all: section.all.clone(),
    }
}
