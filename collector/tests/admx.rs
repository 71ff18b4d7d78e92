//! The policy templates in `packaging/admx` describe exactly the settings that the collector reads.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::BTreeSet;

use roxmltree::{Document, Node};
use sickbay_collector::policy::{ALL, Definition, Kind, LOG_LEVELS, POLICY_KEY};

const ADMX: &str = include_str!("../../packaging/admx/Sickbay.admx");
const ADML: &str = include_str!("../../packaging/admx/en-US/Sickbay.adml");
/// What both files are written in.
const NAMESPACE: &str = "http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions";
/// What `policy/value.rs` takes of a list and of a text.
const ENTRIES: &str = "32";
const ENTRY_BYTES: &str = "512";

fn all<'a>(document: &'a Document<'a>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    let descendants = document.descendants();
    descendants.filter(move |node| node.has_tag_name((NAMESPACE, name)))
}

fn child<'a>(node: Node<'a, 'a>, name: &str) -> Option<Node<'a, 'a>> {
    let mut children = node.children();
    children.find(|child| child.has_tag_name((NAMESPACE, name)))
}

fn attribute<'a>(node: Node<'a, 'a>, name: &str) -> &'a str {
    node.attribute(name)
        .unwrap_or_else(|| panic!("{name} is missing: {node:?}"))
}

/// The id that an attribute such as `displayName="$(string.Tags)"` refers to.
fn reference<'a>(node: Node<'a, 'a>, name: &str, table: &str) -> &'a str {
    let written = attribute(node, name);
    let id = written
        .strip_prefix("$(")
        .and_then(|id| id.strip_suffix(')'));
    let id = id.and_then(|id| id.strip_prefix(table)?.strip_prefix('.'));
    id.unwrap_or_else(|| panic!("{written} is no reference to {table}"))
}

/// The ids of one table of the language file; each only once.
fn ids<'a>(adml: &'a Document<'a>, element: &'a str) -> BTreeSet<&'a str> {
    let mut ids = BTreeSet::new();
    for node in all(adml, element) {
        let id = attribute(node, "id");
        assert!(ids.insert(id), "{element} {id} stands there twice");
    }
    ids
}

fn decimal(node: Node<'_, '_>, name: &str) -> String {
    let value = child(child(node, name).unwrap(), "decimal").unwrap();
    attribute(value, "value").to_owned()
}

/// The element that a policy's editor shows, of the kind that writes what is read.
fn element<'a>(policy: Node<'a, 'a>, definition: &Definition) -> Node<'a, 'a> {
    let kind = match definition.kind {
        Kind::List => "multiText",
        Kind::Text => "text",
        Kind::Number { .. } => "decimal",
        Kind::Choice(_) => "enum",
        Kind::Switch { .. } => unreachable!("a switch has no element"),
    };
    let elements = child(policy, "elements").unwrap();
    let mut children = elements.children().filter(Node::is_element);
    let only = children.next().unwrap();
    assert!(children.next().is_none(), "{}: one value", definition.name);
    assert!(
        only.has_tag_name((NAMESPACE, kind)),
        "{} is no {kind}",
        definition.name
    );
    assert_eq!(attribute(only, "valueName"), definition.name);
    only
}

#[test]
fn the_admx_describes_exactly_the_settings_that_are_read() {
    let admx = Document::parse(ADMX).unwrap();
    let named: Vec<&str> = all(&admx, "policy").map(|p| attribute(p, "name")).collect();
    let read: Vec<&str> = ALL.iter().map(|definition| definition.name).collect();
    assert_eq!(named, read);
    for (policy, definition) in all(&admx, "policy").zip(&ALL) {
        let name = definition.name;
        assert_eq!(attribute(policy, "class"), "Machine", "{name}");
        assert_eq!(
            format!(r"HKLM\{}", attribute(policy, "key")),
            POLICY_KEY,
            "{name}"
        );
        match definition.kind {
            Kind::Switch { .. } => {
                assert_eq!(attribute(policy, "valueName"), name);
                assert_eq!(decimal(policy, "enabledValue"), "1", "{name}");
                assert_eq!(decimal(policy, "disabledValue"), "0", "{name}");
                assert!(child(policy, "elements").is_none(), "{name}");
            }
            Kind::List => {
                let list = element(policy, definition);
                assert_eq!(attribute(list, "maxStrings"), ENTRIES, "{name}");
                assert_eq!(attribute(list, "maxLength"), ENTRY_BYTES, "{name}");
            }
            Kind::Text => {
                let text = element(policy, definition);
                assert_eq!(attribute(text, "maxLength"), ENTRY_BYTES, "{name}");
            }
            Kind::Number { least, most } => {
                let number = element(policy, definition);
                assert_eq!(attribute(number, "minValue"), least.to_string(), "{name}");
                assert_eq!(attribute(number, "maxValue"), most.to_string(), "{name}");
            }
            Kind::Choice(choices) => {
                let items = element(policy, definition);
                let values: Vec<&str> = items
                    .descendants()
                    .filter(|node| node.has_tag_name((NAMESPACE, "string")))
                    .filter_map(|node| node.text())
                    .collect();
                assert_eq!(values, choices, "{name}");
            }
        }
    }
}

/// Group policy editors refuse the whole file over a reference that leads nowhere.
#[test]
fn every_reference_in_the_templates_leads_somewhere() {
    let (admx, adml) = (
        Document::parse(ADMX).unwrap(),
        Document::parse(ADML).unwrap(),
    );
    let strings = ids(&adml, "string");
    let presentations = ids(&adml, "presentation");
    let names = |element| -> BTreeSet<&str> {
        let nodes = all(&admx, element).filter(|node| node.has_attribute("name"));
        nodes.map(|node| attribute(node, "name")).collect()
    };
    let (categories, supported) = (names("category"), names("definition"));
    let mut used = BTreeSet::new();
    for node in admx.descendants().filter(Node::is_element) {
        for name in ["displayName", "explainText"] {
            if node.has_attribute(name) {
                used.insert(reference(node, name, "string"));
            }
        }
        let known = match node.tag_name().name() {
            "parentCategory" => &categories,
            "supportedOn" if node.has_attribute("ref") => &supported,
            _ => continue,
        };
        let wanted = attribute(node, "ref");
        assert!(known.contains(wanted), "{wanted} is not defined");
    }
    assert_eq!(
        used, strings,
        "texts that are used, and those that are there"
    );
    let mut shown = BTreeSet::new();
    for policy in all(&admx, "policy") {
        let name = attribute(policy, "name");
        for text in ["displayName", "explainText"] {
            reference(policy, text, "string");
        }
        assert!(child(policy, "supportedOn").is_some(), "{name}");
        assert!(child(policy, "parentCategory").is_some(), "{name}");
        if child(policy, "elements").is_some() {
            shown.insert(reference(policy, "presentation", "presentation"));
        }
    }
    assert_eq!(shown, presentations);
}

#[test]
fn every_value_has_a_field_to_type_it_into() {
    let (admx, adml) = (
        Document::parse(ADMX).unwrap(),
        Document::parse(ADML).unwrap(),
    );
    for policy in all(&admx, "policy") {
        let Some(elements) = child(policy, "elements") else {
            continue;
        };
        let id = reference(policy, "presentation", "presentation");
        let presentation = all(&adml, "presentation")
            .find(|node| node.attribute("id") == Some(id))
            .unwrap();
        let fields: Vec<_> = presentation
            .children()
            .filter(Node::is_element)
            .map(|field| (field.tag_name().name(), attribute(field, "refId")))
            .collect();
        let wanted: Vec<_> = elements
            .children()
            .filter(Node::is_element)
            .map(|element| {
                let field = match element.tag_name().name() {
                    "multiText" => "multiTextBox",
                    "text" => "textBox",
                    "decimal" => "decimalTextBox",
                    "enum" => "dropdownList",
                    other => panic!("{other}"),
                };
                (field, attribute(element, "id"))
            })
            .collect();
        assert_eq!(fields, wanted, "{id}");
    }
}

#[test]
fn the_texts_say_what_holds_where_nothing_is_set() {
    let adml = Document::parse(ADML).unwrap();
    let text = |id: String| {
        let node = all(&adml, "string").find(|node| node.attribute("id") == Some(&id));
        node.unwrap().text().unwrap().to_owned()
    };
    for definition in ALL {
        let explained = text(format!("{}_Explain", definition.name));
        let says = |words: &str| assert!(explained.contains(words), "{}: {words}", definition.name);
        match definition.kind {
            Kind::Switch { default: true } => says("Enabled, or not configured: allowed"),
            Kind::Switch { default: false } => says("Disabled, or not configured:"),
            Kind::Number { least, most } => {
                says(&format!("from {least} to {most}"));
                says("Not configured:");
            }
            _ => says("Not configured:"),
        }
    }
    let level = all(&adml, "dropdownList").next().unwrap();
    let default: usize = attribute(level, "defaultItem").parse().unwrap();
    assert_eq!(LOG_LEVELS[default], "info");
    let token = text("EnrolmentToken_Explain".to_owned());
    assert!(
        token.contains("pending") && token.contains("token revoke"),
        "{token}"
    );
}
