//! The forms that accept an issue and end that.

use axum::Form;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use sickbay_diagnosis::issues;
use sickbay_web::pages::accept::{AcceptForm, AcceptPage};
use sickbay_web::pages::expectations::Done;
use sickbay_web::pages::message::Refusal;
use sickbay_web::{Nav, Title, links};
use uuid::Uuid;

use super::{Fields, field};
use crate::acceptance::{self, AcceptError, Asked, LONGEST_DAYS};
use crate::pages::{PageError, Visit};

/// `POST /expectations/accept`.
pub(in crate::pages) async fn accept(
    visit: Visit,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(field(&fields, "csrf"))))?;
    let text = |name: &str| field(&fields, name).to_owned();
    let asked = Asked {
        issue: text("issue"),
        scope: text("scope"),
        reason: text("reason"),
        until: text("until"),
    };
    match acceptance::accept(&visit.app, &asked, &visit.viewer.name).await {
        Ok(_) => Ok(back(Done::Accepted)),
        Err(AcceptError::Store(error)) => Err(visit.error(error)),
        Err(error) => Ok(refused(&visit, asked, &error)),
    }
}

/// The form again, with what of it cannot be.
fn refused(visit: &Visit, asked: Asked, error: &AcceptError) -> Response {
    let (part, why) = match error {
        AcceptError::Bad { part, why } => (part.name(), why.clone()),
        other => ("", other.to_string()),
    };
    let title = issues::get(&asked.issue).map_or(asked.issue.as_str(), |issue| issue.title);
    let now = visit.app.clock.now();
    let page = AcceptPage {
        chrome: visit.chrome(Title::Accept, Some(Nav::Settings)),
        title: title.to_owned(),
        form: AcceptForm {
            issue: asked.issue,
            scope: asked.scope,
            reason: asked.reason,
            until: asked.until,
            earliest: now.date(),
            latest: now.plus_days(LONGEST_DAYS - 1).date(),
        },
        part: part.to_owned(),
        error: why,
    };
    (StatusCode::BAD_REQUEST, Html(page.render())).into_response()
}

/// `POST /expectations/end`.
pub(in crate::pages) async fn end(
    visit: Visit,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(field(&fields, "csrf"))))?;
    let missing = || visit.error(Refusal::NoSuchAcceptance);
    let id: Uuid = field(&fields, "id").parse().map_err(|_| missing())?;
    if visit.told(acceptance::end_now(&visit.app, id, &visit.viewer.name).await)? {
        Ok(back(Done::Ended))
    } else {
        Err(missing())
    }
}

fn back(done: Done) -> Response {
    let to = format!("{}?done={}#acceptances", links::EXPECTATIONS, done.name());
    Redirect::to(&to).into_response()
}
