//! Lists of devices as they are exported: all devices, or those of an issue with their findings; exactly the ones that a filter leaves.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

use futures::Stream;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::{Filter, Test};
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::reading::Evidence;
use sickbay_diagnosis::verdict::{Cause, Kept};
use sickbay_store::{
    Cursor, DeviceRow, DeviceState, Finding, IssueDevice, Page, Scope, Store, StoreError,
};

use super::workbook::{self, About};
use super::{Cell, Column, Columns, Exported, columns};
use crate::api::devices::DeviceView;
use crate::api::issues::FindingView;
use crate::judgement::{Device, Judgement};
use crate::problem::Problem;
use crate::rules::Rules;

/// Rows that are fetched at once.
const ROWS_AT_ONCE: u32 = 1000;
/// The column that costs the most: the server looks at each device's readings for it.
const EVIDENCE: &str = "evidence";

/// A device of a list.
pub struct DeviceLine {
    device: DeviceRow,
    /// In the list of an issue.
    finding: Option<Finding>,
    evidence: Vec<Evidence>,
}

impl From<DeviceRow> for DeviceLine {
    fn from(device: DeviceRow) -> Self {
        Self {
            device,
            finding: None,
            evidence: Vec::new(),
        }
    }
}

impl From<IssueDevice> for DeviceLine {
    fn from(row: IssueDevice) -> Self {
        Self {
            device: row.device,
            finding: Some(row.finding),
            evidence: Vec::new(),
        }
    }
}

impl Exported for DeviceLine {
    const COLUMNS: &'static [Column<Self>] = columns![
        "device_id" 38 |row| Cell::Text(row.device.identity.id.to_string().into());
        "name" 24 |row| Cell::text(&row.device.summary.name);
        "domain" 22 |row| Cell::text(&row.device.summary.domain);
        "ou" 44 |row| Cell::text(&row.device.summary.ou);
        "site" 16 |row| Cell::text(&row.device.summary.site);
        "kind" 8 |row| Cell::text(&row.device.summary.kind);
        "release" 24 |row| Cell::text(&row.device.summary.release);
        "build" 8 |row| Cell::number(row.device.summary.build);
        "ubr" 8 |row| Cell::number(row.device.summary.ubr);
        "edition" 16 |row| Cell::text(&row.device.summary.edition);
        "arch" 8 |row| Cell::text(&row.device.summary.arch);
        "tags" 20 |row| texts(row.device.tags.iter().map(String::as_str));
        "state" 10 |row| row.of_finding(|finding| Cell::word(finding.kept().name()));
        "severity" 10 |row| row.of_finding(|f| f.severity.map_or(Cell::Empty, |s| Cell::word(s.name())));
        "causes" 32 |row| row.of_finding(|finding| texts(finding.causes.iter().map(key_of)));
        "cause_labels" 44 |row| row.of_finding(|finding| texts(finding.causes.iter().map(label_of)));
        "summary" 70 |row| row.of_finding(|finding| Cell::text(&finding.summary));
        "since" 20 |row| row.of_finding(|finding| Cell::Time(finding.since));
        "accepted_until" 20 |row| row.of_finding(|finding| Cell::time(finding.accepted_until));
        "evidence" 90 |row| row.evidence();
        "status" 10 |row| Cell::word(row.device.identity.status.name());
        "primary_issue" 28 |row| Cell::text(&row.device.summary.primary_issue);
        "open_findings" 10 |row| Cell::Number(row.device.open.into());
        "serious_findings" 10 |row| Cell::Number(row.device.serious.into());
        "unknown_findings" 10 |row| Cell::Number(row.device.unknown.into());
        "accepted_findings" 10 |row| Cell::Number(row.device.accepted.into());
        "last_seen_at" 20 |row| Cell::time(row.device.last_seen_at);
        "last_report_at" 20 |row| Cell::time(row.device.last_report_at);
        "enrolled_at" 20 |row| Cell::Time(row.device.enrolled_at);
    ];

    fn json(&self) -> String {
        match &self.finding {
            None => serde_json::to_string(&DeviceView::from(&self.device)),
            Some(finding) => serde_json::to_string(&FindingView::of(&self.device, finding)),
        }
        .expect("strings and numbers always serialize")
    }
}

/// What only the list of an issue can say.
const OF_FINDINGS: [&str; 8] = [
    "state",
    "severity",
    "causes",
    "cause_labels",
    "summary",
    "since",
    "accepted_until",
    EVIDENCE,
];
/// What the list of an issue says where nobody chose columns.
const USUAL_OF_ISSUE: [&str; 21] = [
    "device_id",
    "name",
    "domain",
    "ou",
    "site",
    "kind",
    "release",
    "build",
    "ubr",
    "edition",
    "arch",
    "tags",
    "state",
    "severity",
    "causes",
    "cause_labels",
    "summary",
    "since",
    "accepted_until",
    "last_seen_at",
    "last_report_at",
];

impl DeviceLine {
    fn of_finding<'a>(&'a self, read: impl FnOnce(&'a Finding) -> Cell<'a>) -> Cell<'a> {
        self.finding.as_ref().map_or(Cell::Empty, read)
    }

    fn evidence(&self) -> Cell<'_> {
        if self.evidence.is_empty() {
            return Cell::Empty;
        }
        Cell::Texts(
            self.evidence
                .iter()
                .map(|reading| Cow::Owned(in_words(reading)))
                .collect(),
        )
    }
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Cell<'a> {
    let texts: Vec<Cow<'a, str>> = texts.map(Cow::Borrowed).collect();
    if texts.is_empty() {
        Cell::Empty
    } else {
        Cell::Texts(texts)
    }
}

fn key_of(cause: &Cause) -> &str {
    &cause.key
}

fn label_of(cause: &Cause) -> &str {
    &cause.label
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
}

impl DeviceList {
    /// The devices of an issue, or all active ones, that match a filter as somebody wrote it.
    ///
    /// # Errors
    /// Where the filter cannot be understood.
    pub fn read(issue: Option<&'static Issue>, filter: Option<&str>) -> Result<Self, Problem> {
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

    /// A name for it in files and the record: the issue's id, or `devices`.
    pub fn name(&self) -> &'static str {
        self.issue.map_or("devices", |issue| issue.id)
    }

    /// Every column that it can say.
    pub fn offered(&self) -> impl Iterator<Item = &'static Column<DeviceLine>> + '_ {
        let of_issue = self.issue.is_some();
        DeviceLine::COLUMNS
            .iter()
            .filter(move |column| of_issue || !OF_FINDINGS.contains(&column.name))
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
        self.issue.is_none() || USUAL_OF_ISSUE.contains(&column.name)
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

    /// Its rows, a page at a time. Evidence is looked up where a column asks for it, by the rules in force.
    pub fn rows(
        self,
        store: Arc<dyn Store>,
        scope: Scope,
        columns: &Columns<DeviceLine>,
        rules: Arc<Rules>,
        now: Time,
    ) -> impl Stream<Item = Result<VecDeque<DeviceLine>, StoreError>> + Send + use<> {
        let walk = Walk {
            proves: columns.has(EVIDENCE).then_some(rules),
            list: self,
            store,
            scope,
            now,
            page: Some(Page {
                after: None,
                limit: ROWS_AT_ONCE,
            }),
        };
        futures::stream::unfold(walk, |mut walk| async move {
            let page = walk.page.take()?;
            let rows = walk.next(&page).await;
            if let Ok(rows) = &rows
                && rows.len() == ROWS_AT_ONCE as usize
                && let Some(last) = rows.back()
            {
                walk.page = Some(Page {
                    after: Some(last.cursor()),
                    limit: ROWS_AT_ONCE,
                });
            }
            Some((rows, walk))
        })
    }
}

impl DeviceLine {
    fn cursor(&self) -> Cursor {
        self.device.cursor()
    }
}

struct Walk {
    list: DeviceList,
    store: Arc<dyn Store>,
    scope: Scope,
    now: Time,
    proves: Option<Arc<Rules>>,
    page: Option<Page>,
}

impl Walk {
    async fn next(&self, page: &Page) -> Result<VecDeque<DeviceLine>, StoreError> {
        let (scope, filter) = (&self.scope, &self.list.filter);
        let Some(issue) = self.list.issue else {
            let rows = self.store.devices(scope, filter, page).await?;
            return Ok(rows.into_iter().map(DeviceLine::from).collect());
        };
        let rows = self
            .store
            .issue_devices(scope, issue.id, filter, page)
            .await?;
        let mut rows: VecDeque<DeviceLine> = rows.into_iter().map(DeviceLine::from).collect();
        if let Some(rules) = &self.proves {
            let keys: Vec<i64> = rows.iter().map(|row| row.device.identity.key).collect();
            let states = self.store.load_states(&keys).await?;
            for row in &mut rows {
                let key = row.device.identity.key;
                if let Some(state) = states.iter().find(|state| state.identity.key == key) {
                    row.evidence = evidence(state, issue, rules, self.now);
                }
            }
        }
        Ok(rows)
    }
}

/// The readings behind a device's verdict of an issue.
fn evidence(state: &DeviceState, issue: &Issue, rules: &Rules, now: Time) -> Vec<Evidence> {
    let device = Device::from(state);
    let judged = Judgement::of(&device, rules, now);
    let mut verdicts = judged.diagnosis.iter();
    verdicts
        .find(|(of, _)| of.id == issue.id)
        .map(|(_, verdict)| device.evidence(verdict))
        .unwrap_or_default()
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
        let there: Vec<&str> = DeviceLine::COLUMNS.iter().map(|c| c.name).collect();
        for name in OF_FINDINGS.iter().chain(&USUAL_OF_ISSUE) {
            assert!(there.contains(name), "{name}");
        }
    }
}
