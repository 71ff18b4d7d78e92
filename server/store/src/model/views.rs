//! Lists as people left them.

use sickbay_diagnosis::Time;
use uuid::Uuid;

/// Most views of one person.
pub const MAX_VIEWS: usize = 100;

/// A list with what it filters, orders and shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRow {
    /// Its id.
    pub id: Uuid,
    /// Whose it is: a person's id, which no page shows.
    pub owner: String,
    /// What its owner was called when it was saved.
    pub owner_name: String,
    /// Its name; one of a kind among its owner's.
    pub name: String,
    /// The id of an issue, or `devices`.
    pub list: String,
    /// The filter as written; empty for none.
    pub filter: String,
    /// Columns with commas; empty for the usual ones.
    pub columns: String,
    /// By what it is ordered; empty for the usual order.
    pub sort: String,
    /// Whether everybody who signs in is offered it. It shows nobody a device that they may not see.
    pub shared: bool,
    /// When it was saved.
    pub saved_at: Time,
}

/// What came of saving a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewSaved {
    /// It is kept, in the place of its owner's other one of that name.
    Saved,
    /// Its owner has [`MAX_VIEWS`] already.
    TooMany,
}
