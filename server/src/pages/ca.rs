//! `/enrolment/ca`, and the form that takes a step of a rotation.

use axum::Form;
use axum::extract::Query;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_store::Standing;
use sickbay_web::pages::ca::{CaPage, Generation, Step as Offer};
use sickbay_web::{Nav, links};

use super::{PageError, Visit};
use crate::identity::ca::{CaError, Phase, Step, pin_of};
use crate::problem::Problem;

/// Steps as the form spells them.
const STEPS: [(&str, Step); 4] = [
    ("announce", Step::Announce),
    ("switch", Step::Switch),
    ("retire", Step::Retire),
    ("back-out", Step::BackOut),
];

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
        Phase::Steady => ("No rotation is under way.", None),
        Phase::Announced => (
            "The next CA is announced: devices hear whom to trust besides this one.",
            Some(progress.told),
        ),
        Phase::Switched => (
            "The new CA issues: devices fetch their certificates from it, and both are trusted.",
            Some(progress.moved),
        ),
    };
    let done = query.done.and_then(|step| done(&step));
    let page = CaPage {
        chrome: visit.chrome("Certificate authority", Some(Nav::Enrolment)),
        generations: in_force
            .generations()
            .iter()
            .rev()
            .map(|row| Generation {
                number: row.generation.into(),
                standing: row.standing.words(),
                since: row.since,
                pin: pin_of(&row.certificate).unwrap_or_default(),
                trusted: row.standing != Standing::Retired,
            })
            .collect(),
        phase: phase.to_owned(),
        progress: come.map(|come| (come, progress.devices)),
        steps: offers(in_force.phase()),
        done: done.map(str::to_owned),
    };
    Ok(Html(page.render()))
}

pub(super) async fn take(visit: Visit, Form(form): Form<CaForm>) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let step = STEPS.iter().find(|(name, _)| *name == form.step);
    let Some((name, step)) = step else {
        return Err(visit.error(Problem::bad_request("There is no such step of a rotation.")));
    };
    let (by, now) = (&visit.viewer.name, visit.app.clock.now());
    let taken = visit
        .app
        .ca
        .rotate(*step, by, form.force.is_some(), now)
        .await;
    visit.told(taken.map_err(problem))?;
    // At once, and not in the next round of the job that follows the CA.
    visit.told(visit.app.follow_ca().map_err(problem))?;
    Ok(Redirect::to(&format!("{}?done={name}", links::CA)).into_response())
}

fn problem(error: CaError) -> Problem {
    match error {
        CaError::NotNow(why) => Problem::new(
            axum::http::StatusCode::CONFLICT,
            "This step is not possible now",
            why,
        ),
        CaError::Store(error) => error.into(),
        other => {
            tracing::error!(error = %crate::ingest::chain(&other), "the CA cannot be used");
            Problem::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "The CA cannot be used",
                "The server's log says why.",
            )
        }
    }
}

/// What the form just did.
fn done(step: &str) -> Option<&'static str> {
    Some(match step {
        "announce" => "The next CA is announced. Devices hear of it one by one.",
        "switch" => "The new CA issues from now on.",
        "retire" => "The old CA is retired, and its key is removed.",
        "back-out" => "One step back.",
        _ => return None,
    })
}

fn offers(phase: Phase) -> Vec<Offer> {
    let back = |meaning| Offer {
        value: "back-out",
        label: "One step back",
        meaning,
        is_final: false,
    };
    match phase {
        Phase::Steady => vec![Offer {
            value: "announce",
            label: "Announce another CA",
            meaning: "Makes the next CA. Devices trust both from then on; nothing else changes, and it can be undone.",
            is_final: false,
        }],
        Phase::Announced => vec![
            Offer {
                value: "switch",
                label: "Switch to it",
                meaning: "Issues every certificate by the next CA. Devices that have not heard of it yet follow all the same.",
                is_final: false,
            },
            back("Forgets the next CA again."),
        ],
        Phase::Switched => vec![
            Offer {
                value: "retire",
                label: "Retire the old CA",
                meaning: "Trusts the old CA no more and removes its key. This cannot be undone; devices that slept through it come home by themselves.",
                is_final: true,
            },
            back("Issues by the old CA again."),
        ],
    }
}
