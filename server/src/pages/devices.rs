//! `/devices`.

use axum::extract::Query;
use axum::response::{Html, IntoResponse, Response};
use sickbay_web::Nav;
use sickbay_web::pages::devices::DevicesPage;

use super::list::{self, Answer, Parameters};
use super::{PageError, Visit, facets, selection};

pub(super) async fn show(
    visit: Visit,
    Query(parameters): Query<Parameters>,
) -> Result<Response, PageError> {
    let shown = match list::show(&visit, None, &parameters).await? {
        Answer::Elsewhere(response) => return Ok(response),
        Answer::Shown(shown) => *shown,
    };
    let page = DevicesPage {
        chrome: visit.chrome(Nav::Devices, Some(Nav::Devices)),
        facets: facets::shown(&shown.survey, &shown.typed, |filter| {
            shown.list.filtered(filter)
        }),
        filter: shown.filter,
        views: shown.views,
        table: shown.table,
        next_cursor: shown.next_cursor,
        list: shown.list,
        done: selection::done(&parameters),
    };
    Ok(Html(page.render()).into_response())
}
