//! Lists of devices as they are exported: all devices, or those of an issue with their findings; exactly the ones that a filter leaves.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

use futures::Stream;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::{Filter, Test};
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::reading::Evidence;
use sickbay_diagnosis::verdict::Kept;
use sickbay_store::{
    CellValue, Cells, Cursor, DeviceState, Field, Order, OrderBy, Page, Scope, Store, StoreError,
};
use tokio::sync::mpsc::Sender;

use super::workbook::{self, About};
use super::{Cell, Column, Columns, Exported, columns, order};
use crate::api::CauseView;
use crate::api::devices::DeviceView;
use crate::api::issues::FindingView;
use crate::judgement::{Device, Judgement, Standing};
use crate::problem::Problem;
use crate::rules::Rules;

/// Rows that are fetched at once.
const ROWS_AT_ONCE: u32 = 1000;
/// Lists of more devices than this are exported in the order of enrolment: by name, each device would be read from another end of the
/// database.
const BY_NAME_AT_MOST: u64 = 50_000;

/// A device of a list.
pub struct DeviceLine {
    cells: Arc<Cells>,
    row: usize,
    of_issue: bool,
    evidence: Vec<Evidence>,
}

/// Declares columns that say what a field does, and [`field_of`].
macro_rules! fields {
    ($($name:literal $width:literal $field:ident;)*) => {
        const FIELDS: &[Column<DeviceLine>] =
            columns![$($name $width |row| row.cell(Field::$field);)*];

        /// The field that a column says; `None` of what is no field.
        pub fn field_of(column: &str) -> Option<Field> {
            match column {
                $($name => Some(Field::$field),)*
                _ => None,
            }
        }
    };
}

fields! {
        "device_id" 38 Id;
        "name" 24 Name;
        "domain" 22 Domain;
        "ou" 44 Ou;
        "site" 16 Site;
        "kind" 8 Kind;
        "release" 24 Release;
        "build" 8 Build;
        "ubr" 8 Ubr;
        "edition" 16 Edition;
        "arch" 8 Arch;
        "tags" 20 Tags;
        "source" 34 Source;
        "state" 10 FindingState;
        "severity" 10 FindingSeverity;
        "causes" 32 CauseKeys;
        "cause_labels" 44 CauseLabels;
        "summary" 70 FindingSummary;
        "since" 20 FindingSince;
        "accepted_until" 20 FindingAcceptedUntil;
        "status" 10 Status;
        "standing" 14 Standing;
        "primary_issue" 28 Primary;
        "open_findings" 10 Open;
        "serious_findings" 10 Serious;
        "unknown_findings" 10 Unknown;
        "accepted_findings" 10 Accepted;
        "last_seen_at" 20 LastSeen;
        "last_report_at" 20 LastReport;
        "enrolled_at" 20 Enrolled;
}

impl Exported for DeviceLine {
    const COLUMNS: &'static [Column<Self>] = FIELDS;

    fn json(&self) -> String {
        if self.of_issue {
            serde_json::to_string(&FindingView::from(self))
        } else {
            serde_json::to_string(&DeviceView::from(self))
        }
        .expect("strings and numbers always serialize")
    }
}

/// The column that is no field: the server looks at each device's readings for it.
static PROOF: Column<DeviceLine> = Column {
    name: "evidence",
    width: 90,
    read: DeviceLine::evidence,
};

/// Columns of the list of an issue that are there only where somebody chooses them.
const UNUSUAL_OF_ISSUE: [&str; 9] = [
    "evidence",
    "status",
    "standing",
    "primary_issue",
    "open_findings",
    "serious_findings",
    "unknown_findings",
    "accepted_findings",
    "enrolled_at",
];

impl DeviceLine {
    /// The device, as the store knows it.
    pub fn key(&self) -> i64 {
        self.cells.key(self.row)
    }

    fn cell(&self, field: Field) -> Cell<'_> {
        match self.value(field) {
            CellValue::Nothing => Cell::Empty,
            CellValue::Text(text) => Cell::Text(Cow::Borrowed(text)),
            CellValue::Texts(texts) => {
                Cell::Texts(texts.iter().map(|text| text.as_str().into()).collect())
            }
            CellValue::Word(word) => Cell::word(word),
            CellValue::Number(number) => Cell::Number(number),
            CellValue::Time(time) => Cell::Time(time),
        }
    }

    /// What it says in a field; nothing where it was not asked for.
    pub fn value(&self, field: Field) -> CellValue<'_> {
        self.cells.value(self.row, field)
    }

    /// It as a text; empty where it says nothing.
    pub fn text(&self, field: Field) -> String {
        self.cell(field).into_text().into_owned()
    }

    /// Its texts.
    pub fn texts(&self, field: Field) -> &[String] {
        match self.value(field) {
            CellValue::Texts(texts) => texts,
            _ => &[],
        }
    }

    /// A word of this program.
    pub fn word(&self, field: Field) -> Option<&'static str> {
        match self.value(field) {
            CellValue::Word(word) => Some(word),
            _ => None,
        }
    }

    /// A number of 32 bits.
    pub fn number(&self, field: Field) -> Option<u32> {
        match self.value(field) {
            CellValue::Number(number) => u32::try_from(number).ok(),
            _ => None,
        }
    }

    fn moment(&self, field: Field) -> Option<String> {
        match self.value(field) {
            CellValue::Time(time) => Some(time.to_string()),
            _ => None,
        }
    }

    fn evidence(&self) -> Cell<'_> {
        if self.evidence.is_empty() {
            return Cell::Empty;
        }
        let readings = self.evidence.iter().map(|reading| in_words(reading).into());
        Cell::Texts(readings.collect())
    }
}

impl From<&DeviceLine> for DeviceView {
    fn from(row: &DeviceLine) -> Self {
        Self {
            id: row.text(Field::Id),
            name: row.text(Field::Name),
            status: row.word(Field::Status).unwrap_or_default(),
            domain: row.text(Field::Domain),
            ou: row.text(Field::Ou),
            site: row.text(Field::Site),
            kind: row.text(Field::Kind),
            release: row.text(Field::Release),
            build: row.number(Field::Build),
            ubr: row.number(Field::Ubr),
            edition: row.text(Field::Edition),
            arch: row.text(Field::Arch),
            tags: row.texts(Field::Tags).to_vec(),
            source: row.text(Field::Source),
            standing: row.word(Field::Standing).unwrap_or_default(),
            last_seen_at: row.moment(Field::LastSeen),
            last_report_at: row.moment(Field::LastReport),
            primary_issue: row.text(Field::Primary),
            open_findings: row.number(Field::Open).unwrap_or_default(),
            serious_findings: row.number(Field::Serious).unwrap_or_default(),
            unknown_findings: row.number(Field::Unknown).unwrap_or_default(),
            accepted_findings: row.number(Field::Accepted).unwrap_or_default(),
        }
    }
}

impl From<&DeviceLine> for FindingView {
    fn from(row: &DeviceLine) -> Self {
        let keys = row.texts(Field::CauseKeys).iter();
        let causes = keys.zip(row.texts(Field::CauseLabels));
        Self {
            device: DeviceView::from(row),
            state: row.word(Field::FindingState).unwrap_or_default(),
            severity: row.word(Field::FindingSeverity),
            summary: row.text(Field::FindingSummary),
            causes: causes
                .map(|(key, label)| CauseView {
                    key: key.clone(),
                    label: label.clone(),
                })
                .collect(),
            since: row.moment(Field::FindingSince).unwrap_or_default(),
            accepted_until: row.moment(Field::FindingAcceptedUntil),
        }
    }
}

/// A reading in one line: where, what, and when it was read.
fn in_words(reading: &Evidence) -> String {
    let mut text = reading.path.clone();
    if !reading.name.is_empty() {
        let _ = write!(text, " {}", reading.name);
    }
    let _ = match reading.data.as_str() {
        "" => write!(text, ": {}", reading.kind),
        data => write!(text, " = {data} ({})", reading.kind),
    };
    if !reading.read_at.is_empty() {
        let _ = write!(text, ", read {}", reading.read_at);
    }
    text
}

/// Lists of an issue show its open findings, unless the filter itself speaks of states.
pub fn open_unless_said(filter: Filter) -> Filter {
    if filter.names_state() {
        return filter;
    }
    let open = Filter::Is(Test::State(Kept::Open));
    filter.and(open)
}

/// Which devices are listed.
#[derive(Debug, Clone)]
pub struct DeviceList {
    issue: Option<&'static Issue>,
    filter: Filter,
    /// The filter as it was asked for.
    said: String,
    order: Order,
}

impl DeviceList {
    /// The devices of an issue, or all active ones, that match a filter as somebody wrote it, in an order as they wrote it.
    ///
    /// # Errors
    /// Where either cannot be understood.
    pub fn read(
        issue: Option<&'static Issue>,
        filter: Option<&str>,
        sort: Option<&str>,
    ) -> Result<Self, Problem> {
        let said = filter.unwrap_or_default().trim();
        let filter = if said.is_empty() {
            Filter::Everything
        } else {
            Filter::parse(said)?
        };
        Ok(Self {
            issue,
            filter: match issue {
                None => filter,
                Some(_) => open_unless_said(filter),
            },
            said: said.to_owned(),
            order: order::read(sort, issue.is_some())?,
        })
    }

    /// The issue, where it is the list of one.
    pub const fn issue(&self) -> Option<&'static Issue> {
        self.issue
    }

    /// The filter as it was asked for; empty where none was.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// The filter that leaves its devices.
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Its order.
    pub const fn order(&self) -> Order {
        self.order
    }

    /// Every field that its rows can have.
    pub fn fields(&self) -> Vec<Field> {
        let of_issue = self.issue.is_some();
        Field::ALL
            .into_iter()
            .filter(|field| of_issue || !field.is_of_finding())
            .collect()
    }

    /// A page of its rows with these fields, and where the next one begins.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn page(
        &self,
        store: &dyn Store,
        scope: &Scope,
        fields: &[Field],
        page: &Page,
    ) -> Result<(Vec<DeviceLine>, Option<Cursor>), StoreError> {
        let id = self.issue.map(|issue| issue.id);
        let cells = store
            .cells(scope, id, &self.filter, fields, self.order, page)
            .await?;
        let cells = Arc::new(cells);
        let rows = (0..cells.rows())
            .map(|row| DeviceLine {
                cells: Arc::clone(&cells),
                row,
                of_issue: id.is_some(),
                evidence: Vec::new(),
            })
            .collect();
        Ok((rows, cells.next.clone()))
    }

    /// A name for it in files and the record: the issue's id, or `devices`.
    pub fn name(&self) -> &'static str {
        self.issue.map_or("devices", |issue| issue.id)
    }

    /// Every column that it can say.
    pub fn offered(&self) -> impl Iterator<Item = &'static Column<DeviceLine>> + '_ {
        let of_issue = self.issue.is_some();
        DeviceLine::COLUMNS
            .iter()
            .filter(move |column| {
                of_issue || !field_of(column.name).is_some_and(Field::is_of_finding)
            })
            .chain(of_issue.then_some(&PROOF))
    }

    /// The columns that somebody chose, or the usual ones.
    ///
    /// # Errors
    /// Where a column is named that there is not.
    pub fn columns(&self, chosen: Option<&str>) -> Result<Columns<DeviceLine>, Problem> {
        match chosen {
            Some(names) => Columns::chosen(self.offered(), names),
            None => Ok(Columns::of(self.offered().filter(|c| self.is_usual(c)))),
        }
    }

    /// Whether a column is there where nobody chose.
    pub fn is_usual(&self, column: &Column<DeviceLine>) -> bool {
        self.issue.is_none() || !UNUSUAL_OF_ISSUE.contains(&column.name)
    }

    /// How many devices it has within a scope.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn count(&self, store: &dyn Store, scope: &Scope) -> Result<u64, StoreError> {
        match self.issue {
            None => store.count_devices(scope, &self.filter).await,
            Some(issue) => {
                let count = store.count_issue_devices(scope, issue.id, &self.filter);
                count.await
            }
        }
    }

    /// What the last sheet of a workbook says of it.
    pub fn about(&self, by: &str, now: Time) -> About {
        let list = match self.issue {
            None => "all active devices".to_owned(),
            Some(issue) => format!("{} ({})", issue.title, issue.id),
        };
        let filter = match (self.said.as_str(), self.issue) {
            ("", None) => "none".to_owned(),
            ("", Some(_)) => "none; open findings".to_owned(),
            (said, _) => said.to_owned(),
        };
        workbook::about(list, filter, by, now)
    }

    /// Its rows, a page at a time; the next page is read while one is written. Evidence is looked up where a column asks for it, by the
    /// rules in force.
    pub fn rows(
        self,
        store: Arc<dyn Store>,
        scope: Scope,
        columns: &Columns<DeviceLine>,
        rules: Arc<Rules>,
        now: Time,
    ) -> impl Stream<Item = Result<VecDeque<DeviceLine>, StoreError>> + Send + use<> {
        let fields = if columns.are_chosen() {
            columns
                .iter()
                .filter_map(|column| field_of(column.name))
                .collect()
        } else {
            // JSON says all of them, in its own form.
            self.fields()
        };
        let walk = Walk {
            proves: columns.has(PROOF.name).then_some(rules),
            list: self,
            store,
            scope,
            now,
            fields,
        };
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        // Ends when nobody takes what it sends.
        tokio::spawn(walk.send(sender));
        futures::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|page| (page, receiver))
        })
    }
}

struct Walk {
    list: DeviceList,
    store: Arc<dyn Store>,
    scope: Scope,
    now: Time,
    proves: Option<Arc<Rules>>,
    fields: Vec<Field>,
}

impl Walk {
    async fn send(mut self, sender: Sender<Result<VecDeque<DeviceLine>, StoreError>>) {
        match self.list.count(&*self.store, &self.scope).await {
            Ok(devices) if devices > BY_NAME_AT_MOST => {
                self.list.order = Order {
                    by: OrderBy::Enrolled,
                    descending: false,
                };
            }
            Ok(_) => {}
            Err(error) => {
                let _ = sender.send(Err(error)).await;
                return;
            }
        }
        let mut after = None;
        loop {
            let page = Page {
                after,
                limit: ROWS_AT_ONCE,
            };
            let read = self.next(&page).await;
            let next = read.as_ref().ok().and_then(|(_, next)| next.clone());
            if sender.send(read.map(|(rows, _)| rows)).await.is_err() || next.is_none() {
                return;
            }
            after = next;
        }
    }

    async fn next(
        &self,
        page: &Page,
    ) -> Result<(VecDeque<DeviceLine>, Option<Cursor>), StoreError> {
        let (rows, next) = self
            .list
            .page(&*self.store, &self.scope, &self.fields, page)
            .await?;
        let mut rows = VecDeque::from(rows);
        if let (Some(rules), Some(issue)) = (&self.proves, self.list.issue) {
            let keys: Vec<i64> = rows.iter().map(DeviceLine::key).collect();
            let states = self.store.load_states(&keys).await?;
            let states: HashMap<i64, DeviceState> = states
                .into_iter()
                .map(|state| (state.identity.key, state))
                .collect();
            for row in &mut rows {
                if let Some(state) = states.get(&row.key()) {
                    row.evidence = evidence(state, issue, rules, self.now)?;
                }
            }
        }
        Ok((rows, next))
    }
}

/// The readings behind a device's verdict of an issue.
fn evidence(
    state: &DeviceState,
    issue: &Issue,
    rules: &Rules,
    now: Time,
) -> Result<Vec<Evidence>, StoreError> {
    let observations = state.packed.unpack()?;
    let device = Device {
        standing: Standing::from(state),
        observations: &observations,
    };
    let judged = Judgement::of(&device, rules, now);
    let mut verdicts = judged.diagnosis.iter();
    Ok(verdicts
        .find(|(of, _)| of.id == issue.id)
        .map(|(_, verdict)| device.evidence(verdict))
        .unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_an_issue_shows_open_findings_unless_the_filter_speaks_of_states() {
        let open = Filter::Is(Test::State(Kept::Open));
        assert_eq!(open_unless_said(Filter::Everything), open);
        let unknown = Filter::Not(Box::new(open));
        assert_eq!(open_unless_said(unknown.clone()), unknown);
    }

    #[test]
    fn every_column_that_is_named_elsewhere_is_there() {
        let issue = sickbay_diagnosis::issues::ALL.first();
        let list = DeviceList::read(issue.copied(), None, None).expect("no filter");
        let there: Vec<&str> = list.offered().map(|column| column.name).collect();
        for name in UNUSUAL_OF_ISSUE {
            assert!(there.contains(&name), "{name}");
        }
    }
}
