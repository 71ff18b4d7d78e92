//! `GET views`, `POST views` and `DELETE views/{id}`: lists as people left them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use sickbay_store::{Role, ViewRow};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Viewer;
use crate::api::csrf;
use crate::app::App;
use crate::problem::Problem;
use crate::saved_views::{self, Wanted};

/// A list with its filter, order and columns, under a name.
#[derive(Debug, Serialize, ToSchema)]
pub struct SavedView {
    /// Its id.
    pub id: String,
    /// Its name; one of a kind among its owner's.
    #[schema(example = "Berlin, held back")]
    pub name: String,
    /// The id of an issue, or `devices`.
    #[schema(example = "safeguard-hold")]
    pub list: String,
    /// Condition in the filter language; empty for none.
    #[schema(example = "ou:*Berlin*")]
    pub filter: String,
    /// The column that orders it; empty for the usual order.
    #[schema(example = "-build")]
    pub sort: String,
    /// Columns with commas; empty for the usual ones.
    pub columns: String,
    /// Whether everybody is offered it.
    pub shared: bool,
    /// What its owner was called when it was saved.
    pub owner: String,
    /// When it was saved, RFC 3339.
    pub saved_at: String,
}

impl From<ViewRow> for SavedView {
    fn from(row: ViewRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            list: row.list,
            filter: row.filter,
            sort: row.sort,
            columns: row.columns,
            shared: row.shared,
            owner: row.owner_name,
            saved_at: row.saved_at.to_string(),
        }
    }
}

/// A view to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewRequest {
    /// Its name, at most 80 characters.
    #[schema(example = "Berlin, held back")]
    pub name: String,
    /// The id of an issue, or `devices`.
    #[schema(example = "safeguard-hold")]
    pub list: String,
    /// Condition in the filter language.
    #[serde(default)]
    pub filter: String,
    /// The column that orders it.
    #[serde(default)]
    pub sort: String,
    /// Columns with commas.
    #[serde(default)]
    pub columns: String,
    /// Whether everybody is offered it. It shows nobody a device that they may not see.
    #[serde(default)]
    pub shared: bool,
}

/// Views that you are offered: your own, and those of others that are for everybody.
#[utoipa::path(get, path = "/views", operation_id = "list_views", tag = "views", responses(
    (status = 200, body = Vec<SavedView>),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn list(State(app): State<App>, viewer: Viewer) -> Result<Json<Vec<SavedView>>, Problem> {
    let views = app.store.views(&viewer.id.to_string()).await?;
    Ok(Json(views.into_iter().map(SavedView::from).collect()))
}

/// Keeps a view in the place of your other one of that name.
#[utoipa::path(post, path = "/views", operation_id = "save_view", tag = "views", request_body = ViewRequest, responses(
    (status = 201, body = SavedView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn save(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Json(request): Json<ViewRequest>,
) -> Result<(StatusCode, Json<SavedView>), Problem> {
    viewer.may_change(csrf(&headers))?;
    let wanted = Wanted {
        name: request.name,
        list: request.list,
        filter: request.filter,
        sort: request.sort,
        columns: request.columns,
        shared: request.shared,
    };
    let view = saved_views::save(&app, &viewer, wanted).await?;
    Ok((StatusCode::CREATED, Json(view.into())))
}

/// Removes a view of yours; an administrator also one that is for everybody.
#[utoipa::path(delete, path = "/views/{id}", operation_id = "remove_view", tag = "views", params(("id" = String, Path)), responses(
    (status = 204, description = "It is gone"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")
))]
pub async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    viewer.may_change(csrf(&headers))?;
    let missing = || Problem::not_found(format!("There is no view {id:?} of yours."));
    let id: Uuid = id.parse().map_err(|_| missing())?;
    let owner = viewer.id.to_string();
    let also_shared = viewer.is(Role::Admin);
    if app.store.remove_view(id, &owner, also_shared).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(missing())
    }
}
