//! Conditions of a filter: shown one by one, and put together without typing the language.

use sickbay_diagnosis::filter::{Compare, Filter, NumberField, Pattern, Test, TextField};
use sickbay_diagnosis::verdict::Kept;
use sickbay_web::FilterBox;
use sickbay_web::links::List;
use sickbay_web::pages::message::Refusal;

use super::list::{Parameters, first};
use crate::problem::Problem;

/// The parts of a filter that must all hold, each with the list without it.
pub(super) fn conditions(typed: &Filter, list: &List) -> Vec<(String, String)> {
    let parts = match typed {
        Filter::Everything => return Vec::new(),
        Filter::All(parts) => parts.clone(),
        one => vec![one.clone()],
    };
    (0..parts.len())
        .map(|place| {
            let others = parts
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != place);
            let without = others
                .map(|(_, part)| part.clone())
                .fold(Filter::Everything, Filter::and);
            let text = match &parts[place] {
                any @ Filter::Any(_) => format!("({any})"),
                part => part.to_string(),
            };
            (text, list.filtered(&without.to_string()))
        })
        .collect()
}

/// The filter with the condition that somebody put together; `None` where nobody did.
pub(super) fn put_together(
    parameters: &Parameters,
    filter: &str,
) -> Result<Option<Filter>, Problem> {
    let (field, how) = (
        first(parameters, FilterBox::WHERE),
        first(parameters, FilterBox::HOW),
    );
    if field.is_empty() {
        return Ok(None);
    }
    let before = if filter.is_empty() {
        Filter::Everything
    } else {
        Filter::parse(filter)?
    };
    let condition = condition(field, how, first(parameters, FilterBox::VALUE))?;
    Ok(Some(before.and(condition)))
}

fn condition(field: &str, how: &str, value: &str) -> Result<Filter, Problem> {
    let cannot = |why: Refusal| Err(why.into());
    let name = || field.to_owned();
    let pattern = |value: &str| match how {
        "contains" => Pattern::new(format!("*{value}*")),
        "starts" => Pattern::new(format!("{value}*")),
        _ => Pattern::new(value),
    };
    let number = NumberField::ALL.into_iter().find(|f| f.name() == field);
    let text = TextField::ALL.into_iter().find(|f| f.name() == field);
    let test = match (number, text) {
        (Some(number), _) => {
            let compare = match how {
                "is" | "is-not" => Compare::Equal,
                "at-least" => Compare::AtLeast,
                "at-most" => Compare::AtMost,
                _ => {
                    return cannot(Refusal::NumberCompared { field: name() });
                }
            };
            let Ok(value) = value.parse() else {
                return cannot(Refusal::NotANumber {
                    field: name(),
                    value: value.to_owned(),
                });
            };
            Test::Number(number, compare, value)
        }
        _ if how.starts_with("at-") => {
            return cannot(Refusal::TextCompared { field: name() });
        }
        (_, Some(text)) => Test::Text(text, pattern(value)),
        _ => match field {
            "issue" => Test::Issue(pattern(value)),
            "cause" => Test::Cause(pattern(value)),
            "state" => match Kept::ALL.into_iter().find(|kept| kept.name() == value) {
                Some(kept) => Test::State(kept),
                None => return cannot(Refusal::NoSuchState),
            },
            _ => return cannot(Refusal::NoSuchField { field: name() }),
        },
    };
    let test = Filter::Is(test);
    Ok(if how == "is-not" {
        Filter::Not(Box::new(test))
    } else {
        test
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(field: &str, how: &str, value: &str) -> String {
        condition(field, how, value)
            .map_or_else(|problem| problem.detail, |filter| filter.to_string())
    }

    #[test]
    fn conditions_are_put_together_in_the_filter_language() {
        assert_eq!(made("ou", "contains", "Berlin"), "ou:*Berlin*");
        assert_eq!(
            made("release", "starts", "Windows 11"),
            r#"release:"Windows 11*""#
        );
        assert_eq!(made("kind", "is-not", "server"), "-kind:server");
        assert_eq!(made("build", "at-least", "26100"), "build>=26100");
        assert_eq!(made("state", "is", "unknown"), "state:unknown");
        // Whatever is typed is a value and no part of the language.
        assert_eq!(
            made("site", "is", r#"x" or name:*"#),
            r#"site:"x\" or name:*""#
        );
        assert!(made("build", "contains", "26").contains("is a number"));
        assert!(made("build", "is", "many").contains("\"many\""));
        assert!(made("ou", "at-least", "1").contains("no number"));
        assert!(made("nothing", "is", "1").contains("\"nothing\""));
    }

    #[test]
    fn every_field_and_way_that_the_form_offers_is_understood() {
        for (field, _) in FilterBox::FIELDS {
            let value = if field == "state" { "open" } else { "1" };
            assert!(condition(field, "is", value).is_ok(), "{field}");
        }
        for (way, _) in FilterBox::WAYS {
            let field = if way.starts_with("at-") {
                "build"
            } else {
                "name"
            };
            assert!(condition(field, way, "1").is_ok(), "{way}");
        }
    }

    #[test]
    fn each_condition_can_be_taken_away() {
        let list = List {
            list: "devices".to_owned(),
            ..List::default()
        };
        let typed = Filter::parse("kind:server (tag:a or tag:b) -site:x").expect("a filter");
        let told = conditions(&typed, &list);
        let texts: Vec<&str> = told.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["kind:server", "(tag:a or tag:b)", "-site:x"]);
        assert_eq!(
            told[1].1, "/devices?filter=kind%3Aserver%20-site%3Ax",
            "the others stay"
        );
        let one = Filter::parse("tag:a or tag:b").expect("a filter");
        assert_eq!(conditions(&one, &list)[0].1, "/devices");
        assert!(conditions(&Filter::Everything, &list).is_empty());
    }
}
