//! One text, and everything that it finds: devices, updates, error codes, safeguard holds, builds, issues, causes, groups, pages.
//!
//! [`asked`] says what a text could be, [`search`] looks what of that is there. Whoever asks sees of the fleet what their scope shows, and
//! of the pages those that they may open. Host names, groups and causes come from the index of the fleet in one pass; knowledge is in
//! memory, too. So an answer costs a few milliseconds, whatever the size of the fleet.
//!
//! What it leaves out: it does not guess at misspelled words, and it does not look into readings, summaries or the record.

pub mod asked;
mod fleet;
mod known;
mod pages;

use sickbay_diagnosis::filter::{Filter, Pattern, Test, TextField};
use sickbay_store::{Sought, StoreError};
use sickbay_web::links;

use self::asked::Asked;
use crate::access::Viewer;
use crate::app::App;
use crate::rules::Rules;

/// Hits of a kind beside each other, where the caller does not say.
pub const SHOWN: usize = 8;
/// Hits of one kind, where that is asked for alone; and the most that a caller may ask for.
pub const SHOWN_ALONE: usize = 200;
/// The issue whose causes begin with the id of a safeguard hold.
const OF_HOLDS: &str = "safeguard-hold";

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal,)*) => {
        /// What a hit is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// Every kind, in the order in which hits are told.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Its name in addresses and in the API.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// The text is a condition.
    Filter "filter",
    /// An active device.
    Device "device",
    /// An update.
    Update "update",
    /// An error code.
    ErrorCode "error-code",
    /// A safeguard hold.
    Hold "safeguard-hold",
    /// A build of Windows.
    Build "build",
    /// An issue.
    Issue "issue",
    /// A cause that devices have right now.
    Cause "cause",
    /// Devices that share a release, an OU, a site, a tag or a domain.
    Group "group",
    /// A device that is not active, or a machine of the imported list.
    Other "other-device",
    /// A page.
    Page "page",
}

impl Kind {
    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What the API calls it by.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Why it was found, in a line.
    pub why: String,
    /// Its page.
    pub href: String,
    /// How many devices it is of, where it is of any.
    pub devices: Option<u64>,
    /// Whether the text names just this.
    is_named: bool,
}

/// The hits of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Which.
    pub kind: Kind,
    /// The closest of them.
    pub hits: Vec<Hit>,
    /// How many there are.
    pub total: u64,
    /// Where all of them are listed.
    pub all: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// By kind, in the order of [`Kind::ALL`]; kinds without a hit are not there.
    pub sections: Vec<Section>,
    /// Why a text that names fields is no filter.
    pub trouble: Option<String>,
}

impl Found {
    /// The one thing that the text names: a device, an update or an error code. `None` where it names nothing, or more than one, or could
    /// be a build as well.
    pub fn straight_to(&self) -> Option<(Kind, &Hit)> {
        if self
            .sections
            .iter()
            .any(|section| section.kind == Kind::Build)
        {
            return None;
        }
        let mut named = self.sections.iter().flat_map(|section| {
            let hits = section.hits.iter().filter(|hit| hit.is_named);
            hits.map(move |hit| (section.kind, hit))
        });
        let first = named.next();
        first.filter(|_| named.next().is_none())
    }

    /// How many hits are shown.
    pub fn shown(&self) -> usize {
        self.sections.iter().map(|section| section.hits.len()).sum()
    }
}

/// What is looked for, and by whom.
struct Search<'a> {
    app: &'a App,
    rules: &'a Rules,
    viewer: &'a Viewer,
    asked: &'a Asked<'a>,
    /// Hits of a kind at most.
    limit: usize,
}

/// Looks for a text: hits of every kind, or of one alone; of each kind so many at most.
///
/// # Errors
/// Where the database does not answer.
pub async fn search(
    app: &App,
    viewer: &Viewer,
    asked: &Asked<'_>,
    only: Option<Kind>,
    limit: usize,
) -> Result<Found, StoreError> {
    let rules = app.rules.get();
    let search = Search {
        app,
        rules: &rules,
        viewer,
        asked,
        limit,
    };
    let store = app.store.as_ref();
    let scope = &viewer.scope;
    let holds = search.holds();
    let sought = Sought {
        name: asked.text.to_owned(),
        label: asked.host.map(|host| host.label.to_owned()),
        words: asked.words.clone(),
        beginnings: Some((OF_HOLDS, holds.iter().map(known::cause_of).collect())),
        // Two of the same name are no longer one that the text names.
        limit: limit.max(2),
    };
    let fleet = store.search(scope, &sought).await?;
    let issues = store.issue_counts(scope).await?;

    let (devices, others) = search.devices(&fleet).await?;
    let mut sections = vec![
        search.filter().await?,
        devices,
        search.updates(),
        search.error_codes(),
        search.holds_found(&holds, &fleet.counted.of_beginnings),
        search.build().await?,
        search.issues(&issues),
        search.causes(&fleet.counted.causes),
        search.groups(&fleet.counted.groups),
        others,
        search.pages(),
    ];
    sections
        .retain(|section| !section.hits.is_empty() && only.is_none_or(|kind| kind == section.kind));
    let trouble = asked
        .filter
        .as_ref()
        .and_then(|filter| filter.clone().err());
    Ok(Found { sections, trouble })
}

impl Search<'_> {
    /// A section of the first of many hits, which are listed by themselves at `all`.
    fn section(&self, kind: Kind, mut hits: Vec<Hit>, total: u64, all: Option<String>) -> Section {
        hits.truncate(self.limit);
        Section {
            kind,
            total: total.max(hits.len() as u64),
            hits,
            all: all.unwrap_or_else(|| links::search_of(self.asked.text, kind.name())),
        }
    }

    /// The same of all hits that there are.
    fn whole(&self, kind: Kind, hits: Vec<Hit>) -> Section {
        let total = hits.len() as u64;
        self.section(kind, hits, total, None)
    }
}

/// The list of devices that have just this text.
fn devices_with(field: TextField, text: &str) -> String {
    let filter = Filter::Is(Test::Text(field, Pattern::new(text)));
    links::devices(&filter.to_string())
}

/// Whether all words stand in a text, in whatever case.
fn has_all(text: &str, words: &[String]) -> bool {
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

#[cfg(test)]
mod tests;
