//! `GET updates`, `GET updates/{kb}` and the devices of its classes.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sickbay_diagnosis::explanation::{Aim, Brings, Class, Origin, Question, WayOut};
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_diagnosis::reading::Evidence;
use sickbay_store::Scope;
use utoipa::{IntoParams, ToSchema};

use crate::access::Viewer;
use crate::api::devices::device_id;
use crate::api::exports::ExportedDevice;
use crate::api::{DEFAULT_LIMIT, ListQuery, Listed, cursor_to_text};
use crate::app::App;
use crate::audit;
use crate::export::{self, Cell, Column, Columns, Exported, Format, columns};
use crate::problem::Problem;
use crate::rules::Rules;
use crate::updates::{self, Explained, OfDevice, Tally};

/// Where the fleet stands, release by release, and what it has learned.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdatesView {
    /// The releases that devices run, most devices first.
    pub releases: Vec<ReleaseView>,
    /// Devices that have not told their release.
    pub without_release: u64,
    /// What devices have told of updates, and what was imported.
    pub learned: Vec<LearnedView>,
}

/// A release with its newest revisions.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseView {
    /// `Windows 11 24H2`.
    pub release: String,
    /// `client` or `server`.
    pub kind: &'static str,
    /// Build number.
    pub build: u32,
    /// All devices of it.
    pub devices: u64,
    /// The three newest revisions, newest first: those of which the update is known, or that five devices run.
    pub newest: Vec<RevisionView>,
    /// Devices that name a newer one, which too few do.
    pub ahead: u64,
    /// Devices with another revision.
    pub others: u64,
    /// Devices whose revision is not known.
    pub unknown: u64,
}

/// A revision of a release.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionView {
    /// `26100.4946`.
    pub revision: String,
    /// The update that brings it; null where that is not known (yet).
    #[schema(example = "KB5063878")]
    pub kb: Option<String>,
    /// Devices that run it.
    pub devices: u64,
}

/// What devices told of an update.
#[derive(Debug, Serialize, ToSchema)]
pub struct LearnedView {
    /// The update.
    #[schema(example = "KB5063878")]
    pub kb: String,
    /// `client` or `server`.
    pub kind: &'static str,
    /// The build in the names of the family's packages.
    pub package_build: u32,
    /// The revision that it brings, as they say.
    pub revision: u32,
    /// Most devices that said so at one time.
    pub devices: u64,
    /// How many of them by the update's title.
    pub by_title: u64,
    /// By when five devices had it, RFC 3339.
    pub since: String,
    /// When the server learned it, RFC 3339; null while too few devices say so.
    pub learned_at: Option<String>,
    /// Whether a person imported it.
    pub imported: bool,
    /// Whether it is believed: by enough devices, and not contradicted.
    pub believed: bool,
}

/// How the fleet stands with an update.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateView {
    /// The update.
    #[schema(example = "KB5063878")]
    pub kb: String,
    /// The package that was asked for, where a file was named; its beginning, without the hash.
    pub file: Option<String>,
    /// What it is for, in words; empty where that is not known.
    pub is_for: String,
    /// What it brings to which devices; empty where that is not known.
    pub brings: Vec<BringsView>,
    /// The vendor's catalogue, asked for it.
    pub catalogue: String,
    /// All devices that match the filter; the classes add up to them.
    pub devices: u64,
    /// Every class with its devices, in the order in which they are asked.
    pub classes: Vec<ClassView>,
}

/// What an update brings to a family of builds.
#[derive(Debug, Serialize, ToSchema)]
pub struct BringsView {
    /// `client` or `server`; null for both.
    pub kind: Option<&'static str>,
    /// The build in the names of the family's packages.
    pub package_build: u32,
    /// The revision that it brings; null for an enablement package.
    pub revision: Option<u32>,
    /// The build that an enablement package makes of a device.
    pub enables_build: Option<u32>,
    /// Of a hotpatch: the revision of the cumulative update whose content it has.
    pub covers_revision: Option<u32>,
    /// By when it was out, RFC 3339; null where not known.
    pub released: Option<String>,
    /// `table`, `imported` or `fleet`.
    pub told_by: &'static str,
    /// How many devices told of it, where the fleet did.
    pub told_by_devices: Option<u64>,
}

/// A class with its devices.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassView {
    /// Public word.
    #[schema(example = "not-scanned-since")]
    pub class: &'static str,
    /// For people.
    pub title: &'static str,
    /// Devices in it.
    pub devices: u64,
}

/// A device, and where it stands with the update.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainedView {
    /// Its id.
    pub id: String,
    /// Host name.
    pub name: String,
    /// DNS domain.
    pub domain: String,
    /// Distinguished name of the OU.
    pub ou: String,
    /// `Windows 11 24H2`.
    pub release: String,
    /// Build number.
    pub build: Option<u32>,
    /// Update build revision.
    pub ubr: Option<u32>,
    /// Its class.
    pub class: &'static str,
    /// Why, in one sentence.
    pub why: String,
    /// What would decide if that were not so.
    pub rest: Vec<String>,
}

/// A reason with the readings that show it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonView {
    /// The class that it makes.
    pub class: &'static str,
    /// In one sentence.
    pub why: String,
    /// The readings.
    #[schema(value_type = Vec<Object>)]
    pub evidence: Vec<Evidence>,
}

/// Why an update is, or is not, on one device.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceUpdateView {
    /// The update.
    pub kb: String,
    /// The device's id.
    pub id: String,
    /// Host name.
    pub name: String,
    /// Its one class.
    pub class: &'static str,
    /// What decides.
    pub decisive: ReasonView,
    /// What would decide if that were not so, in order.
    pub rest: Vec<ReasonView>,
    /// Id of the issue that most likely keeps updates away in general; null where nothing is open.
    pub primary_issue: Option<String>,
    /// What to do by hand; null where the device has the update, or it is for others.
    pub way_out: Option<WayOutView>,
}

/// What to do by hand.
#[derive(Debug, Serialize, ToSchema)]
pub struct WayOutView {
    /// The vendor's catalogue, asked for the update.
    pub catalogue: String,
    /// How the name of the right file begins.
    pub file: Option<String>,
    /// What to do, in order.
    pub steps: Vec<StepView>,
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepView {
    /// What to do.
    pub text: String,
    /// The command, where there is one.
    pub command: Option<String>,
}

/// Which devices of an update are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ClassQuery {
    /// One class alone, for example `paused`.
    #[param(example = "paused")]
    pub class: Option<String>,
}

impl ClassQuery {
    /// The class.
    pub fn class(&self) -> Result<Option<Class>, Problem> {
        let Some(name) = self.class.as_deref().filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        Class::named(name).map(Some).ok_or_else(|| {
            let names: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
            Problem::bad_request(format!(
                "There is no class {name:?}; known ones: {}.",
                names.join(", ")
            ))
        })
    }
}

/// What is asked, or a problem that says what is wrong with it.
pub fn asked<'a>(rules: &'a Rules, text: &str) -> Result<Question<'a>, Problem> {
    updates::question(rules, text)
        .map_err(|error| Problem::not_found(format!("{text:?} is no update: {error}.")))
}

/// Where the fleet stands with updates, and what it has learned of them.
#[utoipa::path(get, path = "/updates", operation_id = "list_updates", tag = "updates", responses(
    (status = 200, body = UpdatesView),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn list(State(app): State<App>, viewer: Viewer) -> Result<Json<UpdatesView>, Problem> {
    let rules = app.rules.get();
    let counts = app.store.revision_counts(&viewer.scope).await?;
    let releases = updates::releases(&counts, &rules);
    let active = app.store.fleet_counts(&viewer.scope).await?.active();
    let told: u64 = releases.iter().map(|release| release.devices).sum();
    Ok(Json(UpdatesView {
        without_release: active.saturating_sub(told),
        releases: releases.into_iter().map(ReleaseView::from).collect(),
        learned: updates::all_told(&rules.fleet.updates, &viewer.scope)
            .into_iter()
            .map(|(told, update, believed)| LearnedView {
                kb: told.kb.to_string(),
                kind: told.kind.name(),
                package_build: told.package_build,
                revision: update.revision,
                devices: update.devices,
                by_title: update.by_title,
                since: update.since.to_string(),
                learned_at: update.kept_at.map(|at| at.to_string()),
                imported: update.imported,
                believed,
            })
            .collect(),
    }))
}

/// How the fleet stands with an update, named by its number or the name of a package: every device that matches the filter is in exactly
/// one class.
#[utoipa::path(get, path = "/updates/{kb}", operation_id = "show_update", tag = "updates",
    params(("kb" = String, Path, example = "KB5063878"), ("filter" = Option<String>, Query)),
    responses(
        (status = 200, body = UpdateView),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path(kb): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<UpdateView>, Problem> {
    let rules = app.rules.get();
    let question = asked(&rules, &kb)?;
    let filter = query.filter()?;
    let now = app.clock.now();
    let tally = updates::tally(app.store.as_ref(), &viewer.scope, &filter, &question, now).await?;
    let mut view = UpdateView::of(&question, &tally);
    if viewer.scope != Scope::All {
        view.without_counts_of_the_fleet();
    }
    Ok(Json(view))
}

/// Devices with where they stand with an update, by name; of one class alone where one is named.
#[utoipa::path(get, path = "/updates/{kb}/devices", operation_id = "list_devices_of_update", tag = "updates",
    params(("kb" = String, Path, example = "KB5063878"), ListQuery, ClassQuery),
    responses(
        (status = 200, body = Listed<ExplainedView>),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn devices(
    State(app): State<App>,
    viewer: Viewer,
    Path(kb): Path<String>,
    Query(query): Query<ListQuery>,
    Query(of): Query<ClassQuery>,
) -> Result<Json<Listed<ExplainedView>>, Problem> {
    let rules = app.rules.get();
    let question = asked(&rules, &kb)?;
    let filter = query.filter()?;
    let page = query.page(DEFAULT_LIMIT)?;
    let (rows, next) = updates::page(
        app.store.as_ref(),
        &viewer.scope,
        &filter,
        &question,
        of.class()?,
        &page,
        app.clock.now(),
    )
    .await?;
    Ok(Json(Listed {
        items: rows.iter().map(ExplainedView::from).collect(),
        next_cursor: next.as_ref().map(cursor_to_text),
    }))
}

/// Why an update is, or is not, on one device: the decisive reason and the others, each with the readings that show it, and the way out.
#[utoipa::path(get, path = "/updates/{kb}/devices/{id}", operation_id = "explain_update_on_device", tag = "updates",
    params(("kb" = String, Path, example = "KB5063878"), ("id" = String, Path)),
    responses(
        (status = 200, body = DeviceUpdateView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn device(
    State(app): State<App>,
    viewer: Viewer,
    Path((kb, id)): Path<(String, String)>,
) -> Result<Json<DeviceUpdateView>, Problem> {
    let rules = app.rules.get();
    let question = asked(&rules, &kb)?;
    let id = device_id(&id)?;
    let Some(detail) = app.store.device(&viewer.scope, id).await? else {
        return Err(Problem::not_found(format!("There is no device {id}.")));
    };
    let told = updates::of_device(&detail, &rules, &question, app.clock.now());
    Ok(Json(DeviceUpdateView::of(
        &question,
        id.to_string(),
        detail.row.summary.name,
        told,
    )))
}

/// All devices that match, with where they stand with an update, as a file: `devices.csv`, `devices.json` or `devices.ndjson`. No cap.
#[utoipa::path(get, path = "/updates/{kb}/{file}", operation_id = "export_devices_of_update", tag = "updates",
    params(
        ("kb" = String, Path, example = "KB5063878"),
        ("file" = String, Path, example = "devices.csv"),
        ("filter" = Option<String>, Query),
        ClassQuery
    ),
    responses(
        (status = 200, description = "One row a device", content(
            (String = "text/csv"), (Vec<ExportedDevice> = "application/json"), (String = "application/x-ndjson"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        )),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn export(
    State(app): State<App>,
    viewer: Viewer,
    Path((kb, file)): Path<(String, String)>,
    Query(query): Query<ListQuery>,
    Query(of): Query<ClassQuery>,
) -> Result<Response, Problem> {
    let rules = app.rules.get();
    let number = asked(&rules, &kb)?.kb;
    let format = Format::of_file(&file, "devices")?;
    let class = of.class()?;
    let name = match class {
        Some(class) => format!("{number}-{}", class.name()),
        None => number.to_string(),
    };
    let now = app.clock.now();
    let line = audit::exported(now, &viewer.name, &name, &file, query.filter.as_deref());
    app.store.record(vec![line]).await?;
    let rows = updates::every_page(
        app.store,
        rules,
        viewer.scope,
        query.filter()?,
        kb,
        class,
        now,
    );
    let filter = query.filter.unwrap_or_default();
    let about = export::about(name.clone(), filter, &viewer.name, now);
    export::answer(
        &name,
        format,
        rows,
        Columns::default(),
        about,
        app.exports.folder(),
    )
    .await
}

impl UpdateView {
    /// How devices stand with the update that is asked for.
    pub fn of(question: &Question<'_>, tally: &Tally) -> Self {
        Self {
            kb: question.kb.to_string(),
            file: question.file.as_ref().map(ToString::to_string),
            is_for: question.is_for(),
            brings: question.aims.iter().map(BringsView::from).collect(),
            catalogue: WayOut::catalogue_of(question.kb),
            devices: tally.devices(),
            classes: Class::ALL
                .iter()
                .map(|class| ClassView {
                    class: class.name(),
                    title: class.title(),
                    devices: tally.of(*class),
                })
                .collect(),
        }
    }
}

impl UpdateView {
    /// What is known of an update is everybody's to know; how many devices of the fleet said so is not, for whoever sees some of it.
    fn without_counts_of_the_fleet(&mut self) {
        for brings in &mut self.brings {
            brings.told_by_devices = None;
        }
    }
}

impl From<updates::Release> for ReleaseView {
    fn from(release: updates::Release) -> Self {
        let build = release.build;
        Self {
            release: release.name,
            kind: release.kind.name(),
            build,
            devices: release.devices,
            newest: release
                .newest
                .into_iter()
                .map(|revision| RevisionView {
                    revision: format!("{build}.{}", revision.revision),
                    kb: revision.kb.map(|kb| kb.to_string()),
                    devices: revision.devices,
                })
                .collect(),
            ahead: release.ahead,
            others: release.others,
            unknown: release.unknown,
        }
    }
}

impl From<&Aim> for BringsView {
    fn from(aim: &Aim) -> Self {
        let (revision, enables_build, covers_revision) = match aim.brings {
            Brings::Revision(revision) => (Some(revision), None, None),
            Brings::Hotpatch { revision, covers } => (Some(revision), None, Some(covers)),
            Brings::Release { build, .. } => (None, Some(build), None),
        };
        let (told_by, told_by_devices) = match aim.origin {
            Origin::Table => ("table", None),
            Origin::Imported => ("imported", None),
            Origin::Fleet { devices } => ("fleet", Some(devices)),
        };
        Self {
            kind: aim.kind.map(DeviceKind::name),
            package_build: aim.package_build,
            revision,
            enables_build,
            covers_revision,
            released: aim.released.map(|at| at.to_string()),
            told_by,
            told_by_devices,
        }
    }
}

impl From<&Explained> for ExplainedView {
    fn from(row: &Explained) -> Self {
        let device = &row.device;
        Self {
            id: device.identity.id.to_string(),
            name: device.name.clone(),
            domain: device.domain.clone(),
            ou: device.ou.clone(),
            release: device.release.clone(),
            build: device.build,
            ubr: device.ubr,
            class: row.class.name(),
            why: row.why.clone(),
            rest: row.rest.clone(),
        }
    }
}

impl DeviceUpdateView {
    /// What was told of a device.
    pub fn of(question: &Question<'_>, id: String, name: String, told: OfDevice) -> Self {
        let reason = |told: updates::Told| ReasonView {
            class: told.class.name(),
            why: told.sentence,
            evidence: told.evidence,
        };
        Self {
            kb: question.kb.to_string(),
            id,
            name,
            class: told.class.name(),
            decisive: reason(told.why),
            rest: told.rest.into_iter().map(reason).collect(),
            primary_issue: told.primary,
            way_out: told.way_out.map(|way| WayOutView {
                catalogue: way.catalogue,
                file: way.file,
                steps: way
                    .steps
                    .into_iter()
                    .map(|(text, command)| StepView { text, command })
                    .collect(),
            }),
        }
    }
}

impl Exported for Explained {
    const COLUMNS: &'static [Column<Self>] = columns![
        "device_id" 38 |row| Cell::Text(row.device.identity.id.to_string().into());
        "name" 24 |row| Cell::text(&row.device.name);
        "domain" 22 |row| Cell::text(&row.device.domain);
        "ou" 44 |row| Cell::text(&row.device.ou);
        "release" 24 |row| Cell::text(&row.device.release);
        "build" 8 |row| Cell::number(row.device.build);
        "ubr" 8 |row| Cell::number(row.device.ubr);
        "class" 20 |row| Cell::word(row.class.name());
        "why" 70 |row| Cell::text(&row.why);
        "rest" 70 |row| Cell::Text(row.rest.join(" ").into());
    ];

    fn json(&self) -> String {
        serde_json::to_string(&ExplainedView::from(self))
            .expect("strings and numbers always serialize")
    }
}
