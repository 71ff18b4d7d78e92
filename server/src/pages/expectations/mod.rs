//! `/expectations`, and the forms that change it: each change is shown with what would come of it before it is made.

mod accept;
mod change;
mod form;
mod typed;

use axum::Form;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_diagnosis::context::{FleetContext, Sources};
use sickbay_diagnosis::expectation::{ScopedWish, UpdateClass, Wishes};
use sickbay_diagnosis::issues;
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_store::AcceptanceRow;
use sickbay_web::pages::expectations::{
    AcceptanceLine, ExpectationsPage, FleetLine, Origin, ProvisionalLine, ScopeLine, Words,
};
use sickbay_web::pages::expectations_preview::{Back, ExpectationsPreviewPage, IssueChange};
use sickbay_web::{Nav, links};

pub(super) use self::accept::{accept, end};
use self::change::{Change, Made, Refused};
pub(super) use self::form::{edit, fleet, scope};
use super::{PageError, Visit};
use crate::acceptance;
use crate::jobs::context;
use crate::preview::{self, Preview};
use crate::problem::Problem;
use crate::wishes::fields::{FIELDS, default_in_words, in_words, to_map, value_in_words};
use crate::wishes::{self, confirm};

/// The fields of a form, in order.
type Fields = Vec<(String, String)>;

#[derive(Debug, Deserialize)]
pub(super) struct ExpectationsQuery {
    done: Option<String>,
}

/// The value of a form's field; empty where it has none.
fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let found = fields.iter().find(|(key, _)| key == name);
    found.map_or("", |(_, value)| value.as_str())
}

pub(super) async fn show(
    visit: Visit,
    Query(query): Query<ExpectationsQuery>,
) -> Result<Html<String>, PageError> {
    let app = &visit.app;
    let stored = visit.told(wishes::stored(app.store.as_ref()).await)?;
    let rows = visit.told(app.store.acceptances().await)?;
    let in_force = context::in_force(&app.config, &stored);
    let rules = app.rules.get();
    let now = app.clock.now();
    let (holding, past): (Vec<AcceptanceRow>, Vec<AcceptanceRow>) = rows
        .into_iter()
        .partition(|row| acceptance::holds(row, now));
    let done = match query.done.as_deref() {
        Some("applied") => {
            Some("Applied. Devices are judged anew now; counts and lists follow within seconds.")
        }
        Some("accepted") => {
            Some("Accepted. It counts apart from now on; lists follow within seconds.")
        }
        Some("ended") => Some("Ended. What it covered is open again; lists follow within seconds."),
        _ => None,
    };
    let page = ExpectationsPage {
        chrome: visit.chrome("Expectations", Some(Nav::Settings)),
        fleet: fleet_lines(&stored, &app.config.expectations),
        scopes: stored.scopes.iter().map(scope_line).collect(),
        file_scopes: app.config.scopes.iter().map(scope_line).collect(),
        provisional: provisional_lines(&in_force, &rules.wishes, &rules.fleet),
        acceptances: holding.into_iter().map(acceptance_line).collect(),
        past: past.len() as u64,
        mark: wishes::mark(&stored),
        done: done.map(str::to_owned),
    };
    Ok(Html(page.render()))
}

fn fleet_lines(
    stored: &Wishes,
    of_file: &sickbay_diagnosis::expectation::Wanted,
) -> Vec<FleetLine> {
    let (here, file) = (to_map(&stored.fleet), to_map(of_file));
    FIELDS
        .iter()
        .map(|field| {
            let (value, origin) = match (here.get(field.name), file.get(field.name)) {
                (Some(value), _) => (Some(value), Origin::Here),
                (None, Some(value)) => (Some(value), Origin::SettingsFile),
                (None, None) => (None, Origin::Default),
            };
            FleetLine {
                label: field.label.to_owned(),
                clients: default_in_words(field, DeviceKind::Client),
                servers: default_in_words(field, DeviceKind::Server),
                wished: value.map_or_else(String::new, |value| value_in_words(field, value)),
                origin,
            }
        })
        .collect()
}

fn scope_line(scope: &ScopedWish) -> ScopeLine {
    ScopeLine {
        name: scope.name.clone(),
        filter: scope.scope.to_string(),
        wishes: in_words(&scope.wanted),
    }
}

/// Sources that nobody confirmed. Those of scopes are known only where the wishes in force are the stored ones.
fn provisional_lines(
    in_force: &Wishes,
    judged_with: &Wishes,
    fleet: &FleetContext,
) -> Vec<ProvisionalLine> {
    let known = in_force == judged_with;
    let scopes = in_force.scopes.iter().enumerate().filter(|_| known);
    let of_scopes = scopes.filter_map(|(place, scope)| {
        provisional_line(
            &format!("Scope {}", scope.name),
            &confirm::of_scope(in_force, fleet, place),
        )
    });
    let mut lines = provisional_of_kinds(in_force, fleet);
    lines.extend(of_scopes);
    lines
}

/// The majorities of clients and of servers, of those classes of which the owner has not said what is expected.
pub(super) fn provisional_of_kinds(wishes: &Wishes, fleet: &FleetContext) -> Vec<ProvisionalLine> {
    let kinds = [
        ("Clients", DeviceKind::Client),
        ("Servers", DeviceKind::Server),
    ];
    kinds
        .into_iter()
        .filter_map(|(whose, kind)| {
            provisional_line(whose, &wishes::provisional(wishes, fleet, kind))
        })
        .collect()
}

fn provisional_line(whose: &str, sources: &Sources) -> Option<ProvisionalLine> {
    let sources = sources_in_words(sources);
    (!sources.is_empty()).then(|| ProvisionalLine {
        whose: whose.to_owned(),
        sources,
    })
}

/// Each source with the classes that come from it.
fn sources_in_words(sources: &Sources) -> Vec<Words> {
    let each = UpdateClass::ALL
        .into_iter()
        .zip(sources)
        .filter_map(|(class, source)| {
            let source = source.as_ref()?;
            let name = wishes::fields::source_in_words(source.source.name());
            let value = match &source.server {
                Some(server) => format!("{name} {server}"),
                None => name.to_owned(),
            };
            let label = match class {
                UpdateClass::Quality => "quality updates",
                UpdateClass::Feature => "feature updates",
                UpdateClass::Driver => "drivers",
                UpdateClass::Other => "other products",
            };
            Some((label, value))
        });
    let mut by_source: Vec<(Vec<&str>, String)> = Vec::new();
    for (label, value) in each {
        match by_source.iter_mut().find(|(_, other)| *other == value) {
            Some((labels, _)) => labels.push(label),
            None => by_source.push((vec![label], value)),
        }
    }
    by_source
        .into_iter()
        .map(|(labels, value)| {
            let label = match labels.split_last() {
                Some(_) if labels.len() == UpdateClass::ALL.len() => "everything".to_owned(),
                Some((last, [])) => (*last).to_owned(),
                Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
                None => String::new(),
            };
            (label, value)
        })
        .collect()
}

fn acceptance_line(row: AcceptanceRow) -> AcceptanceLine {
    let title = issues::get(&row.issue).map_or(row.issue.as_str(), |issue| issue.title);
    AcceptanceLine {
        id: row.id.to_string(),
        title: title.to_owned(),
        issue: row.issue,
        scope: row.scope,
        reason: row.reason,
        made_by: row.made_by,
        made_at: row.made_at,
        until: row.until,
    }
}

/// What a person is told whose change rests on expectations that are no longer the stored ones.
fn changed_meanwhile() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "Somebody else changed the expectations meanwhile",
        "Nothing was changed by you. Look at the page of expectations again, and make your change anew.",
    )
}

/// `POST /expectations/preview`: what would come of a change.
pub(super) async fn preview(
    visit: Visit,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(field(&fields, "csrf"))))?;
    let app = &visit.app;
    let stored = visit.told(wishes::stored(app.store.as_ref()).await)?;
    let mark = wishes::mark(&stored);
    if field(&fields, "mark") != mark {
        return Err(visit.error(changed_meanwhile()));
    }
    let Some(change) = Change::of_form(&fields) else {
        return Err(visit.error(Problem::bad_request(
            "The form asks for no change that is known.",
        )));
    };
    let in_force = context::in_force(&app.config, &stored);
    let rules = app.rules.get();
    let fleet = context::with_wishes(app.store.as_ref(), &rules.fleet, &in_force).await;
    let made = match change.make(&stored, &in_force, &visit.told(fleet)?) {
        Ok(made) => made,
        Err(Refused::NoScope) => return Err(visit.error(changed_meanwhile())),
        Err(Refused::Mistakes(mistakes)) => {
            return Ok(form::mistaken(&visit, &stored, &change, &mistakes));
        }
    };
    visit.told(wishes::check(&made.wishes))?;
    let preview = visit.told(preview::of_wishes(app, &made.wishes).await)?;
    Ok(Html(preview_page(&visit, change, made, preview, mark).render()).into_response())
}

fn preview_page(
    visit: &Visit,
    change: Change,
    made: Made,
    preview: Preview,
    mark: String,
) -> ExpectationsPreviewPage {
    let wanted = match &change {
        Change::Write(target, _) => {
            let wanted = match target {
                change::Target::Fleet => Some(&made.wishes.fleet),
                change::Target::New => made.wishes.scopes.last().map(|s| &s.wanted),
                change::Target::Scope(place) => made.wishes.scopes.get(*place).map(|s| &s.wanted),
            };
            wanted.map(in_words).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let back = match change {
        Change::Write(target, typed) => {
            let word = match target {
                change::Target::Fleet => "fleet",
                change::Target::New | change::Target::Scope(_) => "scope",
            };
            let own = [
                ("change", word.to_owned()),
                ("place", target.place()),
                ("mark", mark.clone()),
            ];
            let own = own
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value));
            Back::Form(own.chain(typed.fields()).collect())
        }
        _ => Back::Overview,
    };
    ExpectationsPreviewPage {
        chrome: visit.chrome("What would change", Some(Nav::Settings)),
        change: made.sentence,
        wishes: wanted,
        devices: preview.devices,
        changed: preview.changed,
        issues: preview
            .issues
            .into_iter()
            .filter_map(|line| {
                let issue = issues::get(&line.issue)?;
                Some(IssueChange {
                    issue: line.issue,
                    title: issue.title.to_owned(),
                    severity: issue.severity,
                    opens: line.opens,
                    clears: line.clears,
                })
            })
            .collect(),
        json: wishes::to_json(&made.wishes),
        mark,
        back,
    }
}

/// `POST /expectations/apply`: makes a change that was previewed.
pub(super) async fn apply(visit: Visit, Form(fields): Form<Fields>) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(field(&fields, "csrf"))))?;
    let json = serde_json::from_str(field(&fields, "wishes"))
        .map_err(|_| visit.error(Problem::bad_request("The form holds no expectations.")))?;
    let new = visit.told(wishes::read(&json))?;
    match wishes::replace(
        &visit.app,
        &new,
        Some(field(&fields, "mark")),
        &visit.viewer.name,
    )
    .await
    {
        Err(wishes::WishError::ChangedMeanwhile) => Err(visit.error(changed_meanwhile())),
        other => {
            visit.told(other)?;
            let to = format!("{}?done=applied", links::EXPECTATIONS);
            Ok(Redirect::to(&to).into_response())
        }
    }
}
