//! `/enrolment/ca`, and the form that takes a step of a rotation.

use axum::Form;
use axum::extract::Query;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_store::Standing;
use sickbay_web::pages::ca::{CaPage, Generation, Phase as Shown, Standing as Good, Step as Offer};
use sickbay_web::pages::message::Refusal;
use sickbay_web::{Nav, Title, links};

use super::{PageError, Visit};
use crate::identity::ca::{CaError, Phase, Step, pin_of};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
pub(super) struct CaQuery {
    done: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CaForm {
    csrf: String,
    step: String,
    force: Option<String>,
}

pub(super) async fn show(
    visit: Visit,
    Query(query): Query<CaQuery>,
) -> Result<Html<String>, PageError> {
    let ca = &visit.app.ca;
    // Another process may have taken a step a moment ago.
    visit.told(ca.reload().await.map_err(problem))?;
    let in_force = ca.in_force();
    let progress = visit.told(ca.progress().await.map_err(problem))?;
    let (phase, come) = match in_force.phase() {
        Phase::Steady => (Shown::Steady, None),
        Phase::Announced => (Shown::Announced, Some(progress.told)),
        Phase::Switched => (Shown::Switched, Some(progress.moved)),
    };
    let page = CaPage {
        chrome: visit.chrome(Title::CertificateAuthority, Some(Nav::Enrolment)),
        generations: in_force
            .generations()
            .iter()
            .rev()
            .map(|row| Generation {
                number: row.generation.into(),
                standing: shown(row.standing),
                since: row.since,
                pin: pin_of(&row.certificate).unwrap_or_default(),
            })
            .collect(),
        phase,
        progress: come.map(|come| (come, progress.devices)),
        steps: offers(in_force.phase()),
        done: query.done.as_deref().and_then(Offer::named),
    };
    Ok(Html(page.render()))
}

pub(super) async fn take(visit: Visit, Form(form): Form<CaForm>) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let Some(offer) = Offer::named(&form.step) else {
        return Err(visit.error(Refusal::NoSuchStep));
    };
    let step = match offer {
        Offer::Announce => Step::Announce,
        Offer::Switch => Step::Switch,
        Offer::Retire => Step::Retire,
        Offer::BackOut => Step::BackOut,
    };
    let (by, now) = (&visit.viewer.name, visit.app.clock.now());
    let taken = visit
        .app
        .ca
        .rotate(step, by, form.force.is_some(), now)
        .await;
    visit.told(taken.map_err(problem))?;
    // At once, and not in the next round of the job that follows the CA.
    visit.told(visit.app.follow_ca().map_err(problem))?;
    Ok(Redirect::to(&format!("{}?done={}", links::CA, offer.name())).into_response())
}

fn problem(error: CaError) -> Problem {
    match error {
        CaError::NotNow(why) => Refusal::StepNotNow { why }.into(),
        CaError::Store(error) => error.into(),
        other => {
            tracing::error!(error = %crate::ingest::chain(&other), "the CA cannot be used");
            Refusal::CaBroken.into()
        }
    }
}

const fn shown(standing: Standing) -> Good {
    match standing {
        Standing::Next => Good::Announced,
        Standing::Issuing => Good::Issuing,
        Standing::Trusted => Good::Trusted,
        Standing::Retired => Good::Retired,
    }
}

fn offers(phase: Phase) -> Vec<Offer> {
    match phase {
        Phase::Steady => vec![Offer::Announce],
        Phase::Announced => vec![Offer::Switch, Offer::BackOut],
        Phase::Switched => vec![Offer::Retire, Offer::BackOut],
    }
}
