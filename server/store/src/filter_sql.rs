//! Filters and scopes as SQL. Texts of people only ever become bound values; the SQL is put together from constants.
//!
//! The result is the one of the filter's own evaluation in `sickbay-diagnosis`, which a property test holds it to. Conditions speak
//! of `device d`, and on the page of an issue also of its `finding f`. Every condition is true or false, never NULL, so that
//! `NOT` of an unknown number is what the evaluator says.
//!
//! What it relies on: `lower` and `LIKE` fold ASCII letters and nothing else.

use sickbay_diagnosis::filter::{Compare, Filter, NumberField, Pattern, Test, TextField};

use crate::Scope;
use crate::codes::{kept_code, text};

/// What a filter is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// Devices: `device d`.
    Devices,
    /// The same, for what somebody may see: tags are those that the server gave.
    Scope,
}

/// A value to be bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
    /// Keys of devices, in a list of them.
    Keys(Vec<i64>),
}

/// SQL with its values, `$1` being the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// Starts with constant text.
    pub(crate) fn new(start: &'static str) -> Self {
        Self {
            text: start.to_owned(),
            values: Vec::new(),
        }
    }

    /// Starts with constant text in which `$1` stands for a value.
    pub(crate) fn with(start: &'static str, first: Value) -> Self {
        Self {
            text: start.to_owned(),
            values: vec![first],
        }
    }

    /// Adds constant text.
    pub(crate) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value, as a placeholder.
    pub(crate) fn bind(&mut self, value: Value) -> &mut Self {
        self.values.push(value);
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// Adds ` AND` with the filter, where it says anything.
    pub(crate) fn and_filter(&mut self, filter: &Filter, on: On) -> &mut Self {
        if !is_everything(filter) {
            self.push(" AND ").condition(filter, on);
        }
        self
    }

    /// Adds ` AND` with the viewer's scope. A scope is about devices, also on the page of an issue.
    pub(crate) fn and_scope(&mut self, scope: &Scope) -> &mut Self {
        match scope {
            Scope::All => self,
            Scope::Matching(filter) => self.and_filter(filter, On::Scope),
        }
    }

    /// The text and the values.
    pub(crate) fn into_parts(self) -> (String, Vec<Value>) {
        (self.text, self.values)
    }

    fn condition(&mut self, filter: &Filter, on: On) {
        match filter {
            Filter::Everything => {
                self.push("(1 = 1)");
            }
            Filter::All(parts) => self.joined(parts, on, " AND ", "(1 = 1)"),
            Filter::Any(parts) => self.joined(parts, on, " OR ", "(1 = 0)"),
            Filter::Not(inner) => {
                self.push("(NOT ").condition(inner, on);
                self.push(")");
            }
            Filter::Is(test) => self.test(test, on),
        }
    }

    /// Joins in halves: a chain of a thousand words would otherwise be an expression a thousand deep, which SQLite refuses.
    fn joined(&mut self, parts: &[Filter], on: On, word: &'static str, none: &'static str) {
        match parts {
            [] => {
                self.push(none);
            }
            [only] => self.condition(only, on),
            _ => {
                let (left, right) = parts.split_at(parts.len() / 2);
                self.push("(").joined(left, on, word, none);
                self.push(word).joined(right, on, word, none);
                self.push(")");
            }
        }
    }

    fn test(&mut self, test: &Test, on: On) {
        match test {
            Test::Text(TextField::Tag, pattern) => {
                // Whoever runs a machine writes the tags that it reports, and decides by none of them who sees it.
                let tables: &[(&str, &str)] = match on {
                    On::Scope => &[("(EXISTS", "device_tag")],
                    On::Devices => &[
                        ("(EXISTS", "device_tag"),
                        (" OR EXISTS", "device_reported_tag"),
                    ],
                };
                for (start, table) in tables {
                    self.push(start).push(" (SELECT 1 FROM ").push(table);
                    self.push(" t WHERE t.device_key = d.key AND lower(t.tag)");
                    self.pattern(pattern).push(")");
                }
                self.push(")");
            }
            Test::Text(field, pattern) => {
                self.push("(").push(text_column(*field));
                self.pattern(pattern).push(")");
            }
            Test::Number(field, compare, number) => {
                let (known, column) = number_column(*field);
                self.push("(")
                    .push(known)
                    .push(" AND ")
                    .push(column)
                    .push(sign(*compare));
                // Columns hold numbers of 32 bits, so a larger one compares like the largest.
                self.bind(Value::Int(i64::try_from(*number).unwrap_or(i64::MAX)))
                    .push(")");
            }
            Test::Issue(pattern) => {
                self.push("(EXISTS (SELECT 1 FROM finding x WHERE x.device_key = d.key AND x.state = 1 AND lower(x.issue)");
                self.pattern(pattern).push("))");
            }
            Test::Cause(pattern) => {
                self.push("(EXISTS (SELECT 1 FROM finding_cause c WHERE c.device_key = d.key");
                self.push(" AND lower(c.cause_key)");
                self.pattern(pattern).push("))");
            }
            Test::State(state) => {
                self.push(
                    "(EXISTS (SELECT 1 FROM finding x WHERE x.device_key = d.key AND x.state = ",
                )
                .bind(Value::Int(kept_code(*state)))
                .push("))");
            }
        }
    }

    /// Adds the comparison with a pattern, in lower case.
    fn pattern(&mut self, pattern: &Pattern) -> &mut Self {
        let wanted = text(&pattern.as_str().to_ascii_lowercase());
        if wanted.contains('*') {
            self.push(" LIKE ")
                .bind(Value::Text(like(&wanted)))
                .push(" ESCAPE '\\'")
        } else {
            self.push(" = ").bind(Value::Text(wanted))
        }
    }
}

/// The pattern of `LIKE` for a text in which `*` is the only wildcard. Runs of `*` become one, since each would multiply the work.
pub(crate) fn like(wanted: &str) -> String {
    let mut like = String::with_capacity(wanted.len() + 8);
    for letter in wanted.chars() {
        match letter {
            '*' if like.ends_with('%') && !like.ends_with("\\%") => {}
            '*' => like.push('%'),
            '%' | '_' | '\\' => {
                like.push('\\');
                like.push(letter);
            }
            other => like.push(other),
        }
    }
    like
}

/// Whether a filter says nothing, so that counters can answer.
pub(crate) fn is_everything(filter: &Filter) -> bool {
    match filter {
        Filter::Everything => true,
        Filter::All(parts) => parts.iter().all(is_everything),
        _ => false,
    }
}

/// Whether nothing is filtered away.
pub(crate) fn is_whole_fleet(scope: &Scope, filter: &Filter) -> bool {
    let scope = match scope {
        Scope::All => true,
        Scope::Matching(within) => is_everything(within),
    };
    scope && is_everything(filter)
}

const fn text_column(field: TextField) -> &'static str {
    match field {
        TextField::Name => "d.name_lower",
        TextField::Id => "d.id",
        TextField::Domain => "lower(d.domain)",
        TextField::Ou => "lower(d.ou)",
        TextField::Site => "lower(d.site)",
        TextField::Tag => "lower(t.tag)",
        TextField::Kind => "lower(d.kind)",
        TextField::Release => "lower(d.release)",
        TextField::Edition => "lower(d.edition)",
        TextField::Arch => "lower(d.arch)",
        TextField::Primary => "lower(d.primary_issue)",
        TextField::Source => "lower(COALESCE(d.source_quality, ''))",
        // The codes of `tally::Health`; one that this build does not know is told as not known.
        TextField::Standing => {
            "(CASE d.health WHEN 0 THEN 'never-reported' WHEN 1 THEN 'healthy' WHEN 3 THEN 'warning' WHEN 4 THEN 'serious' \
             ELSE 'unknown' END)"
        }
    }
}

const fn number_column(field: NumberField) -> (&'static str, &'static str) {
    match field {
        NumberField::Build => ("d.build IS NOT NULL", "d.build"),
        NumberField::Ubr => ("d.ubr IS NOT NULL", "d.ubr"),
    }
}

const fn sign(compare: Compare) -> &'static str {
    match compare {
        Compare::Equal => " = ",
        Compare::Less => " < ",
        Compare::AtMost => " <= ",
        Compare::Greater => " > ",
        Compare::AtLeast => " >= ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(filter: &Filter, on: On) -> (String, Vec<Value>) {
        let mut sql = Sql::new("WHERE 1 = 1");
        sql.and_filter(filter, on);
        sql.into_parts()
    }

    #[test]
    fn what_a_person_writes_is_bound_and_never_spliced() {
        let hostile = "x' OR '1'='1";
        let (text, values) = compiled(
            &Filter::Is(Test::Text(TextField::Ou, Pattern::new(hostile))),
            On::Devices,
        );
        assert!(!text.contains('x'), "{text}");
        assert_eq!(values, [Value::Text(hostile.to_ascii_lowercase())]);
    }

    #[test]
    fn wildcards_of_sql_are_ordinary_characters() {
        assert_eq!(like(r"50%_a\*"), r"50\%\_a\\%");
        assert_eq!(like("a***b"), "a%b");
        // The escaped percent sign must not swallow the wildcard that follows it.
        assert_eq!(like("%*"), r"\%%");
    }

    #[test]
    fn no_condition_adds_no_sql_and_lets_counters_answer() {
        let nothing = Filter::All(vec![Filter::Everything, Filter::All(Vec::new())]);
        assert_eq!(compiled(&nothing, On::Devices).0, "WHERE 1 = 1");
        assert!(is_whole_fleet(&Scope::Matching(nothing.clone()), &nothing));
        assert!(!is_whole_fleet(&Scope::All, &Filter::Any(Vec::new())));
    }

    #[test]
    fn a_thousand_words_nest_shallowly() {
        let word = Filter::Is(Test::Text(TextField::Name, Pattern::new("a")));
        let (text, values) = compiled(&Filter::All(vec![word; 1000]), On::Devices);
        assert_eq!(values.len(), 1000);
        let (mut depth, mut deepest) = (0_i32, 0);
        for letter in text.chars() {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            deepest = deepest.max(depth);
        }
        assert!(deepest < 20, "{deepest}");
    }
}
