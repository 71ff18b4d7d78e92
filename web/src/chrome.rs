//! What surrounds every page: title, navigation, sign-out, and the moment for which it is shown.

use std::borrow::Borrow;

use sickbay_diagnosis::Time;

use crate::component::When;
use crate::pages::expectations_form::FormOf;
use crate::words::{LANGUAGE, chrome as words};
use crate::{Zone, asset, links, moment, text};

/// An entry of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nav {
    /// `/`
    Overview,
    /// `/issues`
    Issues,
    /// `/devices`
    Devices,
    /// `/updates`
    Updates,
    /// `/enrolment`
    Enrolment,
    /// `/error-codes`
    ErrorCodes,
    /// `/people`
    People,
    /// `/audit`
    Audit,
    /// `/settings`
    Settings,
}

impl Nav {
    /// Every entry, in order.
    pub const ALL: [Self; 9] = [
        Self::Overview,
        Self::Issues,
        Self::Devices,
        Self::Updates,
        Self::Enrolment,
        Self::ErrorCodes,
        Self::People,
        Self::Audit,
        Self::Settings,
    ];

    const fn label(self) -> &'static str {
        words::nav(self)
    }

    const fn href(self) -> &'static str {
        match self {
            Self::Overview => links::OVERVIEW,
            Self::Issues => links::ISSUES,
            Self::Devices => links::DEVICES,
            Self::Updates => links::UPDATES,
            Self::Enrolment => links::ENROLMENT,
            Self::ErrorCodes => links::ERROR_CODES,
            Self::People => links::PEOPLE,
            Self::Audit => links::AUDIT,
            Self::Settings => links::SETTINGS,
        }
    }
}

/// What a page is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Title {
    /// As the navigation calls it.
    Nav(Nav),
    /// `/account`
    Account,
    /// `/api`
    Api,
    /// `/enrolment/ca`
    CertificateAuthority,
    /// `/expectations`
    Expectations,
    /// The form of the expectations of a scope, or of the whole fleet.
    ExpectationsOf(FormOf),
    /// What would come of other expectations.
    Preview,
    /// The form that accepts an issue.
    Accept,
    /// `/exports`
    Exports,
    /// `/search`
    Search,
    /// Where whoever is not signed in may do so.
    SignIn,
    /// An update on a device.
    UpdateOn {
        /// The update's number.
        kb: String,
        /// The device's name.
        device: String,
    },
    /// As what it is about is called: a device, an update, an issue, what went wrong.
    Named(String),
}

impl From<Nav> for Title {
    fn from(entry: Nav) -> Self {
        Self::Nav(entry)
    }
}

impl From<String> for Title {
    fn from(name: String) -> Self {
        Self::Named(name)
    }
}

impl From<&str> for Title {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system asks.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The cookie in which the page's switch keeps the choice. Given back in [`Chrome::theme`], the page has its colours from the
    /// first moment; without, the script sets them a little later.
    pub const COOKIE: &str = "sickbay-theme";

    /// From the value of the cookie; anything unknown means [`Theme::System`].
    pub fn from_cookie(value: &str) -> Self {
        match value {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    const fn attribute(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Somebody who is signed in, as far as pages differ by it. What somebody may do is decided elsewhere; this only spares them dead ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignedIn {
    /// Who it is.
    pub name: String,
    /// Whether they may act on devices.
    pub is_operator: bool,
    /// Whether they see every device.
    pub sees_all: bool,
    /// Whether they decide for the whole fleet.
    pub is_admin: bool,
    /// Whether they came with a session, and not with an API token.
    pub has_account: bool,
}

impl SignedIn {
    /// Somebody who may do everything.
    pub fn administrator(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            is_operator: true,
            sees_all: true,
            is_admin: true,
            has_account: true,
        }
    }

    const fn may_open(&self, nav: Nav) -> bool {
        match nav {
            Nav::Overview | Nav::Issues | Nav::Devices | Nav::Updates | Nav::ErrorCodes => true,
            Nav::Enrolment => self.is_operator && self.sees_all,
            Nav::Settings => self.sees_all,
            Nav::People | Nav::Audit => self.is_admin,
        }
    }
}

/// What surrounds a page.
#[derive(Debug, Clone)]
pub struct Chrome {
    /// The page's title, without the product's name.
    pub title: Title,
    /// Which entry of the navigation it belongs to.
    pub active: Option<Nav>,
    /// The moment for which the page is shown: times are told from here.
    pub now: Time,
    /// The zone in which exact times are told.
    pub zone: Zone,
    /// The session's token against forged forms; empty where nobody is signed in.
    pub csrf: String,
    /// Who is signed in. Without, there is no navigation.
    pub signed_in: Option<SignedIn>,
    /// Version of the server.
    pub version: String,
    /// Whether the page may listen to [`links::EVENTS`].
    pub live: bool,
    /// Light or dark.
    pub theme: Theme,
    /// Devices that wait for approval, shown beside the navigation's entry.
    pub pending: u64,
}

impl Chrome {
    pub(crate) fn nav(&self) -> impl Iterator<Item = NavEntry> + '_ {
        let signed_in = self.signed_in.as_ref();
        let open = Nav::ALL
            .into_iter()
            .filter(move |nav| signed_in.is_some_and(|one| one.may_open(*nav)));
        open.map(|nav| NavEntry {
            label: nav.label(),
            href: nav.href(),
            current: self.active == Some(nav),
            waiting: if nav == Nav::Enrolment {
                self.pending
            } else {
                0
            },
        })
    }

    pub(crate) const fn is_signed_in(&self) -> bool {
        self.signed_in.is_some()
    }

    pub(crate) fn when(&self, time: impl Borrow<Time>) -> When {
        When {
            time: *time.borrow(),
            now: self.now,
            zone: self.zone.clone(),
        }
    }

    /// The moment for which the page is shown, by the clock of the zone alone: its name stands beside.
    pub(crate) fn shown_at(&self) -> String {
        let clock = self.zone.clock(self.now).filter(|_| !self.zone.is_utc());
        clock.unwrap_or_else(|| moment::absolute(self.now, &Zone::UTC))
    }

    pub(crate) const fn language() -> &'static str {
        LANGUAGE
    }

    pub(crate) fn theme_attribute(&self) -> &'static str {
        self.theme.attribute()
    }

    pub(crate) fn shown_title(&self) -> String {
        text::line(&words::title(&self.title)).into_owned()
    }

    pub(crate) fn shown_version(&self) -> String {
        text::line(&self.version).into_owned()
    }

    pub(crate) fn style() -> String {
        asset::href("sickbay.css")
    }

    pub(crate) fn logo() -> String {
        asset::href("logo.svg")
    }

    pub(crate) fn icon() -> String {
        asset::href("favicon.svg")
    }

    pub(crate) fn script() -> Option<String> {
        asset::script()
    }
}

/// An entry of the navigation as a page shows it.
pub(crate) struct NavEntry {
    pub(crate) label: &'static str,
    pub(crate) href: &'static str,
    pub(crate) current: bool,
    pub(crate) waiting: u64,
}
