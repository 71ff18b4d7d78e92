//! `/expectations`, and the forms that change it: each change is shown with what would come of it before it is made.

mod accept;
mod change;
mod form;
mod typed;

use axum::Form;
use axum::extract::Query;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_diagnosis::context::{FleetContext, Sources};
use sickbay_diagnosis::expectation::{ScopedWish, UpdateClass, Wishes};
use sickbay_diagnosis::issues;
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_store::AcceptanceRow;
use sickbay_web::pages::expectations::{
    AcceptanceLine, Done, ExpectationsPage, FleetLine, Origin, ProvisionalLine, ScopeLine,
    SharedSource, Whose,
};
use sickbay_web::pages::expectations_preview::{Back, ExpectationsPreviewPage, IssueChange};
use sickbay_web::pages::message::Refusal;
use sickbay_web::{Nav, Title, links};

pub(super) use self::accept::{accept, end};
use self::change::{Change, Made, Refused};
pub(super) use self::form::{edit, fleet, scope};
use super::{PageError, Visit};
use crate::acceptance;
use crate::jobs::context;
use crate::preview::{self, Preview};
use crate::wishes::fields::{FIELDS, default_value, to_map, value_of, wishes_of};
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
    let done = query.done.as_deref().and_then(Done::named);
    let page = ExpectationsPage {
        chrome: visit.chrome(Title::Expectations, Some(Nav::Settings)),
        fleet: fleet_lines(&stored, &app.config.expectations),
        scopes: stored.scopes.iter().map(scope_line).collect(),
        file_scopes: app.config.scopes.iter().map(scope_line).collect(),
        provisional: provisional_lines(&in_force, &rules.wishes, &rules.fleet),
        acceptances: holding.into_iter().map(acceptance_line).collect(),
        past: past.len() as u64,
        mark: wishes::mark(&stored),
        done,
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
                name: field.name,
                clients: default_value(field, DeviceKind::Client),
                servers: default_value(field, DeviceKind::Server),
                wished: value.map(|value| value_of(field, value)),
                origin,
            }
        })
        .collect()
}

fn scope_line(scope: &ScopedWish) -> ScopeLine {
    ScopeLine {
        name: scope.name.clone(),
        filter: scope.scope.to_string(),
        wishes: wishes_of(&scope.wanted),
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
            Whose::Scope(scope.name.clone()),
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
        (Whose::Clients, DeviceKind::Client),
        (Whose::Servers, DeviceKind::Server),
    ];
    kinds
        .into_iter()
        .filter_map(|(whose, kind)| {
            provisional_line(whose, &wishes::provisional(wishes, fleet, kind))
        })
        .collect()
}

fn provisional_line(whose: Whose, sources: &Sources) -> Option<ProvisionalLine> {
    let sources = shared(sources);
    (!sources.is_empty()).then_some(ProvisionalLine { whose, sources })
}

/// Each source with the classes that come from it.
fn shared(sources: &Sources) -> Vec<SharedSource> {
    let mut by_source: Vec<SharedSource> = Vec::new();
    for (class, source) in UpdateClass::ALL.into_iter().zip(sources) {
        let Some(source) = source else {
            continue;
        };
        match by_source.iter_mut().find(|one| one.source == *source) {
            Some(one) => one.classes.push(class),
            None => by_source.push(SharedSource {
                classes: vec![class],
                source: source.clone(),
            }),
        }
    }
    by_source
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
        return Err(visit.error(Refusal::ChangedMeanwhile));
    }
    let Some(change) = Change::of_form(&fields) else {
        return Err(visit.error(Refusal::NoSuchChange));
    };
    let in_force = context::in_force(&app.config, &stored);
    let rules = app.rules.get();
    let fleet = context::with_wishes(app.store.as_ref(), &rules.fleet, &in_force).await;
    let made = match change.make(&stored, &in_force, &visit.told(fleet)?) {
        Ok(made) => made,
        Err(Refused::NoScope) => return Err(visit.error(Refusal::ChangedMeanwhile)),
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
            wanted.map(wishes_of).unwrap_or_default()
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
        chrome: visit.chrome(Title::Preview, Some(Nav::Settings)),
        change: made.told,
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
        .map_err(|_| visit.error(Refusal::NoExpectations))?;
    let new = visit.told(wishes::read(&json))?;
    match wishes::replace(
        &visit.app,
        &new,
        Some(field(&fields, "mark")),
        &visit.viewer.name,
    )
    .await
    {
        Err(wishes::WishError::ChangedMeanwhile) => Err(visit.error(Refusal::ChangedMeanwhile)),
        other => {
            visit.told(other)?;
            let to = format!("{}?done={}", links::EXPECTATIONS, Done::Applied.name());
            Ok(Redirect::to(&to).into_response())
        }
    }
}
