//! Parts that several pages share. Each is a type with a template of its own, so it can be put into any other template.

use std::borrow::Borrow;

use askama::Template;
use askama::filters::HtmlSafe;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::error_code::spelled_in;
use sickbay_diagnosis::explanation::Class;
use sickbay_diagnosis::reading::Evidence;
use sickbay_diagnosis::verdict::{Cause, Kept, Severity, State};

use crate::{Chrome, Zone, component, links, moment, text, words};

/// Declares that a part escapes what it shows, which its own HTML template does, so that it is not escaped again.
macro_rules! markup {
    ($($part:ty),* $(,)?) => { $(impl HtmlSafe for $part {})* };
}
markup!(
    When,
    LastDay,
    Said<'_>,
    Segmented<'_>,
    ShortOu<'_>,
    SeverityBadge,
    StateBadge,
    KeptBadge,
    ClassBadge,
    Bar,
    Command<'_>,
    Causes<'_>,
    EvidenceTable<'_>,
    FilterForm<'_>,
    Paging
);

/// A moment: how long ago, with the exact time on hover.
#[derive(Template)]
#[template(
    source = r#"<time datetime="{{ time }}" title="{{ self.absolute() }}">{{ self.relative() }}</time>"#,
    ext = "html"
)]
pub(crate) struct When {
    pub(crate) time: Time,
    pub(crate) now: Time,
    pub(crate) zone: Zone,
}

impl When {
    fn absolute(&self) -> String {
        moment::absolute(self.time, &self.zone)
    }

    fn relative(&self) -> String {
        moment::relative(self.time, self.now, &self.zone)
    }
}

/// The last day of what ends at a moment: an end at midnight is that of the day before. The exact time stands on hover.
#[derive(Template)]
#[template(
    source = r#"<time datetime="{{ end }}" title="{{ self.absolute() }}">{{ self.day() }}</time>"#,
    ext = "html"
)]
pub(crate) struct LastDay {
    end: Time,
}

pub(crate) fn last_day(end: impl Borrow<Time>) -> LastDay {
    LastDay { end: *end.borrow() }
}

impl LastDay {
    fn absolute(&self) -> String {
        moment::absolute(self.end, &Zone::UTC)
    }

    fn day(&self) -> String {
        self.end.plus_millis(-1).date()
    }
}

/// One line of text that somebody else wrote. Set apart, so that its writing direction stays its own affair.
#[derive(Template)]
#[template(source = "<bdi>{{ text::line(text) }}</bdi>", ext = "html")]
pub(crate) struct Said<'a> {
    text: &'a str,
}

pub(crate) fn said(text: &str) -> Said<'_> {
    Said { text }
}

/// One line that may be long and has a mark between its parts, as a path or a distinguished name: it breaks after the mark first.
#[derive(Template)]
#[template(
    source = "<bdi>{% for part in self.parts() %}{{ text::line(part) }}<wbr>{% endfor %}</bdi>",
    ext = "html"
)]
pub(crate) struct Segmented<'a> {
    text: &'a str,
    mark: char,
}

impl<'a> Segmented<'a> {
    fn parts(&self) -> impl Iterator<Item = &'a str> {
        self.text.split_inclusive(self.mark)
    }
}

pub(crate) fn path(text: &str) -> Segmented<'_> {
    Segmented { text, mark: '\\' }
}

pub(crate) fn ou(text: &str) -> Segmented<'_> {
    Segmented { text, mark: ',' }
}

/// A distinguished name without the domain's parts, which are the same nearly everywhere; all of it stands on hover.
#[derive(Template)]
#[template(
    source = r#"<bdi title="{{ text::line(name) }}">{% for part in self.parts() %}{{ text::line(part) }}<wbr>{% endfor %}</bdi>"#,
    ext = "html"
)]
pub(crate) struct ShortOu<'a> {
    name: &'a str,
}

pub(crate) fn short_ou(name: &str) -> ShortOu<'_> {
    ShortOu { name }
}

impl ShortOu<'_> {
    fn parts(&self) -> impl Iterator<Item = &str> {
        let domain = self.name.to_ascii_lowercase().find(",dc=");
        let shown = &self.name[..domain.unwrap_or(self.name.len())];
        shown.split_inclusive(',')
    }
}

/// How bad: in a colour, a shape and a word.
#[derive(Template)]
#[template(
    source = r#"<span class="badge is-{{ severity.name() }}">{{ self.label() }}</span>"#,
    ext = "html"
)]
pub(crate) struct SeverityBadge {
    severity: Severity,
}

impl SeverityBadge {
    const fn label(&self) -> &'static str {
        words::states::severity(self.severity)
    }
}

pub(crate) fn severity(severity: impl Borrow<Severity>) -> SeverityBadge {
    SeverityBadge {
        severity: *severity.borrow(),
    }
}

/// One of the four answers: in a colour, a shape and a word.
#[derive(Template)]
#[template(
    source = r#"<span class="badge is-{{ state.name() }}">{{ self.label() }}</span>"#,
    ext = "html"
)]
pub(crate) struct StateBadge {
    state: State,
}

pub(crate) fn state(state: impl Borrow<State>) -> StateBadge {
    StateBadge {
        state: *state.borrow(),
    }
}

impl StateBadge {
    const fn label(&self) -> &'static str {
        words::states::state(self.state)
    }
}

/// Where a device stands with an update: in a colour, a shape and words.
#[derive(Template)]
#[template(
    source = r#"<span class="badge is-{{ self.tone() }}">{{ class.title() }}</span>"#,
    ext = "html"
)]
pub(crate) struct ClassBadge {
    class: Class,
}

pub(crate) fn class(class: impl Borrow<Class>) -> ClassBadge {
    ClassBadge {
        class: *class.borrow(),
    }
}

impl ClassBadge {
    const fn tone(&self) -> &'static str {
        match self.class {
            Class::Installed | Class::Superseded => "clear",
            Class::OtherRelease | Class::OtherEdition => "not-applicable",
            Class::Unknown => "unknown",
            Class::Failing | Class::Stopped | Class::PrerequisiteMissing => "serious",
            _ => "warning",
        }
    }
}

/// How a finding is kept: as an answer, or accepted.
pub(crate) fn kept(kept: impl Borrow<Kept>) -> KeptBadge {
    KeptBadge {
        kept: *kept.borrow(),
    }
}

/// How a finding is kept, in a colour, a shape and a word.
#[derive(Template)]
#[template(
    source = r#"<span class="badge is-{{ kept.name() }}">{{ self.label() }}</span>"#,
    ext = "html"
)]
pub(crate) struct KeptBadge {
    kept: Kept,
}

impl KeptBadge {
    const fn label(&self) -> &'static str {
        words::states::kept(self.kept)
    }
}

/// A bar whose parts are shares of a whole. Decoration: the numbers stand beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "components/bar.html")]
pub struct Bar {
    /// Class of the colour and length of each part, in the order shown.
    parts: Vec<(&'static str, u64)>,
    /// The whole.
    whole: u64,
}

impl Bar {
    /// A bar of parts, each a colour (`serious`, `warning`, `unknown`, `healthy`, `quiet`) and a number, out of `whole`.
    pub fn new(whole: u64, parts: &[(&'static str, u64)]) -> Self {
        Self {
            parts: parts.to_vec(),
            whole,
        }
    }

    /// Class, start and width of each part that is not empty, in thousandths of the bar. A part never shrinks to nothing.
    fn segments(&self) -> Vec<(&'static str, u64, u64)> {
        let whole = self
            .whole
            .max(self.parts.iter().map(|(_, n)| n).sum())
            .max(1);
        let mut start = 0;
        let mut segments = Vec::new();
        for &(class, n) in self.parts.iter().filter(|(_, n)| *n > 0) {
            let wide = u128::from(n) * 1000 / u128::from(whole);
            let width = u64::try_from(wide).unwrap_or(1000).clamp(4, 1000);
            segments.push((class, start, width));
            start += width;
        }
        segments
    }
}

/// A command to copy.
#[derive(Template)]
#[template(
    source = r#"<div class="command"><pre tabindex="0"><code>{{ text::block(text) }}</code></pre><button type="button" class="copy" data-copy hidden>{{ words::COPY }}</button></div>"#,
    ext = "html"
)]
pub(crate) struct Command<'a> {
    text: &'a str,
}

pub(crate) fn command(text: &str) -> Command<'_> {
    Command { text }
}

/// The way through a list that is shown in parts: back to its first part where this is a later one, and on to the next.
#[derive(Template)]
#[template(path = "components/paging.html")]
pub(crate) struct Paging {
    first: Option<String>,
    next: Option<String>,
}

pub(crate) fn paging(is_continued: bool, first: String, next: Option<String>) -> Paging {
    Paging {
        first: is_continued.then_some(first),
        next,
    }
}

/// What an open verdict groups by, as a list.
#[derive(Template)]
#[template(path = "components/causes.html")]
pub(crate) struct Causes<'a> {
    causes: &'a [Cause],
}

pub(crate) fn causes(causes: &[Cause]) -> Causes<'_> {
    Causes { causes }
}

/// The error code that a cause is about, as its label spells it: what it means is a page away.
pub(crate) fn code_of(cause: &Cause) -> Option<&str> {
    spelled_in(&cause.label)
}

/// Readings that a verdict rests on, raw.
#[derive(Template)]
#[template(path = "components/evidence.html")]
pub(crate) struct EvidenceTable<'a> {
    rows: &'a [Evidence],
    chrome: &'a Chrome,
}

impl EvidenceTable<'_> {
    /// When it was read. A time that cannot be read back is left to be shown as it stands.
    fn read_at(&self, row: &Evidence) -> Option<When> {
        let time = Time::parse(&row.read_at).ok()?;
        Some(self.chrome.when(time))
    }

    /// Whether the row above was read at the same place, so that it need not be spelled out again.
    fn is_same_key(&self, place: impl Borrow<usize>) -> bool {
        let place = *place.borrow();
        let path = |place: usize| self.rows.get(place).map(|row| (&row.source, &row.path));
        place > 0 && path(place) == path(place - 1)
    }

    /// Whether the reading found nothing that could be shown as data.
    fn is_without_data(row: &Evidence) -> bool {
        matches!(row.kind.as_str(), "absent" | "not-recorded" | "unreadable")
    }
}

pub(crate) fn evidence<'a>(rows: &'a [Evidence], chrome: &'a Chrome) -> EvidenceTable<'a> {
    EvidenceTable { rows, chrome }
}

/// What was asked of a list, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilterBox {
    /// The filter as typed; empty for none.
    pub text: String,
    /// Why it was not understood, and what would be; the list then shows nothing.
    pub error: Option<String>,
    /// How many rows match.
    pub matching: u64,
    /// Each of its conditions that must all hold, with the list without it.
    pub conditions: Vec<(String, String)>,
    /// What the form says again of the list besides: its order, its columns.
    pub kept: Vec<(&'static str, String)>,
    /// Values that devices have now, offered where a condition is put together.
    pub values: Vec<String>,
    /// Whether a condition may be put together beside typing it.
    pub builds: bool,
}

impl FilterBox {
    /// The parameters of a condition that is put together: of what, how, and with which value.
    pub const WHERE: &str = "where";
    /// See [`Self::WHERE`].
    pub const HOW: &str = "how";
    /// See [`Self::WHERE`].
    pub const VALUE: &str = "value";
    /// Ways in which a condition may hold, each with its words.
    pub const WAYS: [(&str, &str); 6] = words::lists::WAYS;
    /// Of what a condition may be; the last ones on the page of an issue alone mean its finding.
    pub const FIELDS: [(&str, &str); 17] = words::lists::FIELDS;

    /// The form that asks the list of devices.
    pub(crate) fn on_devices<'a>(&'a self, action: &'a str) -> FilterForm<'a> {
        FilterForm {
            filter: self,
            action,
            on_issue: false,
        }
    }

    /// The form that asks the devices of an issue, where causes and states can be asked for, too.
    pub(crate) fn on_issue<'a>(&'a self, action: &'a str) -> FilterForm<'a> {
        FilterForm {
            filter: self,
            action,
            on_issue: true,
        }
    }
}

/// The form of a [`FilterBox`].
#[derive(Template)]
#[template(path = "components/filter.html")]
pub(crate) struct FilterForm<'a> {
    filter: &'a FilterBox,
    action: &'a str,
    on_issue: bool,
}

impl FilterForm<'_> {
    /// The list without any filter.
    fn without(&self) -> String {
        links::with_query(
            self.action.to_owned(),
            &self
                .filter
                .kept
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect::<Vec<_>>(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_leads_back_to_its_start_and_on_to_the_rest_where_there_is_any() {
        let shown = |is_continued, next: Option<&str>| {
            let paging = paging(is_continued, "/first".to_owned(), next.map(str::to_owned));
            let html = paging.render().unwrap_or_default();
            (html.contains("/first"), html.contains("/next"))
        };
        assert_eq!(shown(true, Some("/next")), (true, true));
        assert_eq!(shown(true, None), (true, false));
        assert_eq!(shown(false, Some("/next")), (false, true));
        let whole = paging(false, "/first".to_owned(), None).render();
        assert_eq!(whole.unwrap_or_default().trim(), "");
    }

    #[test]
    fn one_device_of_a_large_fleet_still_shows_in_its_bar() {
        let bar = Bar::new(100_000, &[("serious", 1), ("healthy", 99_999)]);
        assert_eq!(bar.segments(), vec![("serious", 0, 4), ("healthy", 4, 999)]);
    }

    #[test]
    fn a_bar_whose_counts_moved_between_two_queries_stays_in_its_box() {
        let bar = Bar::new(10, &[("serious", 8), ("warning", 8)]);
        assert_eq!(
            bar.segments(),
            vec![("serious", 0, 500), ("warning", 500, 500)]
        );
        assert!(Bar::new(0, &[("serious", 0)]).segments().is_empty());
    }
}
