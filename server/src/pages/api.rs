//! `/api`: what the API offers, made from its own description.

use std::sync::LazyLock;

use axum::http::{HeaderMap, Uri, header, uri::Authority};
use axum::response::Html;
use serde_json::Value;
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{Page, Role};
use sickbay_web::Title;
use sickbay_web::pages::api::{ApiCall, ApiPage, ApiParameter, ApiResource};

use super::{PageError, Visit};
use crate::api;
use crate::app::App;
use crate::problem::Problem;
use crate::reference::{self, Call, Place, Resource};

/// How long what an example makes would last, in days.
const DAYS_AHEAD: i64 = 30;
const DESCRIPTION: &str = "/api/v1/openapi.json";
/// The list whose walk is told.
const WALKED: &str = "/api/v1/devices";

/// The description is part of the program.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let (_, document) = api::routes();
    serde_json::to_value(document).expect("the API describes itself in JSON at its own address")
});

pub(super) async fn show(
    visit: Visit,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, PageError> {
    let first = Page {
        after: None,
        limit: 1,
    };
    let store = &visit.app.store;
    let devices = store.devices(visit.scope(), &Filter::Everything, &first);
    let device = visit.told(devices.await)?.into_iter().next();
    let place = Place {
        server: address(&visit.app, &uri, &headers),
        device: device.map_or_else(|| "DEVICE_ID".to_owned(), |row| row.identity.id.to_string()),
        day_ahead: visit.app.clock.now().plus_days(DAYS_AHEAD).date(),
    };
    let resources = reference::resources(&DOCUMENT, &place);
    let calls = resources.iter().flat_map(|resource| &resource.calls);
    let walk = calls
        .clone()
        .find(|call| call.path == WALKED && call.method == "GET")
        .map_or_else(String::new, |call| call.powershell.clone());
    let problem = Problem::bad_request("`limit` is from 1 to 1000.");
    let page = ApiPage {
        server: place.server,
        description: DESCRIPTION.to_owned(),
        problem: serde_json::to_string_pretty(&problem).unwrap_or_default(),
        walk,
        makes_tokens: visit.viewer.is(Role::Admin),
        resources: resources.into_iter().map(resource).collect(),
        chrome: visit.chrome(Title::Api, None),
    };
    Ok(Html(page.render()))
}

/// The address by which the reader reached this server: as the owner set it, else as the browser names it.
fn address(app: &App, uri: &Uri, headers: &HeaderMap) -> String {
    let web = &app.config.web;
    if !web.external_url.is_empty() {
        return web.url(web.listen);
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let named = host.or(uri.authority().map(Authority::as_str));
    // It stands in lines that people run: whatever is no plain name and port is not taken over.
    let is_plain = |host: &&str| {
        host.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
    };
    match named.filter(is_plain).filter(|host| !host.is_empty()) {
        Some(host) if web.uses_tls() => format!("https://{host}"),
        Some(host) => format!("http://{host}"),
        None => web.url(web.listen),
    }
}

fn resource(resource: Resource) -> ApiResource {
    ApiResource {
        name: resource.name,
        about: resource.about,
        calls: resource.calls.into_iter().map(call).collect(),
    }
}

fn call(call: Call) -> ApiCall {
    let parameters = call.parameters.into_iter().map(|parameter| ApiParameter {
        name: parameter.name,
        place: parameter.place,
        is_required: parameter.is_required,
        about: parameter.about,
        example: parameter.example,
    });
    ApiCall {
        method: call.method,
        path: call.path,
        summary: call.summary,
        needs: call.needs,
        parameters: parameters.collect(),
        body: call.body,
        answers: call.answers,
        answer: call.answer,
        curl: call.curl,
        powershell: call.powershell,
    }
}
