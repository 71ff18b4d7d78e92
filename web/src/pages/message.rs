//! A page that says what went wrong, or what is not there, and what to do about it.

use askama::Template;

use crate::component;
use crate::words::message as words;
use crate::{Chrome, document, links, text};

/// Why somebody is shown no page, or a form did nothing, where the API has no such question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The address is that of no page.
    NoSuchPage,
    /// There is no such device, or it is outside the scope.
    NoSuchDevice,
    /// The same, of an id that a person may have typed.
    NoDeviceOfId {
        /// As typed.
        id: String,
    },
    /// A device of a choice cannot be seen, so nobody was asked to look again.
    ChosenIsGone {
        /// Its id.
        id: String,
    },
    /// A session that is not one's own, or has ended.
    NotYourSession,
    /// A session that is nobody's.
    NoSuchSession,
    /// No account of this server's own has this id.
    NoSuchLocalAccount,
    /// No account has this id.
    NoSuchAccount,
    /// No API token has this id.
    NoSuchApiToken,
    /// No scope of expectations stands at this place.
    NoSuchScope,
    /// No acceptance of this id holds.
    NoSuchAcceptance,
    /// The account's password is kept elsewhere.
    NoPasswordHere,
    /// A rotation of the CA has no such step.
    NoSuchStep,
    /// The form does not say when its page was made.
    NoTimeOfPage,
    /// Expectations are not changed in this way.
    NoSuchChange,
    /// What should be kept are no expectations.
    NoExpectations,
    /// No list is exported in this form.
    NoFormat,
    /// Something is accepted that is no issue.
    NoIssue,
    /// Nothing is done with chosen devices in this way.
    NoDeed,
    /// No device was chosen.
    NothingChosen,
    /// More devices were chosen than a page shows.
    TooManyChosen {
        /// Most of them.
        most: usize,
    },
    /// The list has no such column.
    NoSuchColumn {
        /// As asked for.
        name: String,
        /// Those that it has.
        offered: Vec<&'static str>,
    },
    /// A number can only be compared.
    NumberCompared {
        /// The field.
        field: String,
    },
    /// A number is compared with none.
    NotANumber {
        /// The field.
        field: String,
        /// As typed.
        value: String,
    },
    /// A text cannot be more or less.
    TextCompared {
        /// The field.
        field: String,
    },
    /// Findings have no such state.
    NoSuchState,
    /// Devices have no such field.
    NoSuchField {
        /// As asked for.
        field: String,
    },
    /// Expectations were changed by somebody else since they were shown.
    ChangedMeanwhile,
    /// A step of a rotation has to wait.
    StepNotNow {
        /// For what.
        why: String,
    },
    /// The CA's files or key cannot be used.
    CaBroken,
}

/// Of what kind a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// There is no such thing.
    NotFound,
    /// What was sent cannot be understood.
    NotUnderstood,
    /// Not as things are now.
    NotNow,
    /// It is the server that fails.
    Fault,
}

impl Refusal {
    /// Of what kind it is.
    pub const fn standing(&self) -> Standing {
        match self {
            Self::NoSuchPage
            | Self::NoSuchDevice
            | Self::NoDeviceOfId { .. }
            | Self::ChosenIsGone { .. }
            | Self::NotYourSession
            | Self::NoSuchSession
            | Self::NoSuchLocalAccount
            | Self::NoSuchAccount
            | Self::NoSuchApiToken
            | Self::NoSuchScope
            | Self::NoSuchAcceptance => Standing::NotFound,
            Self::ChangedMeanwhile | Self::StepNotNow { .. } => Standing::NotNow,
            Self::CaBroken => Standing::Fault,
            _ => Standing::NotUnderstood,
        }
    }

    /// What is so, in a few words.
    pub const fn heading(&self) -> &'static str {
        words::heading(self)
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        words::advice(self)
    }
}

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/message.html")]
pub struct MessagePage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The HTTP status that goes with it.
    pub status: u16,
    /// What is so, in a few words.
    pub heading: String,
    /// What to do about it.
    pub advice: String,
}

impl MessagePage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }
}
