//! What the API offers, operation by operation, read from its own description, with lines for the shell that can be run as they are.
//!
//! Pure: a document and an address in, operations out. What it leaves out: the meaning of each field of an answer stands in the document
//! itself; here an example shows the shape.

mod example;
mod lines;

use serde_json::Value;

use self::example::Examples;
use crate::access::rules::{self, Needs};

/// The address of every call, below that of the server.
const BELOW: &str = "/api/v1";
const JSON: &str = "application/json";

/// Calls about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Its calls.
    pub calls: Vec<Call>,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `GET`
    pub method: String,
    /// `/api/v1/devices/{id}`
    pub path: String,
    /// What it does.
    pub summary: String,
    /// Who may call it.
    pub needs: String,
    /// What it takes.
    pub parameters: Vec<Parameter>,
    /// An example of its body, where it takes JSON.
    pub body: Option<String>,
    /// What it answers: status and what that means.
    pub answers: Vec<(String, String)>,
    /// An example of its answer, where that is JSON; else its media types.
    pub answer: String,
    /// A line for a shell with curl.
    pub curl: String,
    /// Lines for PowerShell.
    pub powershell: String,
}

/// A parameter of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: String,
    /// Whether it must be there.
    pub is_required: bool,
    /// What it is.
    pub about: String,
    /// What it could be.
    pub example: String,
}

/// What the lines are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The address of the server, without a slash at its end.
    pub server: String,
    /// A device that the reader may see; `DEVICE_ID` where there is none.
    pub device: String,
    /// A day that is ahead, `2026-12-31`: what lasts until then can be made.
    pub day_ahead: String,
}

/// Every call of a document, by resource in the order of its tags.
pub fn resources(document: &Value, place: &Place) -> Vec<Resource> {
    let tags = document["tags"].as_array().into_iter().flatten();
    let resources = tags.map(|tag| {
        let name = text(&tag["name"]);
        Resource {
            calls: calls(document, &name, place),
            about: text(&tag["description"]),
            name,
        }
    });
    resources
        .filter(|resource| !resource.calls.is_empty())
        .collect()
}

fn calls(document: &Value, tag: &str, place: &Place) -> Vec<Call> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let methods = paths.flat_map(|(path, item)| {
        let item = item.as_object().into_iter().flatten();
        item.map(move |(method, operation)| (path, method, operation))
    });
    methods
        .filter(|(.., operation)| operation["tags"][0] == tag)
        .map(|(path, method, operation)| call(document, path, method, operation, place))
        .collect()
}

fn call(document: &Value, path: &str, method: &str, operation: &Value, place: &Place) -> Call {
    let examples = Examples { document, place };
    let parameters: Vec<Parameter> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|parameter| read_parameter(path, parameter, place))
        .collect();
    let body = examples.body(operation);
    let answers = operation["responses"].as_object().into_iter().flatten();
    let path_below = format!("{BELOW}{path}");
    let method = method.to_uppercase();
    let asked = lines::Asked::new(&method, &path_below, &parameters, body.as_ref(), operation);
    Call {
        summary: summary(operation),
        needs: needs(&method, &path_below),
        answers: answers
            .map(|(status, answer)| (status.clone(), meaning(status, answer)))
            .collect(),
        answer: examples.answer(operation),
        curl: asked.curl(&place.server),
        powershell: asked.powershell(&place.server),
        body: body.filter(Value::is_object).as_ref().map(pretty),
        parameters,
        path: path_below,
        method,
    }
}

fn summary(operation: &Value) -> String {
    let parts = [&operation["summary"], &operation["description"]];
    let parts = parts.map(text);
    parts.join(" ").trim().to_owned()
}

fn read_parameter(path: &str, parameter: &Value, place: &Place) -> Parameter {
    let name = text(&parameter["name"]);
    let said = [&parameter["example"], &parameter["schema"]["example"]];
    let said = said.into_iter().find(|example| !example.is_null());
    let example = match said {
        Some(Value::String(example)) => example.clone(),
        Some(example) => example.to_string(),
        None => usual(path, &name, place),
    };
    Parameter {
        place: text(&parameter["in"]),
        is_required: parameter["required"] == true,
        about: text(&parameter["description"]),
        example,
        name,
    }
}

/// What stands for an id where the document has no example.
fn usual(path: &str, name: &str, place: &Place) -> String {
    if name != "id" {
        return String::new();
    }
    // A device is named by a real id, so that the line can be run; what somebody has to make first is not.
    match path.split('/').nth(1).unwrap_or_default() {
        "devices" | "updates" => place.device.clone(),
        "acceptances" => "ACCEPTANCE_ID".to_owned(),
        "views" => "VIEW_ID".to_owned(),
        _ => "EXPORT_ID".to_owned(),
    }
}

fn needs(method: &str, path: &str) -> String {
    match rules::needs(method, path) {
        Some(Needs::Role(role)) => format!("{role}, within the scope"),
        Some(Needs::WholeFleet(role)) => format!("{role} of all devices"),
        Some(Needs::Nothing) => "anybody".to_owned(),
        None => "nobody".to_owned(),
    }
}

/// What an answer means: what the document says, else what its status says by itself.
fn meaning(status: &str, answer: &Value) -> String {
    let said = text(&answer["description"]);
    if !said.is_empty() {
        return said;
    }
    let status = status.parse().ok();
    let status = status.and_then(|status| axum::http::StatusCode::from_u16(status).ok());
    let reason = status.and_then(|status| status.canonical_reason());
    reason.unwrap_or_default().to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
