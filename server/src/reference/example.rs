//! Examples of bodies and answers: those of the document, else made from its schemas.

use serde_json::{Map, Value, json};

use super::{JSON, Place, pretty};

/// Schemas inside each other that an example follows.
const DEPTH: usize = 8;
/// What examples are made from.
pub(super) struct Examples<'a> {
    pub(super) document: &'a Value,
    pub(super) place: &'a Place,
}

impl Examples<'_> {
    /// An example of a body; a text where it is a file.
    pub(super) fn body(&self, operation: &Value) -> Option<Value> {
        let content = operation["requestBody"]["content"].as_object()?;
        let (kind, media) = content.iter().next()?;
        if kind != JSON {
            return Some(Value::String(kind.clone()));
        }
        let said = &media["example"];
        let body = if said.is_null() {
            self.of_body(&media["schema"])
        } else {
            said.clone()
        };
        Some(self.ahead(body))
    }

    /// An example of the answer to a call that went well; its media types where that is a file or a stream.
    pub(super) fn answer(&self, operation: &Value) -> String {
        let responses = operation["responses"].as_object();
        let good = responses.and_then(|all| all.iter().find(|(status, _)| status.starts_with('2')));
        let content = good.and_then(|(_, answer)| answer["content"].as_object());
        let Some(content) = content.filter(|content| !content.is_empty()) else {
            return String::new();
        };
        if content.len() == 1
            && let Some(media) = content.get(JSON)
        {
            let said = &media["example"];
            let shown = if said.is_null() {
                self.of_schema(&media["schema"], DEPTH)
            } else {
                said.clone()
            };
            return pretty(&shown);
        }
        let kinds: Vec<&str> = content.keys().map(String::as_str).collect();
        kinds.join("\n")
    }

    /// What a caller has to say, and what has an example; the rest may be left out.
    fn of_body(&self, schema: &Value) -> Value {
        let schema = self.resolved(schema);
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let fields = schema["properties"].as_object().into_iter().flatten();
        let said = fields.filter(|(name, field)| {
            required.contains(&Value::String((*name).clone())) || !field["example"].is_null()
        });
        let said = said.map(|(name, field)| (name.clone(), self.of_schema(field, DEPTH)));
        Value::Object(said.collect())
    }

    fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let name = schema["$ref"].as_str();
        let name = name.and_then(|path| path.strip_prefix("#/components/schemas/"));
        name.map_or(schema, |name| &self.document["components"]["schemas"][name])
    }

    fn of_schema(&self, schema: &Value, depth: usize) -> Value {
        if !schema["example"].is_null() {
            return schema["example"].clone();
        }
        if depth == 0 {
            return Value::Null;
        }
        let deeper = |schema: &Value| self.of_schema(schema, depth - 1);
        let schema = self.resolved(schema);
        if let Some(parts) = schema["allOf"].as_array() {
            let mut whole = Map::new();
            for part in parts {
                if let Value::Object(fields) = deeper(part) {
                    whole.extend(fields);
                }
            }
            return Value::Object(whole);
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[choice].as_array() {
                let told = choices.iter().find(|one| one["type"] != "null");
                return told.map_or(Value::Null, deeper);
            }
        }
        if let Some(values) = schema["enum"].as_array() {
            return values.first().cloned().unwrap_or_default();
        }
        match kind(&schema["type"]) {
            "object" => self.of_object(schema, depth),
            "array" => json!([deeper(&schema["items"])]),
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            "boolean" => json!(true),
            "string" => json!("…"),
            _ => Value::Null,
        }
    }

    fn of_object(&self, schema: &Value, depth: usize) -> Value {
        let fields = schema["properties"].as_object().into_iter().flatten();
        let mut shown: Map<String, Value> = fields
            .map(|(name, field)| (name.clone(), self.of_schema(field, depth - 1)))
            .collect();
        if shown.is_empty() && schema["additionalProperties"].is_object() {
            let value = self.of_schema(&schema["additionalProperties"], depth - 1);
            shown.insert("…".to_owned(), value);
        }
        Value::Object(shown)
    }

    /// With days that are ahead in the place of those that an example names: what a day ended cannot be made.
    fn ahead(&self, mut body: Value) -> Value {
        let is_day = |text: &str| {
            let shape: Vec<usize> = text.split('-').map(str::len).collect();
            shape == [4, 2, 2]
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'-')
        };
        for value in body.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if value.as_str().is_some_and(is_day) {
                *value = Value::String(self.place.day_ahead.clone());
            }
        }
        body
    }
}

/// The one type, or that beside `null`.
fn kind(kinds: &Value) -> &str {
    let several = kinds.as_array().into_iter().flatten();
    let mut kinds = several.chain([kinds]).filter_map(Value::as_str);
    kinds.find(|kind| *kind != "null").unwrap_or_default()
}
