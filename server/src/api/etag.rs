//! Answers that a caller has already are not sent again: an `ETag` on whole JSON answers, and 304 where `If-None-Match` names it.
//!
//! The tag is a digest of the answer that was made, so it is right whatever the answer rests on: the fleet, the clock, the caller's scope. It
//! is weak, because the same answer goes out compressed in several ways under one tag. It spares the way to the caller, not the
//! work of the server. What is streamed (exports, events) has none: it would have to be held whole. Neither has a resource that is replaced as a
//! whole (`PUT`): it has a tag of its own, which names what is replaced.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{HeaderBuilder, OpenApi as Document, RefOr, Required, ResponseBuilder};

/// Longest answer that has a tag, in bytes. The longest list, of 1000 rows, has a tenth of it.
const BYTES: u64 = 16 << 20;
/// Bytes of the digest that make a tag: two answers never meet by chance.
const TAG_BYTES: usize = 16;
const JSON: &str = "application/json";
/// Kept by the caller alone, and asked for again each time.
const CACHE: &str = "private, no-cache";

/// Adds the tag, and answers 304 where the caller has it.
pub(super) async fn conditional(request: Request, next: Next) -> Response {
    // Of HEAD the body is gone already; such an answer has no tag.
    let is_get = request.method() == Method::GET;
    let had = if is_get {
        request
            .headers()
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .cloned()
            .collect()
    } else {
        Vec::new()
    };
    let response = next.run(request).await;
    if !is_get || !is_whole_json(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, BYTES as usize).await else {
        // It said how long it is, and was another length.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = tag_of(&body);
    let is_had = had.iter().any(|had| names(had, &tag));
    parts.headers.insert(header::ETAG, tag);
    parts
        .headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE));
    if is_had {
        return (StatusCode::NOT_MODIFIED, kept(&parts.headers)).into_response();
    }
    Response::from_parts(parts, Body::from(body))
}

fn is_whole_json(response: &Response) -> bool {
    let headers = response.headers();
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == JSON);
    let is_file = headers.contains_key(header::CONTENT_DISPOSITION);
    // Expectations have a tag of what is wished, for `If-Match`; their answer also tells what is not.
    let has_tag = headers.contains_key(header::ETAG);
    let length = response.body().size_hint().exact();
    response.status() == StatusCode::OK
        && is_json
        && !is_file
        && !has_tag
        && length.is_some_and(|length| length <= BYTES)
}

fn tag_of(body: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(body);
    let tag = URL_SAFE_NO_PAD.encode(&digest[..TAG_BYTES]);
    HeaderValue::try_from(format!("W/\"{tag}\"")).expect("base64 stands in headers as it is")
}

/// What a 304 says of the answer that the caller has.
fn kept(headers: &HeaderMap) -> HeaderMap {
    let names = [header::ETAG, header::CACHE_CONTROL];
    let kept = names.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.clone();
        Some((name, value))
    });
    kept.collect()
}

/// Whether an `If-None-Match` names a tag, compared as weak ones are.
fn names(had: &HeaderValue, tag: &HeaderValue) -> bool {
    let opaque = |tag: &str| {
        let tag = tag.trim();
        tag.strip_prefix("W/").unwrap_or(tag).to_owned()
    };
    let (Ok(had), Ok(tag)) = (had.to_str(), tag.to_str()) else {
        return false;
    };
    let tag = opaque(tag);
    // No tag of this server has a comma in it.
    had.split(',')
        .any(|had| had.trim() == "*" || opaque(had) == tag)
}

/// Says of every call that answers GET with JSON alone that it has a tag.
pub(super) fn describe(document: &mut Document) {
    let about = " Whole JSON answers to GET carry an `ETag`; a call with `If-None-Match` is answered with 304 and without a body while \
                 the answer would be the same.";
    if let Some(description) = &mut document.info.description {
        description.push_str(about);
    }
    for item in document.paths.paths.values_mut() {
        let is_replaced = item.put.is_some();
        let is_described = |operation: &&mut Operation| !is_replaced && answers_json(operation);
        if let Some(operation) = item.get.as_mut().filter(is_described) {
            describe_one(operation);
        }
    }
}

fn answers_json(operation: &Operation) -> bool {
    let Some(RefOr::T(answer)) = operation.responses.responses.get("200") else {
        return false;
    };
    answer.content.len() == 1 && answer.content.contains_key(JSON)
}

fn describe_one(operation: &mut Operation) {
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(if_none_match(text()).into());
    let responses = &mut operation.responses.responses;
    if let Some(RefOr::T(answer)) = responses.get_mut("200") {
        let tag = HeaderBuilder::new()
            .schema(Some(text()))
            .description(Some("Names this answer; weak"))
            .build();
        answer.headers.insert("ETag".to_owned(), tag.into());
    }
    let same =
        ResponseBuilder::new().description("The answer is the one that `If-None-Match` names");
    responses.insert("304".to_owned(), same.build().into());
}

fn if_none_match(schema: utoipa::openapi::Object) -> Parameter {
    ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The `ETag` of an answer that the caller has"))
        .schema(Some(schema))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> HeaderValue {
        HeaderValue::try_from(text).expect("a header")
    }

    #[test]
    fn a_tag_is_named_alone_in_a_list_weak_or_strong_and_by_a_star() {
        let tag = tag_of(b"{}");
        let plain = tag.to_str().expect("text")[2..].to_owned();
        for had in [
            format!("W/{plain}"),
            plain.clone(),
            format!("\"other\", W/{plain}"),
            format!(" {plain} ,W/\"x\""),
            "*".to_owned(),
        ] {
            assert!(names(&value(&had), &tag), "{had}");
        }
        for other in ["", "\"\"", "W/\"other\"", plain.trim_matches('"'), "W/*"] {
            assert!(!names(&value(other), &tag), "{other}");
        }
    }

    #[test]
    fn another_answer_has_another_tag() {
        assert_eq!(tag_of(b"{}"), tag_of(b"{}"));
        assert_ne!(tag_of(b"{}"), tag_of(b"{ }"));
    }
}
