//! `POST /views` and `POST /views/remove`.

use axum::Form;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_store::Role;
use sickbay_web::links::{self, List};
use uuid::Uuid;

use super::{PageError, Visit};
use crate::saved_views::{self, Wanted};

#[derive(Debug, Deserialize)]
pub(super) struct SaveForm {
    csrf: String,
    list: String,
    name: String,
    #[serde(default)]
    filter: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    columns: String,
    #[serde(default)]
    shared: String,
}

pub(super) async fn save(visit: Visit, Form(form): Form<SaveForm>) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let wanted = Wanted {
        name: form.name,
        list: form.list,
        filter: form.filter,
        sort: form.sort,
        columns: form.columns,
        shared: form.shared == "yes",
    };
    let view = visit.told(saved_views::save(&visit.app, &visit.viewer, wanted).await)?;
    let list = List {
        list: view.list,
        filter: view.filter,
        sort: view.sort,
        columns: view.columns,
        cursor: String::new(),
    };
    Ok(Redirect::to(&list.href()).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct RemoveForm {
    csrf: String,
    id: Uuid,
    #[serde(default)]
    list: String,
}

pub(super) async fn remove(
    visit: Visit,
    Form(form): Form<RemoveForm>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let owner = visit.viewer.id.to_string();
    let also_shared = visit.viewer.is(Role::Admin);
    let removed = visit.app.store.remove_view(form.id, &owner, also_shared);
    // Gone already is as good.
    visit.told(removed.await)?;
    let to = if form.list.is_empty() {
        links::OVERVIEW.to_owned()
    } else {
        let list = List {
            list: form.list,
            ..List::default()
        };
        list.page()
    };
    Ok(Redirect::to(&to).into_response())
}
