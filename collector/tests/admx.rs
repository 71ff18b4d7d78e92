//! The templates for group policy describe what the collector reads, whole and in words that exist.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use roxmltree::{Document, Node};
use sickbay_collector::policy::{self, Kind};

/// The templates' key, which is below HKLM by its class.
const KEY: &str = r"SOFTWARE\Policies\Sickbay\Collector";

fn read(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/admx");
    let path = folder.join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file whose text lives as long as its document.
struct Templates {
    admx: String,
    adml: String,
}

impl Templates {
    fn read() -> Self {
        Self {
            admx: read("Sickbay.admx"),
            adml: read("en-US/Sickbay.adml"),
        }
    }

    fn parsed(&self) -> (Document<'_>, Document<'_>) {
        let parse = |text| Document::parse(text).unwrap();
        (parse(&self.admx), parse(&self.adml))
    }
}

fn all<'a>(document: &'a Document<'a>, tag: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    document.descendants().filter(move |node| node.is_tag(tag))
}

trait Tag {
    fn is_tag(&self, tag: &str) -> bool;
    fn attr(&self, name: &str) -> &str;
    fn child(&self, tag: &str) -> Option<Self>
    where
        Self: Sized;
}

impl<'a> Tag for Node<'a, 'a> {
    fn is_tag(&self, tag: &str) -> bool {
        self.is_element() && self.tag_name().name() == tag
    }

    fn attr(&self, name: &str) -> &str {
        let found = self.attribute(name);
        found.unwrap_or_else(|| panic!("{:?} has no {name}", self.tag_name().name()))
    }

    fn child(&self, tag: &str) -> Option<Self> {
        self.children().find(|node| node.is_tag(tag))
    }
}

/// `$(string.NAME)` or `$(presentation.NAME)`.
fn referred<'a>(text: &'a str, kind: &str) -> &'a str {
    let inner = text
        .strip_prefix("$(")
        .and_then(|rest| rest.strip_prefix(kind))
        .and_then(|rest| rest.strip_prefix('.'))
        .and_then(|rest| rest.strip_suffix(')'));
    inner.unwrap_or_else(|| panic!("{text} refers to no {kind}"))
}

/// What the template says of a value, in the collector's words.
fn described(policy: Node<'_, '_>) -> (String, Kind) {
    if let Some(value) = policy.attribute("valueName") {
        let number = |tag: &str| {
            let outer = policy
                .children()
                .find(|node| node.tag_name().name() == tag)
                .unwrap();
            let decimal = outer
                .children()
                .find(|node| node.tag_name().name() == "decimal");
            decimal.unwrap().attribute("value").unwrap().to_owned()
        };
        assert_eq!(
            (&*number("enabledValue"), &*number("disabledValue")),
            ("1", "0"),
            "{value}"
        );
        // What counts where it is not configured stands in the explanation alone.
        let default = value == policy::ALLOW_BUNDLES;
        return (value.to_owned(), Kind::Switch { default });
    }
    let elements = policy
        .children()
        .find(|node| node.tag_name().name() == "elements")
        .unwrap();
    let elements: Vec<Node<'_, '_>> = elements.children().filter(Node::is_element).collect();
    assert_eq!(elements.len(), 1, "{:?}", policy.attribute("name"));
    let element = elements[0];
    let number = |name: &str| element.attribute(name).unwrap().parse().unwrap();
    let kind = match element.tag_name().name() {
        "multiText" => Kind::List,
        "text" => Kind::Text,
        "decimal" => Kind::Number {
            least: number("minValue"),
            most: number("maxValue"),
        },
        "enum" => {
            let values = element
                .descendants()
                .filter(|node| node.tag_name().name() == "string" && node.is_element())
                .map(|node| node.text().unwrap().to_owned());
            let values: Vec<String> = values.collect();
            assert_eq!(values, policy::LOG_LEVELS, "the closed list of levels");
            Kind::Choice(&policy::LOG_LEVELS)
        }
        other => panic!("{other} is no kind of setting"),
    };
    (element.attribute("valueName").unwrap().to_owned(), kind)
}

#[test]
fn the_admx_describes_exactly_the_settings_that_are_read() {
    assert_eq!(policy::POLICY_KEY, format!(r"HKLM\{KEY}"));
    let templates = Templates::read();
    let (admx, _) = templates.parsed();
    let mut found: Vec<(String, Kind)> = Vec::new();
    for policy in all(&admx, "policy") {
        assert_eq!((policy.attr("class"), policy.attr("key")), ("Machine", KEY));
        let (name, kind) = described(policy);
        assert_eq!(
            policy.attr("name"),
            name,
            "a policy is named after its value"
        );
        found.push((name, kind));
    }
    let read: Vec<(String, Kind)> = policy::ALL
        .iter()
        .map(|definition| (definition.name.to_owned(), definition.kind))
        .collect();
    assert_eq!(found, read);
}

#[test]
fn every_policy_has_its_words_its_boxes_and_its_place() {
    let templates = Templates::read();
    let (admx, adml) = templates.parsed();
    let strings: BTreeMap<&str, &str> = all(&adml, "string")
        .map(|node| {
            (
                node.attribute("id").unwrap(),
                node.text().unwrap_or_default(),
            )
        })
        .collect();
    let names = |document, tag, attribute| -> BTreeSet<String> {
        all(document, tag)
            .map(|node| node.attribute(attribute).unwrap().to_owned())
            .collect()
    };
    let categories = names(&admx, "category", "name");
    let definitions = names(&admx, "definition", "name");
    let mut used = BTreeSet::new();
    let mut presented: BTreeSet<String> = BTreeSet::new();
    for node in admx.descendants().filter(Node::is_element) {
        for attribute in ["displayName", "explainText"] {
            if let Some(text) = node.attribute(attribute) {
                let name = referred(text, "string");
                assert!(
                    strings
                        .get(name)
                        .is_some_and(|words| !words.trim().is_empty()),
                    "{name}"
                );
                used.insert(name);
            }
        }
    }
    for policy in all(&admx, "policy") {
        let name = policy.attr("name");
        let help = strings[&*format!("{name}_Help")];
        assert!(help.len() > 100, "{name} is not explained: {help}");
        assert!(
            categories.contains(policy.child("parentCategory").unwrap().attr("ref")),
            "{name}"
        );
        assert!(
            definitions.contains(policy.child("supportedOn").unwrap().attr("ref")),
            "{name}"
        );
        let Some(elements) = policy.child("elements") else {
            assert!(
                policy.attribute("presentation").is_none(),
                "{name} has nothing to enter"
            );
            continue;
        };
        let presentation = referred(policy.attr("presentation"), "presentation");
        let shown = all(&adml, "presentation").find(|node| node.attr("id") == presentation);
        let shown = shown.unwrap_or_else(|| panic!("{presentation} is not presented"));
        let boxes: BTreeSet<&str> = shown
            .descendants()
            .filter_map(|node| node.attribute("refId"))
            .collect();
        let ids: BTreeSet<&str> = elements
            .children()
            .filter_map(|node| node.attribute("id"))
            .collect();
        assert_eq!(boxes, ids, "{name}");
        presented.insert(presentation.to_owned());
    }
    let unused: Vec<&&str> = strings
        .keys()
        .filter(|name| !used.contains(**name))
        .collect();
    assert!(unused.is_empty(), "nobody shows {unused:?}");
    assert_eq!(presented.len(), all(&adml, "presentation").count());
}

/// What is not configured counts for something, and an administrator has to be able to read for what.
#[test]
fn what_counts_where_nothing_is_configured_is_said_and_true() {
    let templates = Templates::read();
    let (_, adml) = templates.parsed();
    for definition in policy::ALL {
        let help = all(&adml, "string")
            .find(|node| node.attr("id") == format!("{}_Help", definition.name))
            .and_then(|node| node.text())
            .unwrap();
        match definition.kind {
            Kind::Switch { default: true } => {
                assert!(
                    help.contains("Enabled or not configured"),
                    "{}",
                    definition.name
                );
            }
            Kind::Switch { default: false } => {
                assert!(
                    help.contains("Disabled or not configured"),
                    "{}",
                    definition.name
                );
            }
            Kind::Number { least, most } => {
                let limits = format!("from {least} to {most}");
                assert!(help.contains(&limits), "{}: {limits}", definition.name);
            }
            Kind::List | Kind::Text | Kind::Choice(_) => {}
        }
    }
}
