//! `GET search`: everything that one text finds.

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::Viewer;
use crate::app::App;
use crate::problem::Problem;
use crate::search::asked::Asked;
use crate::search::{self, Found, Hit, Kind, SHOWN, SHOWN_ALONE};

/// What is looked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// A part of a host name, a device's id, a KB or the name of a package, an error code in any written form, a safeguard hold's id, a
    /// build or release, words of an issue, a cause, an OU, a site, a tag, or a condition in the filter language; at most 500 characters.
    #[param(example = "KB5043080", max_length = 500)]
    pub q: Option<String>,
    /// Hits of a kind at most, 1 to 200; 8 unless said.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// One kind alone: `filter`, `device`, `update`, `error-code`, `safeguard-hold`, `build`, `issue`, `cause`, `group`, `other-device` or
    /// `page`.
    #[param(example = "device")]
    pub kind: Option<String>,
}

/// Something that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct HitView {
    /// What it is: as `kind` of the question.
    #[schema(example = "update")]
    pub kind: &'static str,
    /// What the API calls it by: a device's or an issue's id, a KB, an error code, a hold's id, a cause's key; of a group the condition
    /// for which it stands, of a page its address.
    #[schema(example = "KB5043080")]
    pub id: String,
    /// What people call it.
    #[schema(example = "KB5043080")]
    pub title: String,
    /// Why it was found, in a line.
    #[schema(example = "An update for Windows 11 24H2")]
    pub why: String,
    /// The address of its page.
    #[schema(example = "/updates/KB5043080")]
    pub href: String,
    /// How many devices it is of, in the caller's scope; null where it is of none.
    pub devices: Option<u64>,
}

/// The hits of a kind.
#[derive(Debug, Serialize, ToSchema)]
pub struct HitsView {
    /// Which kind.
    #[schema(example = "update")]
    pub kind: &'static str,
    /// The closest of them, at most `limit`.
    pub items: Vec<HitView>,
    /// How many there are.
    pub total: u64,
    /// The address of the page that lists all of them.
    pub all: String,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundView {
    /// By kind; kinds without a hit are not there.
    pub kinds: Vec<HitsView>,
    /// The one device, update or error code that the text names, to whose page the search box goes; null where it names none, or more.
    pub names: Option<HitView>,
    /// Why a text that names fields of devices is no filter; null where it is one, or names none.
    pub not_a_filter: Option<String>,
}

impl HitView {
    fn of(kind: Kind, hit: &Hit) -> Self {
        Self {
            kind: kind.name(),
            id: hit.id.clone(),
            title: hit.title.clone(),
            why: hit.why.clone(),
            href: hit.href.clone(),
            devices: hit.devices,
        }
    }
}

impl From<&Found> for FoundView {
    fn from(found: &Found) -> Self {
        let kinds = found.sections.iter().map(|section| HitsView {
            kind: section.kind.name(),
            items: section
                .hits
                .iter()
                .map(|hit| HitView::of(section.kind, hit))
                .collect(),
            total: section.total,
            all: section.all.clone(),
        });
        let names = found.straight_to();
        Self {
            kinds: kinds.collect(),
            names: names.map(|(kind, hit)| HitView::of(kind, hit)),
            not_a_filter: found.trouble.clone(),
        }
    }
}

impl SearchQuery {
    /// The kind that is asked for alone.
    pub fn kind(&self) -> Result<Option<Kind>, Problem> {
        let Some(name) = self.kind.as_deref().filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let kind = Kind::named(name);
        kind.map(Some).ok_or_else(|| {
            let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            Problem::bad_request(format!("`kind` is one of {}.", names.join(", ")))
        })
    }

    fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(SHOWN);
        if (1..=SHOWN_ALONE).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::bad_request(format!(
            "`limit` is from 1 to {SHOWN_ALONE}."
        )))
    }
}

/// Everything that a text finds, by kind: devices, updates, error codes, safeguard holds, builds, issues, causes, groups of devices and
/// pages, as far as the caller may see them.
#[utoipa::path(get, path = "/search", operation_id = "search", tag = "search", params(SearchQuery), responses(
    (status = 200, body = FoundView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn search(
    State(app): State<App>,
    viewer: Viewer,
    Query(query): Query<SearchQuery>,
) -> Result<Json<FoundView>, Problem> {
    let (kind, limit) = (query.kind()?, query.limit()?);
    let Some(asked) = Asked::read(query.q.as_deref().unwrap_or_default())? else {
        return Ok(Json(FoundView::from(&Found::default())));
    };
    let found = search::search(&app, &viewer, &asked, kind, limit).await?;
    Ok(Json(FoundView::from(&found)))
}
