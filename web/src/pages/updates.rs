//! `/updates`: which revisions the fleet runs of each release, a question about any update, and what the fleet has told of updates.

use askama::Template;
use sickbay_diagnosis::Time;

use crate::component::{self, Bar};
use crate::words::updates as words;
use crate::{Chrome, document, links, region, text};

/// A revision of a release.
#[derive(Debug, Clone)]
pub struct RevisionCell {
    /// `26100.4946`.
    pub revision: String,
    /// The update that brings it; empty where that is not known.
    pub kb: String,
    /// Devices that run it.
    pub devices: u64,
    /// By when it was out, as far as is known.
    pub released: Option<Time>,
}

/// A release that devices run.
#[derive(Debug, Clone)]
pub struct ReleaseRow {
    /// `Windows 11 24H2`.
    pub name: String,
    /// The devices of it, as a filter.
    pub filter: String,
    /// All of them.
    pub devices: u64,
    /// The newest revisions that devices run, newest first.
    pub newest: Vec<RevisionCell>,
    /// Devices that name a newer one, which too few do.
    pub ahead: u64,
    /// Devices with another revision.
    pub others: u64,
    /// Devices whose revision is not known.
    pub unknown: u64,
}

/// What devices told of an update.
#[derive(Debug, Clone)]
pub struct ToldRow {
    /// The update.
    pub kb: String,
    /// For what, in words.
    pub of: String,
    /// `26100.4946`.
    pub brings: String,
    /// Most devices that said so at one time.
    pub devices: u64,
    /// How many of them by its title.
    pub by_title: u64,
    /// By when enough devices had it.
    pub since: Time,
    /// What comes of it.
    pub standing: ToldStanding,
}

/// What comes of what was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldStanding {
    /// It is believed.
    Believed,
    /// A person imported it, so it is believed.
    Imported,
    /// Too few devices say so, this many more are needed.
    Needs(u64),
    /// Others say otherwise, and more of them, or too many.
    Contradicted,
}

/// `/updates`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/updates.html")]
pub struct UpdatesPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// What was asked, where it names no update.
    pub asked: String,
    /// Why it names none.
    pub error: Option<String>,
    /// Releases, most devices first.
    pub releases: Vec<ReleaseRow>,
    /// Devices that have not told their release.
    pub without_release: u64,
    /// What devices told of updates, the newest first.
    pub told: Vec<ToldRow>,
    /// How many updates the table knows.
    pub known: u64,
    /// The day up to which the table was collected.
    pub dated: String,
}

impl UpdatesPage {
    /// The newest revisions of a release, place and heading.
    const PLACES: [(usize, &str); 3] = words::PLACES;

    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    /// The devices of a release by age of their revision: the newest, the two before, older ones, unknown ones.
    fn share(row: &ReleaseRow) -> Bar {
        let newest = row.newest.first().map_or(0, |cell| cell.devices);
        let later = row.newest.iter().skip(1).map(|cell| cell.devices).sum();
        Bar::new(
            row.devices,
            &[
                ("healthy", newest),
                ("warning", later),
                ("serious", row.others),
                ("accent", row.ahead),
                ("unknown", row.unknown),
            ],
        )
    }
}
