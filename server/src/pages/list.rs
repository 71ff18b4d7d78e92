//! Lists of devices on pages: what is asked of them, the conditions that are put together, the table, the views.

use std::collections::HashSet;

use axum::response::{IntoResponse, Redirect, Response};
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::issues;
use sickbay_diagnosis::verdict::{Cause, Kept, Severity};
use sickbay_store::{CellValue, Field, Order, Role, Scope, Survey, ViewRow};
use sickbay_web::links::List;
use sickbay_web::pages::message::Refusal;
use sickbay_web::table::{Cell, Choice, DeviceTable, Direction, Head, Row, Selection};
use sickbay_web::views::{View, Views};
use sickbay_web::{FilterBox, links};

use super::conditions::{conditions, put_together};
use super::{PageError, ROWS, Visit, build_text, facets};
use crate::api::{ListQuery, cursor_to_text};
use crate::export::devices::{DeviceLine, DeviceList, field_of};
use crate::export::order;
use crate::problem::Problem;

/// The parameters of a list's address, in their order; some may come more than once.
pub(super) type Parameters = Vec<(String, String)>;

/// Columns that a page does not offer: the name stands first always, and these are for machines, or said by another one.
const NOT_OFFERED: [&str; 6] = ["device_id", "name", "evidence", "causes", "severity", "ubr"];
/// Columns beside the name where nobody chose, of all devices.
const USUAL: [&str; 8] = [
    "standing",
    "open_findings",
    "unknown_findings",
    "primary_issue",
    "release",
    "build",
    "ou",
    "last_seen_at",
];
/// The same of the devices of an issue.
const USUAL_OF_ISSUE: [&str; 7] = [
    "state",
    "cause_labels",
    "release",
    "build",
    "ou",
    "since",
    "last_seen_at",
];

/// A list as a page shows it.
pub(super) struct Shown {
    pub(super) list: List,
    pub(super) filter: FilterBox,
    /// The filter as it was typed; everything where it was not understood.
    pub(super) typed: Filter,
    pub(super) views: Views,
    pub(super) survey: Survey,
    pub(super) table: Option<DeviceTable>,
    pub(super) next_cursor: Option<String>,
}

/// What came of a list's address.
pub(super) enum Answer {
    Shown(Box<Shown>),
    /// The same list under a cleaner address.
    Elsewhere(Response),
}

pub(super) fn first<'a>(parameters: &'a Parameters, name: &str) -> &'a str {
    let mut given = parameters.iter().filter(|(other, _)| other == name);
    given.next().map_or("", |(_, value)| value.trim())
}

/// Reads what is asked of the list of an issue, or of all devices, and shows it.
pub(super) async fn show(
    visit: &Visit,
    issue: Option<&'static Issue>,
    parameters: &Parameters,
) -> Result<Answer, PageError> {
    let columns: Vec<&str> = parameters
        .iter()
        .filter(|(name, _)| name == "columns")
        .flat_map(|(_, value)| value.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let mut list = List {
        list: issue
            .map_or(links::ALL_DEVICES, |issue| issue.id)
            .to_owned(),
        filter: first(parameters, "filter").to_owned(),
        sort: first(parameters, "sort").to_owned(),
        columns: columns.join(","),
        cursor: first(parameters, "cursor").to_owned(),
    };
    if let Some(filter) = visit.told(put_together(parameters, &list.filter))? {
        list.filter = filter.to_string();
        list.cursor.clear();
        return Ok(elsewhere(&list));
    }
    if parameters
        .iter()
        .filter(|(name, _)| name == "columns")
        .count()
        > 1
    {
        return Ok(elsewhere(&list));
    }
    let told = order::read(Some(&list.sort), issue.is_some());
    let order = visit.told(told)?;
    let columns = visit.told(page_columns(issue, &columns))?;

    let (mut filter, typed) = boxed(&list);
    let mut shown = Shown {
        views: views(visit, &list).await?,
        typed: typed.clone().unwrap_or_default(),
        survey: Survey::default(),
        table: None,
        next_cursor: None,
        filter: FilterBox::default(),
        list,
    };
    if typed.is_some() {
        read(visit, issue, &mut shown, &mut filter, &columns, order).await?;
    }
    shown.filter = filter;
    Ok(Answer::Shown(Box::new(shown)))
}

fn elsewhere(list: &List) -> Answer {
    Answer::Elsewhere(Redirect::to(&list.href()).into_response())
}

/// The box of the filter, and the filter where it can be understood.
fn boxed(list: &List) -> (FilterBox, Option<Filter>) {
    let (text, typed) = super::read_filter(Some(&list.filter));
    let mut filter = FilterBox {
        text,
        kept: list
            .kept()
            .into_iter()
            .filter(|(name, _)| *name != "filter")
            .collect(),
        builds: true,
        ..FilterBox::default()
    };
    match typed {
        Err(why) => {
            filter.error = Some(why);
            (filter, None)
        }
        Ok(typed) => {
            filter.conditions = conditions(&typed, list);
            (filter, Some(typed))
        }
    }
}

async fn read(
    visit: &Visit,
    issue: Option<&'static Issue>,
    shown: &mut Shown,
    filter: &mut FilterBox,
    columns: &[&'static str],
    order: Order,
) -> Result<(), PageError> {
    let (store, scope) = (&*visit.app.store, visit.scope());
    let query = ListQuery {
        cursor: Some(shown.list.cursor.clone()).filter(|cursor| !cursor.is_empty()),
        ..ListQuery::default()
    };
    let page = visit.told(query.page(ROWS))?;
    let text = (
        Some(shown.list.filter.as_str()),
        Some(shown.list.sort.as_str()),
    );
    let devices = visit.told(DeviceList::read(issue, text.0, text.1))?;
    let fields = fields(columns);
    let survey = async {
        match issue {
            None => {
                let survey = store.survey_devices(scope, devices.filter(), &facets::OF_DEVICES);
                survey.await
            }
            Some(issue) => {
                let of = &facets::OF_ISSUE;
                store
                    .survey_issue(scope, issue.id, devices.filter(), of)
                    .await
            }
        }
    };
    let (survey, rows) = tokio::join!(survey, devices.page(store, scope, &fields, &page));
    let (rows, next) = visit.told(rows)?;
    shown.survey = visit.told(survey)?;
    shown.next_cursor = next.as_ref().map(cursor_to_text);
    filter.matching = shown.survey.devices;
    filter.values = values(&shown.survey);
    if !rows.is_empty() {
        shown.table = Some(table(visit, issue, shown, columns, order, &rows));
    }
    Ok(())
}

/// Values that devices of the list have, offered where a condition is put together.
fn values(survey: &Survey) -> Vec<String> {
    /// Of each kind at most.
    const OFFERED: usize = 20;
    let mut seen = HashSet::new();
    survey
        .facets
        .iter()
        .flat_map(|facet| facet.groups.iter().take(OFFERED))
        .map(|group| group.value.as_str())
        .filter(|value| !value.is_empty() && seen.insert(*value))
        .map(str::to_owned)
        .collect()
}

/// Every column that a page offers beside the name.
fn offered(issue: Option<&'static Issue>) -> Vec<&'static str> {
    // A list without a filter is always understood.
    let list = DeviceList::read(issue, None, None).ok();
    let offered = list.iter().flat_map(DeviceList::offered);
    offered
        .map(|column| column.name)
        .filter(|name| !NOT_OFFERED.contains(name))
        .collect()
}

/// The columns that were chosen, or the usual ones.
fn page_columns(
    issue: Option<&'static Issue>,
    chosen: &[&str],
) -> Result<Vec<&'static str>, Problem> {
    let offered = offered(issue);
    if chosen.is_empty() {
        return Ok(match issue {
            None => USUAL.to_vec(),
            Some(_) => USUAL_OF_ISSUE.to_vec(),
        });
    }
    let mut columns = Vec::new();
    for name in chosen {
        let Some(column) = offered.iter().find(|known| *known == name) else {
            return Err(Refusal::NoSuchColumn {
                name: (*name).to_owned(),
                offered,
            }
            .into());
        };
        if !columns.contains(column) {
            columns.push(*column);
        }
    }
    Ok(columns)
}

/// The fields that these columns say.
fn fields(columns: &[&'static str]) -> Vec<Field> {
    let mut fields = vec![Field::Id, Field::Name, Field::Status];
    for column in columns {
        fields.extend(field_of(column));
        fields.extend_from_slice(match *column {
            "state" => &[Field::FindingSeverity],
            "cause_labels" => &[Field::CauseKeys, Field::FindingSummary],
            "build" => &[Field::Ubr],
            _ => &[],
        });
    }
    fields
}

/// The column of orders that a column of pages stands for.
fn order_of(column: &'static str) -> &'static str {
    match column {
        "state" => "severity",
        "cause_labels" => "causes",
        other => other,
    }
}

fn table(
    visit: &Visit,
    issue: Option<&'static Issue>,
    shown: &Shown,
    columns: &[&'static str],
    order: Order,
    rows: &[DeviceLine],
) -> DeviceTable {
    let list = &shown.list;
    let head = |name: &'static str| {
        let by = order_of(name);
        let column = order::written(Order {
            descending: false,
            ..order
        });
        let is_ordered = column == by || (column.is_empty() && by == "name");
        let ordered = is_ordered.then_some(if order.descending {
            Direction::Descending
        } else {
            Direction::Ascending
        });
        let next = match ordered {
            Some(Direction::Ascending) => format!("-{by}"),
            // What is counted is looked at from the largest on.
            None if sickbay_web::columns::is_number(name)
                || name == "standing"
                || name == "state" =>
            {
                format!("-{by}")
            }
            _ if by == "name" => String::new(),
            _ => by.to_owned(),
        };
        let possible = order::is_possible(by, issue.is_some());
        Head {
            name,
            sort: possible.then(|| list.sorted(&next)),
            ordered,
        }
    };
    let may = visit.viewer.role >= Role::Operator;
    DeviceTable {
        issue,
        heads: std::iter::once("name")
            .chain(columns.iter().copied())
            .map(head)
            .collect(),
        choices: offered(issue)
            .into_iter()
            .map(|name| Choice {
                name,
                shown: columns.contains(&name),
            })
            .collect(),
        action: list.page(),
        kept: list.kept(),
        rows: rows.iter().map(|line| row(line, columns)).collect(),
        now: visit.app.clock.now(),
        zone: visit.zone.clone(),
        matching: shown.survey.devices,
        selection: Some(Selection {
            csrf: visit.viewer.csrf.clone().unwrap_or_default(),
            filter: list.filter.clone(),
            inspects: may,
            accepts: may && issue.is_some() && *visit.scope() == Scope::All,
        }),
    }
}

fn row(line: &DeviceLine, columns: &[&'static str]) -> Row {
    Row {
        id: line.text(Field::Id),
        name: line.text(Field::Name),
        status: line.word(Field::Status).unwrap_or_default(),
        cells: columns.iter().map(|column| cell(line, column)).collect(),
    }
}

fn cell(line: &DeviceLine, column: &'static str) -> Cell {
    let Some(field) = field_of(column) else {
        return Cell::Nothing;
    };
    match (column, line.value(field)) {
        ("cause_labels", _) => causes(line),
        (_, CellValue::Nothing) => Cell::Nothing,
        ("build", CellValue::Number(_)) => Cell::Text(build_text(
            line.number(Field::Build),
            line.number(Field::Ubr),
        )),
        ("ou", CellValue::Text(name)) => Cell::Ou(name.to_owned()),
        ("primary_issue", CellValue::Text(id)) => {
            issues::get(id).map_or_else(|| Cell::Text(id.to_owned()), Cell::Issue)
        }
        ("standing", CellValue::Word(word)) => Cell::Standing(word),
        ("state", CellValue::Word(word)) => state(line, word),
        ("accepted_until", CellValue::Time(end)) => Cell::LastDay(end),
        (_, CellValue::Text(text)) => Cell::Text(text.to_owned()),
        (_, CellValue::Texts(texts)) => Cell::Texts(texts.to_vec()),
        (_, CellValue::Word(word)) => Cell::Text(word.to_owned()),
        (_, CellValue::Number(number)) => Cell::Number(number),
        (_, CellValue::Time(at)) => Cell::When(at),
    }
}

fn state(line: &DeviceLine, word: &'static str) -> Cell {
    let kept = Kept::ALL.into_iter().find(|kept| kept.name() == word);
    let severity = line.word(Field::FindingSeverity);
    let severity = severity.and_then(|word| {
        let all = [Severity::Warning, Severity::Serious];
        all.into_iter().find(|severity| severity.name() == word)
    });
    kept.map_or(Cell::Nothing, |kept| Cell::State(kept, severity))
}

fn causes(line: &DeviceLine) -> Cell {
    let keys = line.texts(Field::CauseKeys).iter();
    let causes = keys
        .zip(line.texts(Field::CauseLabels))
        .map(|(key, label)| Cause::new(key.clone(), label.clone()))
        .collect();
    Cell::Causes(causes, line.text(Field::FindingSummary))
}

/// Views of a list that somebody is offered.
async fn views(visit: &Visit, list: &List) -> Result<Views, PageError> {
    let owner = visit.viewer.id.to_string();
    let rows = visit.told(visit.app.store.views(&owner).await)?;
    Ok(Views {
        views: rows
            .into_iter()
            .filter(|view| view.list == list.list)
            .map(|row| view(visit, row))
            .collect(),
        list: list.clone(),
        csrf: visit.viewer.csrf.clone().unwrap_or_default(),
    })
}

/// A view as its viewer is offered it.
pub(super) fn view(visit: &Visit, row: ViewRow) -> View {
    let is_own = row.owner == visit.viewer.id.to_string();
    View {
        id: row.id.to_string(),
        name: row.name,
        href: List {
            list: row.list,
            filter: row.filter,
            sort: row.sort,
            columns: row.columns,
            cursor: String::new(),
        }
        .href(),
        by: (!is_own).then_some(row.owner_name),
        shared: row.shared,
        removable: is_own || visit.viewer.is(Role::Admin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_a_page_has_a_heading_and_a_field() {
        for issue in [None, issues::ALL.first().copied()] {
            for column in offered(issue) {
                assert_ne!(sickbay_web::columns::heading(column), column, "{column}");
                assert!(field_of(column).is_some(), "{column}");
            }
            for column in page_columns(issue, &[]).expect("the usual ones") {
                assert!(offered(issue).contains(&column), "{column}");
            }
        }
        let refused = page_columns(None, &["since"]).expect_err("of findings alone");
        assert!(refused.detail.contains("\"since\""));
    }
}
