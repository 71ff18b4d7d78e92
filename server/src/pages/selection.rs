//! What is done with chosen devices of a list: they are asked to look again, their issue is accepted, they are exported. And one device's
//! own button.

use axum::Form;
use axum::response::{Html, IntoResponse, Redirect, Response};
use sickbay_diagnosis::filter::{Filter, Pattern, Test, TextField};
use sickbay_diagnosis::issue::Issue;
use sickbay_store::Role;
use sickbay_web::links::{self, List};
use sickbay_web::pages::accept::{AcceptForm, AcceptPage};
use sickbay_web::pages::message::Refusal;
use sickbay_web::table::Asked as Done;
use sickbay_web::{Chrome, Nav, Title};
use uuid::Uuid;

use super::account::OneForm;
use super::list::Parameters;
use super::{PageError, Visit};
use crate::acceptance::LONGEST_DAYS;
use crate::access::rules::Needs;
use crate::api::issues::known;
use crate::export::devices::DeviceList;
use crate::inspections::{self, Asked, Which};
use crate::problem::Problem;

/// Most devices of a choice that are named one by one: what a page shows.
const CHOSEN_AT_MOST: usize = super::ROWS as usize;

/// What was done, as the address of the list says it.
const ASKED: &str = "asked";
const NOT_CONNECTED: &str = "not-connected";

/// What a list says of what was just done with its devices.
pub(super) fn done(parameters: &Parameters) -> Option<Done> {
    let number = |name: &str| -> Option<u64> {
        let (_, value) = parameters.iter().find(|(other, _)| other == name)?;
        value.parse().ok()
    };
    Some(Done {
        asked: number(ASKED)?,
        not_connected: number(NOT_CONNECTED).unwrap_or(0),
    })
}

/// `POST /selection`.
pub(super) async fn take(
    visit: Visit,
    Form(fields): Form<Parameters>,
) -> Result<Response, PageError> {
    let field = |name: &str| {
        let mut given = fields.iter().filter(|(field, _)| field == name);
        given.next().map_or("", |(_, value)| value.as_str())
    };
    visit.told(visit.viewer.may_change(Some(field("csrf"))))?;
    let issue = match field("list") {
        links::ALL_DEVICES => None,
        id => Some(visit.told(known(id))?),
    };
    let list = List {
        list: field("list").to_owned(),
        filter: field("filter").to_owned(),
        ..List::default()
    };
    let chosen = visit.told(chosen(&fields, field("all") == "yes"))?;
    match field("do") {
        "inspect" => {
            visit.told(may(&visit, Needs::Role(Role::Operator)))?;
            let asked = ask(&visit, issue, &list, chosen).await?;
            Ok(back(&list, asked))
        }
        "accept" => {
            visit.told(may(&visit, Needs::WholeFleet(Role::Operator)))?;
            let issue = issue.ok_or_else(|| visit.error(Refusal::NoIssue))?;
            let scope = chosen.map_or_else(|| list.filter.clone(), |ids| named(&ids).to_string());
            let chrome = visit.chrome(Title::Accept, Some(Nav::Settings));
            Ok(Html(accept_page(chrome, issue, scope).render()).into_response())
        }
        "export" => {
            let filter = chosen.map_or_else(|| list.filter.clone(), |ids| named(&ids).to_string());
            Ok(Redirect::to(&links::exports_of(&list.list, &filter)).into_response())
        }
        _ => Err(visit.error(Refusal::NoDeed)),
    }
}

/// The ids that were chosen; `None` for the whole list.
fn chosen(fields: &Parameters, all: bool) -> Result<Option<Vec<Uuid>>, Problem> {
    if all {
        return Ok(None);
    }
    let ids: Vec<&str> = fields
        .iter()
        .filter(|(name, _)| name == "device")
        .map(|(_, id)| id.as_str())
        .collect();
    if ids.is_empty() {
        return Err(Refusal::NothingChosen.into());
    }
    if ids.len() > CHOSEN_AT_MOST {
        return Err(Refusal::TooManyChosen {
            most: CHOSEN_AT_MOST,
        }
        .into());
    }
    let ids: Result<Vec<Uuid>, Problem> = ids
        .into_iter()
        .map(crate::api::devices::device_id)
        .collect();
    ids.map(Some)
}

/// A filter that names devices.
fn named(ids: &[Uuid]) -> Filter {
    let id = |id: &Uuid| Filter::Is(Test::Text(TextField::Id, Pattern::new(id.to_string())));
    match ids {
        [only] => id(only),
        ids => Filter::Any(ids.iter().map(id).collect()),
    }
}

/// The route is open to viewers, who export; what changes something is not for all of them.
fn may(visit: &Visit, needs: Needs) -> Result<(), Problem> {
    match needs.refuses(visit.viewer.role, &visit.viewer.scope) {
        Some(why) => Err(Problem::forbidden(why)),
        None => Ok(()),
    }
}

async fn ask(
    visit: &Visit,
    issue: Option<&'static Issue>,
    list: &List,
    chosen: Option<Vec<Uuid>>,
) -> Result<Asked, PageError> {
    let which = if let Some(ids) = chosen {
        Which::Devices(ids)
    } else {
        let devices = DeviceList::read(issue, Some(&list.filter), None);
        Which::Listed(Box::new(visit.told(devices)?))
    };
    let asked = inspections::ask(&visit.app, &visit.viewer, &[which]).await;
    let asked = visit.told(asked)?;
    seen(visit, asked)
}

/// Nobody is asked where one of them cannot be seen, or is gone.
fn seen(visit: &Visit, asked: Asked) -> Result<Asked, PageError> {
    match asked.unknown {
        None => Ok(asked),
        Some(id) => Err(visit.error(Refusal::ChosenIsGone { id: id.to_string() })),
    }
}

fn back(list: &List, asked: Asked) -> Response {
    let href = list.href();
    let sign = if href.contains('?') { '&' } else { '?' };
    let href = format!(
        "{href}{sign}{ASKED}={}&{NOT_CONNECTED}={}",
        asked.asked, asked.not_connected
    );
    Redirect::to(&href).into_response()
}

fn accept_page(chrome: Chrome, issue: &Issue, scope: String) -> AcceptPage {
    let now = chrome.now;
    AcceptPage {
        title: issue.title.to_owned(),
        form: AcceptForm {
            issue: issue.id.to_owned(),
            scope,
            reason: String::new(),
            until: now.plus_days(LONGEST_DAYS.min(30)).date(),
            earliest: now.date(),
            latest: now.plus_days(LONGEST_DAYS - 1).date(),
        },
        chrome,
        part: String::new(),
        error: String::new(),
    }
}

/// `POST /inspect`: one device, from its own page.
pub(super) async fn inspect(
    visit: Visit,
    Form(form): Form<OneForm>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let which = Which::Devices(vec![form.id]);
    let asked = inspections::ask(&visit.app, &visit.viewer, &[which]).await;
    let asked = seen(&visit, visit.told(asked)?)?;
    let mut to = links::device(&form.id.to_string());
    if asked.asked == 0 {
        to.push_str("?away=yes");
    }
    Ok(Redirect::to(&to).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Parameters {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn chosen_devices_become_a_filter_that_fits() {
        let ids: Vec<Uuid> = (0..CHOSEN_AT_MOST as u128).map(Uuid::from_u128).collect();
        let filter = named(&ids).to_string();
        assert!(Filter::parse(&filter).is_ok_and(|read| read == named(&ids)));
        assert_eq!(
            named(&ids[..1]).to_string(),
            "id:00000000-0000-0000-0000-000000000000"
        );
    }

    #[test]
    fn a_choice_of_nothing_or_nonsense_is_refused() {
        assert!(chosen(&fields(&[]), false).is_err());
        assert!(chosen(&fields(&[("device", "x")]), false).is_err());
        assert!(matches!(chosen(&fields(&[]), true), Ok(None)));
        let id = Uuid::from_u128(7).to_string();
        let many = vec![("device", id.as_str()); CHOSEN_AT_MOST + 1];
        assert!(chosen(&fields(&many), false).is_err());
    }

    #[test]
    fn what_was_done_is_read_from_the_address() {
        let told = |pairs| done(&fields(pairs));
        let some = |asked, not_connected| {
            Some(Done {
                asked,
                not_connected,
            })
        };
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[("asked", "x")]), None);
        assert_eq!(told(&[("asked", "1")]), some(1, 0));
        let both = told(&[("asked", "1200"), ("not-connected", "3")]);
        assert_eq!(both, some(1_200, 3));
    }
}
