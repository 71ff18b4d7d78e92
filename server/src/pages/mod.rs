//! Pages: one file each: queries in, view model out. What they look like is `web`'s business.

mod account;
mod api;
mod audit;
mod ca;
mod conditions;
mod device;
mod devices;
mod enrolment;
mod error_codes;
mod expectations;
mod exports;
mod facets;
mod issue;
mod issues;
mod list;
mod overview;
mod people;
mod search;
mod selection;
mod settings;
mod updates;
mod views;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{DeviceStatus, Role, Scope};
use sickbay_web::asset::{self, Asset};
use sickbay_web::pages::message::{MessagePage, Refusal, Standing};
use sickbay_web::pages::sign_in::{ConfirmPage, SignInPage, SignInReason};
use sickbay_web::{Chrome, Nav, SignedIn, Theme, Title, Zone, links};

use crate::access::{self, Asking, Client, Viewer};
use crate::app::App;
use crate::problem::Problem;
use crate::web::Route;

/// Rows of a list on a page.
const ROWS: u32 = 100;

/// Every page and asset.
pub(crate) const ROUTES: &[Route] = &[
    Route::get(links::OVERVIEW, || get(overview::show)),
    Route::get(links::ISSUES, || get(issues::show)),
    Route::get("/issues/{issue}", || get(issue::show)),
    Route::get(links::DEVICES, || get(devices::show)),
    Route::get("/devices/{id}", || get(device::show)),
    Route::get(links::UPDATES, || get(updates::list)),
    Route::get("/updates/{kb}", || get(updates::one)),
    Route::get("/updates/{kb}/devices/{id}", || get(updates::on_device)),
    Route::get(links::ENROLMENT, || get(enrolment::show)),
    Route::post(links::APPROVE, || post(enrolment::approve)),
    Route::post(links::REFUSE, || post(enrolment::refuse)),
    Route::get(links::CA, || get(ca::show)),
    Route::post(links::CA, || post(ca::take)),
    Route::get(links::ERROR_CODES, || get(error_codes::show)),
    Route::get(links::API, || get(api::show)),
    Route::get(links::SEARCH, || get(search::show)),
    Route::get(links::SUGGESTIONS, || get(search::suggestions)),
    Route::get(links::SETTINGS, || get(settings::show)),
    Route::get(links::EXPECTATIONS, || get(expectations::show)),
    Route::get(links::FLEET_FORM, || get(expectations::fleet)),
    Route::get(links::SCOPE_FORM, || get(expectations::scope)),
    Route::post(links::EXPECTATIONS_EDIT, || post(expectations::edit)),
    Route::post(links::EXPECTATIONS_PREVIEW, || post(expectations::preview)),
    Route::post(links::EXPECTATIONS_APPLY, || post(expectations::apply)),
    Route::post(links::ACCEPT, || post(expectations::accept)),
    Route::post(links::END_ACCEPTANCE, || post(expectations::end)),
    Route::get(links::ACCOUNT, || get(account::show)),
    Route::post(links::PASSWORD, || post(account::password)),
    Route::post(links::ZONE, || post(account::zone)),
    Route::post(links::END_OWN_SESSION, || post(account::end_session)),
    Route::get(links::PEOPLE, || get(people::show)),
    Route::post(links::ADD_ACCOUNT, || post(people::add)),
    Route::post(links::PUT_ACCESS, || post(people::put_access)),
    Route::post(links::ACCOUNT_LINK, || post(people::link)),
    Route::post(links::DISABLE, || post(people::disable)),
    Route::post(links::END_SESSION, || post(people::end_session)),
    Route::post(links::ADD_API_TOKEN, || post(people::add_token)),
    Route::post(links::REVOKE_API_TOKEN, || post(people::revoke_token)),
    Route::get(links::EXPORTS, || get(exports::show)),
    Route::post(links::EXPORTS, || post(exports::begin)),
    Route::post(links::REMOVE_EXPORT, || post(exports::remove)),
    Route::get(links::AUDIT, || get(audit::show)),
    Route::post(links::SELECTION, || post(selection::take)),
    Route::post(links::INSPECT, || post(selection::inspect)),
    Route::post(links::VIEWS, || post(views::save)),
    Route::post(links::REMOVE_VIEW, || post(views::remove)),
    Route::get("/assets/{name}", || get(asset_file)),
    Route::get("/favicon.ico", || get(favicon)),
];

async fn asset_file(Path(name): Path<String>) -> Response {
    asset::asset(&name).map_or_else(|| StatusCode::NOT_FOUND.into_response(), file)
}

async fn favicon() -> Response {
    asset::favicon().map_or_else(|| StatusCode::NOT_FOUND.into_response(), file)
}

fn file(asset: Asset) -> Response {
    let cache = if asset.immutable {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=3600"
    };
    (
        [
            (header::CONTENT_TYPE, asset.content_type),
            (header::CACHE_CONTROL, cache),
        ],
        asset.bytes,
    )
        .into_response()
}

/// What a signed-in person sees at an address that is no page.
pub(crate) async fn missing(visit: Visit) -> PageError {
    visit.error(Refusal::NoSuchPage)
}

/// A signed-in person's request for a page.
pub struct Visit {
    app: App,
    viewer: Viewer,
    client: Client,
    theme: Theme,
    zone: Zone,
    pending: u64,
}

impl Visit {
    fn of(app: &App, headers: &HeaderMap, viewer: Viewer) -> Self {
        Self {
            app: app.clone(),
            viewer,
            client: Client::unknown(),
            theme: theme(headers),
            zone: zone(headers),
            pending: 0,
        }
    }

    fn scope(&self) -> &Scope {
        &self.viewer.scope
    }

    fn chrome(&self, title: impl Into<Title>, active: Option<Nav>) -> Chrome {
        Chrome {
            title: title.into(),
            active,
            now: self.app.clock.now(),
            zone: self.zone.clone(),
            csrf: self.viewer.csrf.clone().unwrap_or_default(),
            signed_in: Some(SignedIn {
                name: self.viewer.name.clone(),
                is_operator: self.viewer.role >= Role::Operator,
                sees_all: *self.scope() == Scope::All,
                is_admin: self.viewer.is(Role::Admin),
                has_account: self.viewer.session.is_some(),
            }),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            live: true,
            theme: self.theme,
            pending: self.pending,
        }
    }

    fn error(&self, problem: impl Into<Problem>) -> PageError {
        let problem = problem.into();
        let mut chrome = self.chrome(problem.title.clone(), None);
        chrome.live = false;
        PageError::of(chrome, problem)
    }

    /// Turns an error of a query into the page that tells it.
    fn told<T, E: Into<Problem>>(&self, result: Result<T, E>) -> Result<T, PageError> {
        result.map_err(|error| self.error(error))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.standing() {
            Standing::NotFound => StatusCode::NOT_FOUND,
            Standing::NotUnderstood => StatusCode::BAD_REQUEST,
            Standing::NotNow => StatusCode::CONFLICT,
            Standing::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, refusal.heading(), refusal.advice())
    }
}

/// A page that says what went wrong.
pub struct PageError {
    status: StatusCode,
    page: String,
}

impl PageError {
    fn of(chrome: Chrome, problem: Problem) -> Self {
        Self {
            status: problem.status(),
            page: MessagePage {
                chrome,
                status: problem.status,
                heading: problem.title,
                advice: problem.detail,
            }
            .render(),
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        (self.status, Html(self.page)).into_response()
    }
}

impl FromRequestParts<App> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        let client = Client::of(app, parts);
        let headers = &parts.headers;
        let viewer = match parts.extensions.get::<Viewer>() {
            Some(viewer) => viewer.clone(),
            // No route: only who may see anything learns that there is nothing.
            None => match access::asking(app, headers).await {
                Ok(Asking::Somebody(viewer)) => viewer,
                Ok(Asking::Nobody) => return Err(stranger(app, headers, SignInReason::Needed)),
                Ok(Asking::Shut) => return Err(stranger(app, headers, SignInReason::Shut)),
                Err(error) => return Err(outside_problem(app, headers, error.into())),
            },
        };
        let mut visit = Self::of(app, headers, viewer);
        visit.client = client;
        if visit.viewer.is(Role::Operator) {
            let counts = app.store.fleet_counts(visit.scope()).await;
            visit.pending = visit.told(counts)?.pending;
        }
        Ok(visit)
    }
}

/// What somebody sees in place of a page that is not for them.
pub fn refused(app: &App, headers: &HeaderMap, viewer: Viewer, problem: Problem) -> PageError {
    Visit::of(app, headers, viewer).error(problem)
}

/// What whoever is not signed in sees in place of any page.
pub fn stranger(app: &App, headers: &HeaderMap, reason: SignInReason) -> PageError {
    PageError {
        status: StatusCode::UNAUTHORIZED,
        page: sign_in(app, headers, reason, None).0,
    }
}

/// The page that asks to sign in; afterwards it goes on to `next`.
pub fn sign_in(
    app: &App,
    headers: &HeaderMap,
    reason: SignInReason,
    next: Option<&str>,
) -> Html<String> {
    let page = SignInPage {
        chrome: outside(app, headers, Title::SignIn),
        reason,
        next: next.unwrap_or_default().to_owned(),
        provider: app.openid.as_ref().map(|openid| openid.label().to_owned()),
        link_command: Some("sickbay-server sign-in --config sickbay.toml".to_owned()),
    };
    Html(page.render())
}

/// The page that asks whether to use a one-time link.
pub fn confirm_sign_in(app: &App, headers: &HeaderMap, to: String) -> Html<String> {
    let chrome = outside(app, headers, Title::SignIn);
    Html(ConfirmPage { chrome, to }.render())
}

/// What went wrong before it was known who asks.
pub fn outside_problem(app: &App, headers: &HeaderMap, problem: Problem) -> PageError {
    PageError::of(outside(app, headers, problem.title.clone()), problem)
}

fn outside(app: &App, headers: &HeaderMap, title: impl Into<Title>) -> Chrome {
    Chrome {
        title: title.into(),
        active: None,
        now: app.clock.now(),
        zone: zone(headers),
        csrf: String::new(),
        signed_in: None,
        version: String::new(),
        live: false,
        theme: theme(headers),
        pending: 0,
    }
}

/// The colours that the viewer's cookie asks for.
pub fn theme(headers: &HeaderMap) -> Theme {
    access::cookie(headers, Theme::COOKIE).map_or(Theme::System, Theme::from_cookie)
}

/// The zone that the viewer's cookie asks for.
fn zone(headers: &HeaderMap) -> Zone {
    access::cookie(headers, Zone::COOKIE).map_or(Zone::UTC, Zone::from_cookie)
}

/// A filter as typed: what it means, and what to say where it cannot be understood.
fn read_filter(text: Option<&str>) -> (String, Result<Filter, String>) {
    let text = text.unwrap_or_default().trim().to_owned();
    let filter = if text.is_empty() {
        Ok(Filter::Everything)
    } else {
        Filter::parse(&text).map_err(|error| error.to_string())
    };
    (text, filter)
}

/// `26100.4351`, or as much of it as is known.
fn build_text(build: Option<u32>, ubr: Option<u32>) -> String {
    match (build, ubr) {
        (Some(build), Some(ubr)) => format!("{build}.{ubr}"),
        (Some(build), None) => build.to_string(),
        (None, _) => String::new(),
    }
}

/// A status in the words of pages.
const fn status_word(status: DeviceStatus) -> &'static str {
    status.name()
}
