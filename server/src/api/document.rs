//! What the API's description says of every call alike: who may call it, how it refuses, and an example of what goes in and comes out.
//!
//! What is said of one call alone stands at its handler. The examples are answers of a demo, in one file by the calls' names; a linter
//! holds them against the schemas.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use sickbay_store::Role;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContactBuilder, Content, ContentBuilder, OpenApi as Document, Ref, RefOr, Response,
    ResponseBuilder, Schema,
};

use crate::access::rules::{self, Needs};

/// Examples by the names of calls.
const EXAMPLES: &str = include_str!("examples.json");
/// Where the API's paths begin.
const BASE: &str = "/api/v1";

/// An example of a call.
#[derive(Debug, Deserialize)]
struct Example {
    /// Its body.
    request: Option<Value>,
    /// The body of its answer where all goes well.
    response: Option<Value>,
}

/// Says it all.
pub(super) fn complete(document: &mut Document) {
    document.info.contact = Some(
        ContactBuilder::new()
            .name(Some("Sickbay"))
            .url(Some(env!("CARGO_PKG_REPOSITORY")))
            .build(),
    );
    say_how_one_signs_in(document);
    let examples: BTreeMap<String, Example> =
        serde_json::from_str(EXAMPLES).expect("a test reads the examples");
    let meanings = meanings(document);
    for (path, item) in &mut document.paths.paths {
        let operations = [
            ("GET", &mut item.get),
            ("POST", &mut item.post),
            ("PUT", &mut item.put),
            ("DELETE", &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            say_who_may(operation, rules::needs(method, &format!("{BASE}{path}")));
            say_what_parts_of_the_path_are(operation, path);
            say_how_bodies_are_refused(operation);
            say_what_answers_are(operation, &meanings);
            let name = operation.operation_id.as_deref().unwrap_or_default();
            if let Some(example) = examples.get(name) {
                show(operation, example);
            }
        }
    }
    name_rows_of_lists(document);
}

fn say_how_one_signs_in(document: &mut Document) {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "An API token: `sickbay-server api-token create`, or the page People.",
        ))
        .build();
    let session = ApiKeyValue::with_description(
        "sickbay_session",
        "The session of a browser. Calls that change something carry its CSRF token besides, in the header `X-CSRF-Token`.",
    );
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    document.security = Some(
        ["token", "session"]
            .map(|name| SecurityRequirement::new(name, Vec::<String>::new()))
            .to_vec(),
    );
}

/// Adds to a call's description who may call it.
fn say_who_may(operation: &mut Operation, needs: Option<Needs>) {
    let sentence = match needs {
        Some(Needs::Role(Role::Viewer)) => {
            "Needs the role viewer, and is about the devices of your scope.".to_owned()
        }
        Some(Needs::Role(role)) => {
            format!("Needs the role {role}, and is about the devices of your scope.")
        }
        Some(Needs::WholeFleet(role)) => {
            format!("Needs the role {role} over all devices.")
        }
        Some(Needs::Nothing) | None => return,
    };
    let text = match operation.description.take() {
        Some(text) if !text.is_empty() => format!("{text}\n\n{sentence}"),
        _ => sentence,
    };
    operation.description = Some(text);
}

/// Describes what stands in braces in a path.
fn say_what_parts_of_the_path_are(operation: &mut Operation, path: &str) {
    let parts = operation.parameters.iter_mut().flatten();
    let parts = parts.filter_map(|part| match part {
        RefOr::T(part) => Some(part),
        RefOr::Ref(_) => None,
    });
    for part in parts.filter(|part| part.description.is_none()) {
        let meaning = match part.name.as_str() {
            "id" if path.starts_with("/acceptances") => "Id of the acceptance.",
            "id" if path.starts_with("/exports") => "Id of the export.",
            "id" if path.starts_with("/views") => "Id of the view.",
            "id" => "Id of the device.",
            "issue" => "Id of the issue; `GET issues` lists them.",
            "kb" => "Number of the update, or the name of its package.",
            "code" => "The code in any written form, or its name.",
            "file" => "Name of the file. Its ending is the form in which it is written.",
            "filter" => "Condition in the filter language.",
            _ => continue,
        };
        part.description = Some(meaning.to_owned());
    }
}

/// Says how a body is refused that is of another kind, or of another shape: that happens before the call's own code sees it.
fn say_how_bodies_are_refused(operation: &mut Operation) {
    if operation.request_body.is_none() {
        return;
    }
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    for status in ["413", "415", "422"] {
        let answer = || {
            ResponseBuilder::new()
                .content("application/problem+json", content.clone())
                .build()
                .into()
        };
        let answers = &mut operation.responses.responses;
        answers.entry(status.to_owned()).or_insert_with(answer);
    }
}

/// What each schema is, by its name.
fn meanings(document: &Document) -> BTreeMap<String, String> {
    let schemas = document.components.iter().flat_map(|all| &all.schemas);
    let told = schemas.filter_map(|(name, schema)| {
        let value = serde_json::to_value(schema).ok()?;
        let text = value["description"].as_str()?;
        Some((name.clone(), text.to_owned()))
    });
    told.collect()
}

/// Describes answers of which the handler says nothing: refusals by their status, others by what is in them.
fn say_what_answers_are(operation: &mut Operation, meanings: &BTreeMap<String, String>) {
    let summary = operation.summary.clone().unwrap_or_default();
    for (status, answer) in &mut operation.responses.responses {
        let RefOr::T(answer) = answer else { continue };
        let refusal = refusal(status);
        if answer.description.is_empty() {
            let said = match refusal {
                Some((title, _)) => title.to_owned(),
                None => body_of(answer, meanings).unwrap_or_else(|| summary.clone()),
            };
            answer.description = said;
        }
        let Some((title, detail)) = refusal else {
            continue;
        };
        for content in whole(&mut answer.content) {
            let status: u16 = status.parse().unwrap_or_default();
            content.example = Some(json!({ "status": status, "title": title, "detail": detail }));
        }
    }
}

/// What is in the body of an answer, or in the list that it is.
fn body_of(answer: &Response, meanings: &BTreeMap<String, String>) -> Option<String> {
    let RefOr::T(content) = answer.content.get("application/json")? else {
        return None;
    };
    let schema = serde_json::to_value(content.schema.as_ref()?).ok()?;
    let place = |schema: &Value| {
        schema["$ref"]
            .as_str()?
            .rsplit('/')
            .next()
            .map(str::to_owned)
    };
    if let Some(name) = place(&schema) {
        return meanings.get(&name).cloned();
    }
    let row = meanings.get(&place(&schema["items"])?)?;
    Some(format!("A list. Each entry: {row}"))
}

/// Every kind of a body. utoipa never refers to one that stands elsewhere.
fn whole<'a>(
    kinds: impl IntoIterator<Item = (&'a String, &'a mut RefOr<Content>)>,
) -> impl Iterator<Item = &'a mut Content> {
    kinds.into_iter().filter_map(|(_, kind)| match kind {
        RefOr::T(content) => Some(content),
        RefOr::Ref(_) => None,
    })
}

/// Title and detail of a refusal, as an example.
fn refusal(status: &str) -> Option<(&'static str, &'static str)> {
    Some(match status {
        "400" => (
            "The request cannot be understood",
            "`limit` is from 1 to 1000.",
        ),
        "401" => (
            "Sign in first",
            "Send an API token as `Authorization: Bearer TOKEN` (make one with `sickbay-server api-token create`), or open a sign-in link.",
        ),
        "403" => (
            "You may not do this",
            "This is for the role admin; you are viewer. An administrator can change that under People.",
        ),
        "404" => (
            "Not found",
            "There is no issue \"safegard-hold\"; GET /api/v1/issues lists them.",
        ),
        "409" => (
            "This is not possible now",
            "The device is not connected. It inspects itself and reports when it comes back.",
        ),
        "412" => (
            "Somebody changed it meanwhile",
            "Fetch it again, and make your change in that.",
        ),
        "413" => ("The body is too long", "Send less at once."),
        "415" => (
            "The body is of another kind than the call takes",
            "Send it as `Content-Type: application/json`.",
        ),
        "422" => (
            "The body is of another shape than the call takes",
            "unknown field `isue`, expected one of `issue`, `scope`, `reason`, `until`",
        ),
        "429" => ("Too many at once", "Wait until an export is done."),
        "503" => (
            "The database does not answer",
            "Try again in a moment; the server's log says why.",
        ),
        _ => return None,
    })
}

/// Shows an example of the body and of the answer.
fn show(operation: &mut Operation, example: &Example) {
    if let (Some(RefOr::T(body)), Some(value)) = (&mut operation.request_body, &example.request) {
        for content in whole(&mut body.content) {
            content.example = Some(value.clone());
        }
    }
    let Some(value) = &example.response else {
        return;
    };
    for (status, answer) in &mut operation.responses.responses {
        if let RefOr::T(answer) = answer
            && status.starts_with('2')
        {
            for content in whole(&mut answer.content) {
                content.example = Some(value.clone());
            }
        }
    }
}

/// Has lists name the schema of their rows instead of repeating it. Whoever generates a client from the description gets one type of each.
fn name_rows_of_lists(document: &mut Document) {
    let Some(components) = &mut document.components else {
        return;
    };
    let names: BTreeSet<String> = components.schemas.keys().cloned().collect();
    for (name, schema) in &mut components.schemas {
        let Some(row) = name
            .strip_prefix("Listed_")
            .filter(|row| names.contains(*row))
        else {
            continue;
        };
        if let RefOr::T(Schema::Object(list)) = schema
            && let Some(RefOr::T(Schema::Array(items))) = list.properties.get_mut("items")
        {
            items.items = utoipa::openapi::schema::ArrayItems::RefOrSchema(Box::new(
                Ref::from_schema_name(row).into(),
            ));
        }
    }
}
