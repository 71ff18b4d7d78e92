//! The forms of one scope's expectations and of the whole fleet's.

use axum::Form;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use sickbay_diagnosis::expectation::{Wanted, Wishes};
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_web::pages::expectations::Value;
use sickbay_web::pages::expectations_form::{
    Entry, ExpectationsFormPage, Field as FormField, FormOf, ScopeFields,
};
use sickbay_web::pages::message::Refusal;
use sickbay_web::{Nav, Title};

use super::change::{Change, Target};
use super::typed::{Mistakes, Typed};
use super::{Fields, field};
use crate::pages::{PageError, Visit};
use crate::wishes;
use crate::wishes::fields::{FIELDS, Field, Kind, default_value, defaults, to_map, value_of};

#[derive(Debug, Deserialize)]
pub(in crate::pages) struct FormQuery {
    place: Option<String>,
}

/// `GET /expectations/fleet`.
pub(in crate::pages) async fn fleet(visit: Visit) -> Result<Html<String>, PageError> {
    let stored = visit.told(wishes::stored(visit.app.store.as_ref()).await)?;
    let typed = Typed::of_wanted(&stored.fleet);
    let page = page(&visit, &stored, Target::Fleet, &typed, &Mistakes::new());
    Ok(Html(page.render()))
}

/// `GET /expectations/scope?place=N|new`.
pub(in crate::pages) async fn scope(
    visit: Visit,
    Query(query): Query<FormQuery>,
) -> Result<Html<String>, PageError> {
    let stored = visit.told(wishes::stored(visit.app.store.as_ref()).await)?;
    let missing = || visit.error(Refusal::NoSuchScope);
    let target = Target::of_place(query.place.as_deref().unwrap_or_default());
    let (target, typed) = match target.ok_or_else(missing)? {
        Target::Scope(place) => {
            let scope = stored.scopes.get(place).ok_or_else(missing)?;
            (Target::Scope(place), Typed::of_scope(scope))
        }
        Target::New | Target::Fleet => (Target::New, Typed::default()),
    };
    let page = page(&visit, &stored, target, &typed, &Mistakes::new());
    Ok(Html(page.render()))
}

/// `POST /expectations/edit`: the form again, as it was typed.
pub(in crate::pages) async fn edit(
    visit: Visit,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(field(&fields, "csrf"))))?;
    let stored = visit.told(wishes::stored(visit.app.store.as_ref()).await)?;
    if field(&fields, "mark") != wishes::mark(&stored) {
        return Err(visit.error(Refusal::ChangedMeanwhile));
    }
    match Change::of_form(&fields) {
        Some(Change::Write(target, typed)) => {
            let page = page(&visit, &stored, target, &typed, &Mistakes::new());
            Ok(Html(page.render()).into_response())
        }
        _ => Err(visit.error(Refusal::NoSuchChange)),
    }
}

/// The form with what of it cannot be.
pub(super) fn mistaken(
    visit: &Visit,
    stored: &Wishes,
    change: &Change,
    mistakes: &Mistakes,
) -> Response {
    let nothing = Typed::default();
    let (target, typed) = match change {
        Change::Write(target, typed) => (*target, typed),
        _ => (Target::New, &nothing),
    };
    let page = page(visit, stored, target, typed, mistakes);
    (StatusCode::BAD_REQUEST, Html(page.render())).into_response()
}

fn page(
    visit: &Visit,
    stored: &Wishes,
    target: Target,
    typed: &Typed,
    mistakes: &Mistakes,
) -> ExpectationsFormPage {
    let of = match target {
        Target::Fleet => FormOf::Fleet,
        Target::New => FormOf::NewScope,
        Target::Scope(place) => FormOf::Scope(stored.scopes.get(place).map(|s| s.name.clone())),
    };
    let mistake = |name: &str| mistakes.get(name).cloned();
    // What decides where the field stays empty.
    let mut behind = Wanted::default();
    if target != Target::Fleet {
        behind.fill_from(&stored.fleet);
    }
    behind.fill_from(&visit.app.config.expectations);
    ExpectationsFormPage {
        chrome: visit.chrome(Title::ExpectationsOf(of.clone()), Some(Nav::Settings)),
        of,
        scope: (target != Target::Fleet).then(|| ScopeFields {
            name: typed.text("name").to_owned(),
            name_error: mistake("name"),
            filter: typed.text("scope").to_owned(),
            filter_error: mistake("scope"),
        }),
        place: target.place(),
        fields: FIELDS
            .iter()
            .map(|field| FormField {
                name: field.name,
                entry: entry(field, typed, &behind),
                error: mistake(field.name),
            })
            .collect(),
        mark: wishes::mark(stored),
        error: mistake(""),
    }
}

fn entry(field: &Field, typed: &Typed, behind: &Wanted) -> Entry {
    let value = typed.text(field.name).to_owned();
    let otherwise = otherwise(field, behind);
    match field.kind {
        Kind::Source(_) => Entry::Source {
            source: value,
            server: typed.server(field.name).to_owned(),
            otherwise,
        },
        Kind::Number(unit) => Entry::Number {
            value,
            unit,
            otherwise,
        },
        Kind::YesNo => Entry::YesNo { value, otherwise },
        Kind::Text => Entry::Text { value, otherwise },
    }
}

/// What counts where the field stays empty; of numbers without their unit, which stands beside the field.
fn otherwise(field: &Field, behind: &Wanted) -> Value {
    let plain = |wanted: &Wanted| {
        let value = to_map(wanted).get(field.name).cloned()?;
        Some(match value_of(field, &value) {
            Value::Number(number, _) => Value::Bare(number),
            other => other,
        })
    };
    if let Some(wished) = plain(behind) {
        return wished;
    }
    let of = |kind| plain(&defaults(kind)).unwrap_or_else(|| default_value(field, kind));
    let (clients, servers) = (of(DeviceKind::Client), of(DeviceKind::Server));
    if clients == servers || field.clients_only {
        clients
    } else {
        Value::Each {
            clients: Box::new(clients),
            servers: Box::new(servers),
        }
    }
}
