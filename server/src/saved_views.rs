//! Saving a list as a view: what of it is checked.

use sickbay_diagnosis::issues;
use sickbay_store::{MAX_VIEWS, ViewRow, ViewSaved};
use sickbay_web::links;
use uuid::Uuid;

use crate::access::Viewer;
use crate::app::App;
use crate::export::devices::DeviceList;
use crate::problem::Problem;

/// Most characters of a name.
pub const NAME_CHARS: usize = 80;

/// A view as somebody wants it kept.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// The id of an issue, or `devices`.
    pub list: String,
    /// The filter as written.
    pub filter: String,
    /// By what it is ordered.
    pub sort: String,
    /// Columns with commas.
    pub columns: String,
    /// Whether everybody is offered it.
    pub shared: bool,
}

/// Keeps it in the place of the viewer's other one of that name.
///
/// # Errors
/// Says what of it cannot be.
pub async fn save(app: &App, viewer: &Viewer, wanted: Wanted) -> Result<ViewRow, Problem> {
    let name = wanted.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!(
            "A view needs a name of at most {NAME_CHARS} characters."
        )));
    }
    let issue = match wanted.list.as_str() {
        links::ALL_DEVICES => None,
        id => Some(issues::get(id).ok_or_else(|| {
            Problem::bad_request(format!(
                "{id:?} is no list: `devices`, or the id of an issue."
            ))
        })?),
    };
    let list = DeviceList::read(issue, Some(&wanted.filter), Some(&wanted.sort))?;
    if !wanted.columns.is_empty() {
        list.columns(Some(&wanted.columns))?;
    }
    let view = ViewRow {
        id: Uuid::now_v7(),
        owner: viewer.id.to_string(),
        owner_name: viewer.name.clone(),
        name: name.to_owned(),
        list: wanted.list,
        filter: list.said().to_owned(),
        columns: wanted.columns,
        sort: wanted.sort,
        shared: wanted.shared,
        saved_at: app.clock.now(),
    };
    match app.store.save_view(view.clone()).await? {
        ViewSaved::Saved => Ok(view),
        ViewSaved::TooMany => Err(Problem::bad_request(format!(
            "You have {MAX_VIEWS} views already; remove one first."
        ))),
    }
}
