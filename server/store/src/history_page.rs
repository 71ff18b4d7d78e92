//! Pages of history: what changed on a device, up to [`FULL`] changes in one value, compressed together by a dictionary. A change by itself is
//! 200 to 470 bytes in a row of its own, and some 20 in a page, because a device's changes are much like each other
//! ([decision 48](../../../docs/decisions/0048-history-in-pages.md)).
//!
//! A page holds its rows word for word, oldest first: nothing is told anew, so that an old row never says what a newer version would. What
//! was once written is read for ever; form and dictionary are part of the schema.

use crate::packed::{Dictionary, Reader, Writer, squeeze, unsqueeze};
use crate::rows::HistoryColumns;
use crate::{Result, StoreError};

/// Rows of a page that takes no more. More would be rewritten whenever one is added, and one in three of them is not worth a byte.
pub(crate) const FULL: usize = 64;

/// Formats: numbers, then texts.
const NUMBERS_THEN_TEXTS: u8 = 1;

/// A page of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// Of its device.
    pub(crate) key: i64,
    /// By which it is known: no row of it has a lower id.
    pub(crate) first_id: i64,
    /// The id of its newest row.
    pub(crate) last_id: i64,
    /// The time of its oldest row.
    pub(crate) first_at: i64,
    /// Its rows, packed.
    pub(crate) entries: Vec<u8>,
}

impl Page {
    /// A page of these rows, oldest first; `None` without any. It keeps the name that it has.
    fn of(key: i64, first_id: Option<i64>, rows: &[HistoryColumns]) -> Option<Self> {
        Some(Self {
            key,
            first_id: first_id.unwrap_or(rows.first()?.id),
            last_id: rows.last()?.id,
            first_at: rows.iter().map(|row| row.at).min()?,
            entries: pack(rows),
        })
    }

    /// Its rows, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub(crate) fn rows(&self) -> Result<Vec<HistoryColumns>> {
        unpack(&self.entries)
    }
}

/// Puts newer rows of a device, oldest first, behind its newest page; gives the pages to write. One that is full, or cannot be read, stays as
/// it is.
pub(crate) fn append(key: i64, newest: Option<&Page>, rows: Vec<HistoryColumns>) -> Vec<Page> {
    let mut open = newest.and_then(|page| Some((page.first_id, page.rows().ok()?)));
    let mut pages = Vec::new();
    for row in rows {
        match &mut open {
            Some((_, held)) if held.len() < FULL => held.push(row),
            _ => {
                pages.extend(written(key, open.take(), newest));
                open = Some((row.id, vec![row]));
            }
        }
    }
    pages.extend(written(key, open, newest));
    pages
}

/// A page that is different from what is stored.
fn written(
    key: i64,
    page: Option<(i64, Vec<HistoryColumns>)>,
    stored: Option<&Page>,
) -> Option<Page> {
    let (first_id, rows) = page?;
    let is_stored =
        stored.is_some_and(|page| rows.last().is_some_and(|row| row.id <= page.last_id));
    if is_stored {
        return None;
    }
    Page::of(key, Some(first_id), &rows)
}

/// What is left of a page without its rows from before then, of which at most so many go, the oldest first; and how many went. `None` where
/// nothing is left.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub(crate) fn without(page: &Page, before: i64, at_most: u64) -> Result<(Option<Page>, u64)> {
    let (mut went, mut rest) = (0, Vec::new());
    for row in page.rows()? {
        if row.at < before && went < at_most {
            went += 1;
        } else {
            rest.push(row);
        }
    }
    Ok((Page::of(page.key, Some(page.first_id), &rest), went))
}

fn pack(rows: &[HistoryColumns]) -> Vec<u8> {
    let plain = compact(rows);
    let squeezed = squeeze(Dictionary::History, &plain);
    let mut out = Writer::with_room(squeezed.len() + 4);
    out.byte(NUMBERS_THEN_TEXTS);
    out.number(plain.len() as u64);
    out.bytes(&squeezed);
    out.done()
}

/// The form that is compressed: differences to the row before first, which nothing makes shorter; then texts, which are much the same in
/// every row, without anything between them that is not.
fn compact(rows: &[HistoryColumns]) -> Vec<u8> {
    let mut out = Writer::with_room(rows.len() * 256);
    out.number(rows.len() as u64);
    let (mut id, mut at) = (0, 0);
    for row in rows {
        out.signed(row.id.wrapping_sub(id));
        out.signed(row.at.wrapping_sub(at));
        (id, at) = (row.id, row.at);
    }
    for row in rows {
        out.signed(row.from_state);
        out.signed(row.to_state);
        out.text(&row.issue);
        out.text(&row.causes);
        out.text(&row.summary);
    }
    out.done()
}

fn unpack(bytes: &[u8]) -> Result<Vec<HistoryColumns>> {
    read(bytes).map_err(|error| match error {
        StoreError::Corrupt { reason, .. } => StoreError::Corrupt {
            what: "history",
            reason,
        },
        other => other,
    })
}

fn read(bytes: &[u8]) -> Result<Vec<HistoryColumns>> {
    let corrupt = |reason: String| StoreError::Corrupt {
        what: "history",
        reason,
    };
    let mut reader = Reader::new(bytes);
    match reader.byte()? {
        NUMBERS_THEN_TEXTS => {}
        other => {
            return Err(corrupt(format!(
                "format {other} is not known to this version"
            )));
        }
    }
    let length = reader.small()? as usize;
    let squeezed = reader.bytes()?;
    let plain = unsqueeze(Dictionary::History, squeezed, length)?;
    let mut texts = Reader::new(&plain);
    let count = texts.length()?;
    let (mut id, mut at) = (0_i64, 0_i64);
    let mut numbers = Vec::new();
    for _ in 0..count {
        id = id.wrapping_add(texts.signed()?);
        at = at.wrapping_add(texts.signed()?);
        numbers.push((id, at));
    }
    let mut rows = Vec::with_capacity(numbers.len());
    for (id, at) in numbers {
        rows.push(HistoryColumns {
            id,
            at,
            from_state: texts.signed()?,
            to_state: texts.signed()?,
            issue: texts.text()?,
            causes: texts.text()?,
            summary: texts.text()?,
        });
    }
    if !texts.is_at_end() || !reader.is_at_end() {
        return Err(corrupt("something follows a page".to_owned()));
    }
    Ok(rows)
}

/// The form of these rows, oldest first, that is compressed, for making a dictionary.
#[cfg(any(test, feature = "benchmarks"))]
pub fn compact_history(rows: &[crate::HistoryRow]) -> Vec<u8> {
    let column = |row: &crate::HistoryRow| HistoryColumns {
        id: row.id,
        at: row.at.millis(),
        issue: row.change.issue.clone(),
        from_state: crate::codes::state_code(row.change.from),
        to_state: crate::codes::state_code(row.change.to),
        causes: crate::codes::causes_text(&row.change.causes),
        summary: crate::codes::text(&row.change.summary),
    };
    compact(&rows.iter().map(column).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
