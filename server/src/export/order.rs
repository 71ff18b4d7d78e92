//! In which order lists of devices come, as people write it: the name of a column, with a `-` before it the other way round.

use sickbay_store::{Order, OrderBy};

use crate::problem::Problem;

/// Columns that lists can be ordered by; the last ones in lists of an issue alone.
const COLUMNS: [(&str, OrderBy); 18] = [
    ("name", OrderBy::Name),
    ("domain", OrderBy::Domain),
    ("ou", OrderBy::Ou),
    ("site", OrderBy::Site),
    ("kind", OrderBy::Kind),
    ("release", OrderBy::Release),
    ("build", OrderBy::Build),
    ("edition", OrderBy::Edition),
    ("arch", OrderBy::Arch),
    ("standing", OrderBy::Health),
    ("primary_issue", OrderBy::Primary),
    ("open_findings", OrderBy::Open),
    ("serious_findings", OrderBy::Serious),
    ("unknown_findings", OrderBy::Unknown),
    ("enrolled_at", OrderBy::Enrolled),
    ("severity", OrderBy::Severity),
    ("since", OrderBy::Since),
    ("causes", OrderBy::Causes),
];

/// Those that only the list of an issue has.
const OF_FINDING: [OrderBy; 3] = [OrderBy::Severity, OrderBy::Since, OrderBy::Causes];

/// Whether a list can be ordered by a column.
pub fn is_possible(column: &str, of_issue: bool) -> bool {
    offered(of_issue).any(|(name, _)| name == column)
}

/// An order as written; by name where none is.
///
/// # Errors
/// Names the columns that a list can be ordered by.
pub fn read(text: Option<&str>, of_issue: bool) -> Result<Order, Problem> {
    let text = text.unwrap_or_default().trim();
    let (column, descending) = match text.strip_prefix('-') {
        Some(column) => (column, true),
        None => (text, false),
    };
    if column.is_empty() && !descending {
        return Ok(Order::default());
    }
    let found = offered(of_issue).find(|(name, _)| *name == column);
    let (_, by) = found.ok_or_else(|| {
        let names: Vec<&str> = offered(of_issue).map(|(name, _)| name).collect();
        Problem::bad_request(format!(
            "This list cannot be ordered by {column:?}; `sort` is one of {}, with a `-` before it the other way round.",
            names.join(", ")
        ))
    })?;
    Ok(Order { by, descending })
}

/// An order as people write it; empty for the usual one.
pub fn written(order: Order) -> String {
    if order == Order::default() {
        return String::new();
    }
    let column = COLUMNS.iter().find(|(_, by)| *by == order.by);
    let sign = if order.descending { "-" } else { "" };
    format!("{sign}{}", column.map_or("name", |(name, _)| name))
}

fn offered(of_issue: bool) -> impl Iterator<Item = (&'static str, OrderBy)> {
    COLUMNS
        .into_iter()
        .filter(move |(_, by)| of_issue || !OF_FINDING.contains(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_read_as_it_is_written() {
        for (name, by) in COLUMNS {
            for descending in [false, true] {
                let order = Order { by, descending };
                let text = written(order);
                assert_eq!(read(Some(&text), true).ok(), Some(order), "{name}");
            }
        }
        assert_eq!(written(Order::default()), "");
        assert_eq!(read(None, false).ok(), Some(Order::default()));
    }

    #[test]
    fn an_order_that_a_list_does_not_have_is_answered_with_those_that_it_has() {
        let no = |text, of_issue| read(Some(text), of_issue).expect_err(text).detail;
        assert!(no("since", false).contains("one of name, domain"));
        assert!(!no("since", false).contains("severity"));
        assert!(no("-", true).contains("severity"));
        assert!(no("nmae", true).contains("\"nmae\""));
    }
}
