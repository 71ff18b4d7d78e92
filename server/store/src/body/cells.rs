//! Reading the cells of exports: only the columns that are asked for, by their place, in one statement a page.

use futures::TryStreamExt as _;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::verdict::Severity;
use sqlx::{AssertSqlSafe, Database, Row as _};

use super::{Backend, Db, index, key_list};
use crate::cells::{Cells, Field, Value};
use crate::error::During;
use crate::index::Among;
use crate::{DeviceStatus, Page, Result, Scope, StoreError, codes};

const READ: &str = "read rows of an export";

/// A row of this database.
type Row = <Db as Database>::Row;

/// Columns of a field, and how many there are.
const fn columns(field: Field) -> (&'static str, usize) {
    match field {
        Field::Id => ("d.id", 1),
        Field::Status => ("d.status", 1),
        Field::Name => ("d.name", 1),
        Field::Domain => ("d.domain", 1),
        Field::Ou => ("d.ou", 1),
        Field::Site => ("d.site", 1),
        Field::Kind => ("d.kind", 1),
        Field::Release => ("d.release", 1),
        Field::Build => ("d.build", 1),
        Field::Ubr => ("d.ubr", 1),
        Field::Edition => ("d.edition", 1),
        Field::Arch => ("d.arch", 1),
        Field::Tags => ("d.tags, d.reported_tags", 2),
        Field::Primary => ("d.primary_issue", 1),
        Field::Open => ("d.open_count", 1),
        Field::Serious => ("d.serious_count", 1),
        Field::Unknown => ("d.unknown_count", 1),
        Field::Accepted => ("d.accepted_count", 1),
        Field::LastSeen => ("d.last_seen_at", 1),
        Field::LastReport => ("d.last_report_at", 1),
        Field::Enrolled => ("d.enrolled_at", 1),
        Field::FindingState => ("f.state", 1),
        Field::FindingSeverity => ("f.severity", 1),
        Field::CauseKeys | Field::CauseLabels => ("f.causes", 1),
        Field::FindingSummary => ("f.summary", 1),
        Field::FindingSince => ("f.since", 1),
        Field::FindingAcceptedUntil => ("f.accepted_until", 1),
    }
}

/// The statement that reads these fields of the devices of a list of keys, in its order; of an issue's devices where there is one.
pub(super) fn text(fields: &[Field], of_issue: bool) -> String {
    let mut text = "SELECT d.key".to_owned();
    for field in fields {
        text.push_str(", ");
        text.push_str(columns(*field).0);
    }
    text.push_str(concat!(" FROM ", keyed_devices!("$1")));
    if of_issue {
        text.push_str(" JOIN finding f ON f.device_key = d.key AND f.issue = $2");
    }
    text
}

pub(super) async fn page(
    store: &Backend,
    scope: &Scope,
    issue: Option<&str>,
    filter: &Filter,
    fields: &[Field],
    page: &Page,
) -> Result<Cells> {
    let among = match issue {
        Some(issue) => Among::Issue(issue),
        None => Among::Status(codes::status_code(DeviceStatus::Active)),
    };
    let (keys, next) = {
        let fleet = index::fleet(store).await?;
        let limit = page.limit as usize;
        let keys = fleet.page(among, scope, filter, page.after.as_ref(), limit);
        let last = keys.last().filter(|_| keys.len() == limit);
        let next = last.and_then(|key| fleet.cursor(*key));
        (keys, next)
    };
    let mut cells = Cells {
        fields: fields.to_vec(),
        keys: Vec::with_capacity(keys.len()),
        values: Vec::with_capacity(keys.len() * fields.len()),
        text: String::with_capacity(keys.len() * 200),
        next,
    };
    if keys.is_empty() {
        return Ok(cells);
    }
    // Of constants alone.
    let text = AssertSqlSafe(text(fields, issue.is_some()));
    let mut query = sqlx::query::<Db>(text).bind(key_list(&keys));
    if let Some(issue) = issue {
        query = query.bind(issue.to_owned());
    }
    let mut rows = query.fetch(store.reader());
    while let Some(row) = rows.try_next().await.during(READ)? {
        cells.take(&row)?;
    }
    Ok(cells)
}

impl Cells {
    fn take(&mut self, row: &Row) -> Result<()> {
        self.keys.push(integer(row, 0)?.unwrap_or_default());
        let mut place = 1;
        for number in 0..self.fields.len() {
            let field = self.fields[number];
            let value = self.read(row, place, field)?;
            self.values.push(value);
            place += columns(field).1;
        }
        Ok(())
    }

    fn read(&mut self, row: &Row, place: usize, field: Field) -> Result<Value> {
        Ok(match field {
            Field::Id
            | Field::Name
            | Field::Domain
            | Field::Ou
            | Field::Site
            | Field::Kind
            | Field::Release
            | Field::Edition
            | Field::Arch
            | Field::Primary
            | Field::FindingSummary => self.text(plain(row, place)?),
            Field::Build
            | Field::Ubr
            | Field::Open
            | Field::Serious
            | Field::Unknown
            | Field::Accepted => {
                let number = integer(row, place)?;
                let number = number.map(|n| codes::count("number", n)).transpose()?;
                number.map_or(Value::Nothing, Value::Number)
            }
            Field::LastSeen
            | Field::LastReport
            | Field::Enrolled
            | Field::FindingSince
            | Field::FindingAcceptedUntil => {
                integer(row, place)?.map_or(Value::Nothing, |ms| Value::Time(Time::from_millis(ms)))
            }
            Field::Status => {
                Value::Word(codes::status(integer(row, place)?.unwrap_or_default())?.name())
            }
            Field::FindingState => {
                Value::Word(codes::kept(integer(row, place)?.unwrap_or_default())?.name())
            }
            Field::FindingSeverity => {
                let severity = integer(row, place)?.map(codes::severity).transpose()?;
                severity
                    .map(Severity::name)
                    .map_or(Value::Nothing, Value::Word)
            }
            Field::Tags => {
                let (given, reported) = (plain(row, place)?, plain(row, place + 1)?);
                if given == "[]" && reported == "[]" {
                    return Ok(Value::Nothing);
                }
                texts(codes::all_tags(
                    &codes::tags(given)?,
                    &codes::tags(reported)?,
                ))
            }
            Field::CauseKeys | Field::CauseLabels => {
                let causes = codes::causes(plain(row, place)?)?.into_iter();
                texts(if field == Field::CauseKeys {
                    causes.map(|cause| cause.key).collect()
                } else {
                    causes.map(|cause| cause.label).collect()
                })
            }
        })
    }

    fn text(&mut self, text: &str) -> Value {
        if text.is_empty() {
            return Value::Nothing;
        }
        let start = self.text.len();
        self.text.push_str(text);
        Value::Text(start..self.text.len())
    }
}

fn texts(texts: Vec<String>) -> Value {
    if texts.is_empty() {
        Value::Nothing
    } else {
        Value::Texts(texts.into())
    }
}

fn plain(row: &Row, place: usize) -> Result<&str> {
    row.try_get(place).map_err(unread)
}

fn integer(row: &Row, place: usize) -> Result<Option<i64>> {
    row.try_get(place).map_err(unread)
}

fn unread(error: sqlx::Error) -> StoreError {
    StoreError::Corrupt {
        what: "a column of an export",
        reason: error.to_string(),
    }
}
