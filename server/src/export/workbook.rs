//! Workbooks (.xlsx): numbers and moments as such, a header that stays, a filter over every column, further sheets where a sheet is full,
//! and a last sheet that says what the file holds.
//!
//! Rows go to the disk as they come and are packed at the end, so a workbook of any size is made in the same memory. Texts are written as
//! texts; those that look like a formula also carry the mark that keeps them text when somebody edits the cell.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::DAY_MS;
use sickbay_store::StoreError;
use thiserror::Error;
use tokio::sync::mpsc::Receiver;

use super::column::{Cell, Columns, Exported};
use super::text::is_formula;

/// Rows of a sheet below its header: Excel's limit is 1,048,576 with it.
const ROWS_OF_A_SHEET: u32 = 1_048_575;
/// Characters of a cell: Excel's limit is 32,767.
const CHARACTERS_OF_A_CELL: usize = 32_000;
/// What stands at the end of a text that was longer.
const CUT: &str = " [cut: Excel takes no more]";
/// The day that Excel counts from, in days before 1970.
const EXCEL_EPOCH_DAYS: f64 = 25_569.0;
/// How Excel shows a moment.
const MOMENT: &str = "yyyy-mm-dd hh:mm:ss";

/// Why there is no workbook.
#[derive(Debug, Error)]
pub enum WorkbookError {
    /// The rows ended early.
    #[error("the list could not be read to its end")]
    Rows(#[from] StoreError),
    /// It could not be written.
    #[error("the workbook could not be written")]
    Writing(#[from] XlsxError),
    /// Nobody waits for it any more.
    #[error("nobody waits for the workbook any more")]
    Abandoned,
}

/// What the last sheet says: names and what they are.
pub type About = Vec<(&'static str, String)>;

/// What it says of a list that somebody takes away.
pub fn about(list: String, filter: String, by: &str, now: Time) -> About {
    vec![
        ("list", list),
        ("filter", filter),
        ("made", now.to_string()),
        ("made for", by.to_owned()),
        ("made by", format!("Sickbay {}", env!("CARGO_PKG_VERSION"))),
    ]
}

/// Where a workbook is made.
pub struct Workplace<'a> {
    /// For what is not packed yet.
    pub folder: &'a Path,
    /// The file.
    pub file: &'a File,
    /// Rows written so far.
    pub rows: &'a AtomicU64,
    /// Rows of a sheet; fewer in tests.
    pub rows_of_a_sheet: u32,
}

impl<'a> Workplace<'a> {
    /// With sheets as large as Excel takes.
    pub const fn new(folder: &'a Path, file: &'a File, rows: &'a AtomicU64) -> Self {
        Self {
            folder,
            file,
            rows,
            rows_of_a_sheet: ROWS_OF_A_SHEET,
        }
    }
}

/// Makes a workbook of the pages that come, until `None`; blocks meanwhile. Says how many rows it has.
///
/// # Errors
/// Where a page is an error, the disk is full, or the sender is gone without its last word.
pub fn write<R: Exported>(
    mut pages: Receiver<Option<Result<VecDeque<R>, StoreError>>>,
    columns: &Columns<R>,
    mut about: About,
    place: &Workplace<'_>,
) -> Result<u64, WorkbookError> {
    let mut book = Workbook::new();
    book.set_tempdir(place.folder)?;
    let forms = Forms::new();
    let mut sheets = 0;
    let mut rows = 0_u64;
    let mut next_row = 0;
    loop {
        let page = match pages.blocking_recv() {
            Some(Some(page)) => page?,
            Some(None) => break,
            None => return Err(WorkbookError::Abandoned),
        };
        for row in &page {
            if sheets == 0 || next_row > place.rows_of_a_sheet {
                end_sheet(&mut book, sheets, next_row, columns)?;
                sheets += 1;
                begin_sheet(&mut book, sheets, columns, &forms)?;
                next_row = 1;
            }
            let sheet = book.worksheet_from_index(sheets - 1)?;
            for (place, column) in (0..).zip(columns.iter()) {
                put(sheet, next_row, place, (column.read)(row), &forms)?;
            }
            next_row += 1;
        }
        rows += page.len() as u64;
        place.rows.store(rows, Ordering::Relaxed);
    }
    if sheets == 0 {
        sheets = 1;
        next_row = 1;
        begin_sheet(&mut book, sheets, columns, &forms)?;
    }
    end_sheet(&mut book, sheets, next_row, columns)?;
    about.push(("rows", rows.to_string()));
    about.push(("times", "in UTC".to_owned()));
    let sheet = book.add_worksheet_with_constant_memory()?;
    sheet.set_name("About")?.set_column_width(0, 16)?;
    sheet.set_column_width(1, 90)?;
    for (row, (name, value)) in (0..).zip(about) {
        sheet.write_string_with_format(row, 0, name, &forms.head)?;
        put(sheet, row, 1, Cell::Text(Cow::Owned(value)), &forms)?;
    }
    book.save_to_writer(BufWriter::new(place.file))?;
    Ok(rows)
}

/// How cells look.
struct Forms {
    head: Format,
    moment: Format,
    guarded: Format,
}

impl Forms {
    fn new() -> Self {
        Self {
            head: Format::new().set_bold(),
            moment: Format::new().set_num_format(MOMENT),
            guarded: Format::new().set_quote_prefix(),
        }
    }
}

/// Begins a sheet with its header.
fn begin_sheet<R>(
    book: &mut Workbook,
    number: usize,
    columns: &Columns<R>,
    forms: &Forms,
) -> Result<(), XlsxError> {
    let sheet = book.add_worksheet_with_constant_memory()?;
    let name = match number {
        1 => "Rows".to_owned(),
        more => format!("Rows {more}"),
    };
    sheet.set_name(name)?.set_freeze_panes(1, 0)?;
    for (place, column) in (0..).zip(columns.iter()) {
        sheet.set_column_width(place, f64::from(column.width))?;
    }
    for (place, column) in (0..).zip(columns.iter()) {
        sheet.write_string_with_format(0, place, column.name, &forms.head)?;
    }
    Ok(())
}

/// Ends a sheet, if there is one: its filter spans the rows that it has.
fn end_sheet<R>(
    book: &mut Workbook,
    number: usize,
    next_row: u32,
    columns: &Columns<R>,
) -> Result<(), XlsxError> {
    let Some(sheet) = number.checked_sub(1) else {
        return Ok(());
    };
    let last = u16::try_from(columns.iter().len().saturating_sub(1)).unwrap_or(u16::MAX);
    book.worksheet_from_index(sheet)?
        .autofilter(0, 0, next_row - 1, last)?;
    Ok(())
}

fn put(
    sheet: &mut Worksheet,
    row: u32,
    place: u16,
    cell: Cell<'_>,
    forms: &Forms,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => {}
        Cell::Number(number) => {
            sheet.write_number(row, place, number as f64)?;
        }
        Cell::Time(time) => {
            sheet.write_number_with_format(row, place, excel_day(time), &forms.moment)?;
        }
        text @ (Cell::Text(_) | Cell::Texts(_)) => {
            let text = fitting(text.into_text());
            if is_formula(&text) {
                sheet.write_string_with_format(row, place, text, &forms.guarded)?;
            } else {
                sheet.write_string(row, place, text)?;
            }
        }
    }
    Ok(())
}

/// A text as a cell takes it: what would hide or reorder is shown, and what is too long is cut and says so.
fn fitting(text: Cow<'_, str>) -> String {
    let text = sickbay_web::text::block(&text);
    // Excel counts UTF-16 units, of which no character has more than two.
    match text.char_indices().nth(CHARACTERS_OF_A_CELL / 2) {
        Some(_) if text.encode_utf16().count() > CHARACTERS_OF_A_CELL => {
            let mut units = 0;
            let mut kept: String = text
                .chars()
                .take_while(|letter| {
                    units += letter.len_utf16();
                    units <= CHARACTERS_OF_A_CELL
                })
                .collect();
            kept.push_str(CUT);
            kept
        }
        _ => text.into_owned(),
    }
}

/// A moment as Excel counts: days since the end of 1899.
fn excel_day(time: Time) -> f64 {
    time.millis() as f64 / DAY_MS as f64 + EXCEL_EPOCH_DAYS
}

#[cfg(test)]
mod tests {
    use calamine::{DataType as _, Reader as _, Xlsx};

    use super::*;

    struct Numbered(u64);

    impl Exported for Numbered {
        const COLUMNS: &'static [super::super::Column<Self>] = super::super::columns![
            "number" 8 |row| Cell::Number(row.0);
        ];

        fn json(&self) -> String {
            self.0.to_string()
        }
    }

    #[test]
    fn what_does_not_fit_a_sheet_goes_on_on_the_next_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = tempfile::tempfile_in(&folder).expect("a file");
        for rows in [0, 9, 10, 11, 25] {
            let (sender, receiver) = tokio::sync::mpsc::channel(2);
            let page = (0..rows).map(Numbered).collect();
            sender.try_send(Some(Ok(page))).expect("room for two");
            sender.try_send(None).expect("room for two");
            let count = AtomicU64::new(0);
            let place = Workplace {
                rows_of_a_sheet: 10,
                ..Workplace::new(folder.path(), &file, &count)
            };
            file.set_len(0).expect("emptied");
            std::io::Seek::rewind(&mut &file).expect("rewound");
            let written = write(receiver, &Columns::<Numbered>::default(), vec![], &place);
            assert_eq!(written.expect("written"), rows);
            let mut book: Xlsx<_> = Xlsx::new(&file).expect("a workbook");
            let mut names = book.sheet_names();
            assert_eq!(names.pop().as_deref(), Some("About"));
            assert_eq!(names.len() as u64, rows.div_ceil(10).max(1), "{rows} rows");
            let mut numbers = Vec::new();
            for name in names {
                let sheet = book.worksheet_range(&name).expect("a sheet");
                assert_eq!(sheet.get((0, 0)).expect("a header"), "number");
                let below = sheet.rows().skip(1);
                numbers.extend(below.map(|row| row[0].as_f64().expect("a number") as u64));
            }
            assert_eq!(numbers, (0..rows).collect::<Vec<_>>());
        }
    }

    #[test]
    fn rows_that_end_without_a_last_word_are_no_workbook() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = tempfile::tempfile_in(&folder).expect("a file");
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let page = VecDeque::from([Numbered(1)]);
        sender.try_send(Some(Ok(page))).expect("room for one");
        drop(sender);
        let count = AtomicU64::new(0);
        let place = Workplace::new(folder.path(), &file, &count);
        let written = write(receiver, &Columns::<Numbered>::default(), vec![], &place);
        assert!(
            matches!(written, Err(WorkbookError::Abandoned)),
            "{written:?}"
        );
        assert_eq!(file.metadata().expect("a file").len(), 0);
    }

    #[test]
    fn excel_counts_days_since_the_end_of_1899() {
        let noon = Time::from_millis(12 * 3_600_000);
        assert!((excel_day(noon) - 25_569.5).abs() < 1e-9);
    }

    #[test]
    fn a_text_longer_than_a_cell_is_cut_and_says_so() {
        let short = fitting("a".repeat(CHARACTERS_OF_A_CELL).into());
        assert_eq!(short.len(), CHARACTERS_OF_A_CELL);
        let long = fitting("\u{1f600}".repeat(20_000).into());
        assert!(long.ends_with(CUT));
        assert!(long.encode_utf16().count() <= 32_767);
    }
}
