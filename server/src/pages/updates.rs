//! `/updates`, `/updates/{kb}` and `/updates/{kb}/devices/{id}`.

use axum::extract::{Path, Query};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_diagnosis::explanation::{Aim, Brings, Class, Origin, Question, WayOut};
use sickbay_diagnosis::issues;
use sickbay_diagnosis::knowledge::TableName;
use sickbay_store::Scope;
use sickbay_web::pages::message::Refusal;
use sickbay_web::pages::update::{
    Brings as Shown, BringsLine, ClassRow, Family, StandingRow, Teller, UpdatePage,
};
use sickbay_web::pages::update_on::{ReasonView, UpdateOnPage, WayOutView};
use sickbay_web::pages::updates::{ReleaseRow, RevisionCell, ToldRow, ToldStanding, UpdatesPage};
use sickbay_web::{FilterBox, Nav, Title, links};

use super::{PageError, ROWS, Visit, build_text, read_filter};
use crate::api::devices::device_id;
use crate::api::updates::{ClassQuery, asked};
use crate::api::{ListQuery, cursor_to_text};
use crate::rules::Rules;
use crate::updates::{self, Explained, Release, Tally, Told};

/// In a fleet of more devices than this, the page of an update does not follow every change: each look asks all of them.
const FOLLOWED: u64 = 20_000;
/// What was told, at most so much on a page; the API gives all of it.
const TOLD: usize = 200;
/// Devices that have to say the same before it is believed.
const QUORUM: u64 = sickbay_diagnosis::context::BASELINE_QUORUM as u64;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    q: Option<String>,
    /// The name of a file that was dropped: a form without an upload sends no more of it.
    file: Option<String>,
}

impl Ask {
    /// What was asked; what was typed comes before what was dropped.
    fn text(&self) -> Option<&str> {
        let given = [&self.q, &self.file].into_iter().flatten();
        given.map(|text| text.trim()).find(|text| !text.is_empty())
    }
}

pub(super) async fn list(visit: Visit, Query(ask): Query<Ask>) -> Result<Response, PageError> {
    let rules = visit.app.rules.get();
    let mut error = None;
    if let Some(text) = ask.text() {
        match Question::understand(text) {
            Ok((kb, file)) => {
                let asked = file.map_or_else(|| kb.to_string(), |file| file.to_string());
                return Ok(Redirect::to(&links::update(&asked, "", "")).into_response());
            }
            Err(why) => error = Some(format!("{why}.")),
        }
    }
    let store = visit.app.store.as_ref();
    let counts = visit.told(store.revision_counts(visit.scope()).await)?;
    let active = visit
        .told(store.fleet_counts(visit.scope()).await)?
        .active();
    let releases = updates::releases(&counts, &rules);
    let counted: u64 = releases.iter().map(|release| release.devices).sum();
    let about = rules
        .knowledge
        .about()
        .iter()
        .find(|table| table.name == TableName::Updates);
    let page = UpdatesPage {
        chrome: visit.chrome(Nav::Updates, Some(Nav::Updates)),
        asked: ask.text().unwrap_or_default().to_owned(),
        error,
        releases: releases.into_iter().map(release).collect(),
        told: told(&rules, visit.scope()),
        without_release: active.saturating_sub(counted),
        known: about.map_or(0, |table| table.entries as u64),
        dated: about.map_or_else(String::new, |table| table.dated.clone()),
    };
    Ok(Html(page.render()).into_response())
}

fn release(release: Release) -> ReleaseRow {
    ReleaseRow {
        filter: format!("kind:{} build={}", release.kind.name(), release.build),
        devices: release.devices,
        newest: release
            .newest
            .into_iter()
            .map(|revision| RevisionCell {
                revision: format!("{}.{}", release.build, revision.revision),
                kb: revision.kb.map(|kb| kb.to_string()).unwrap_or_default(),
                devices: revision.devices,
                released: revision.released,
            })
            .collect(),
        ahead: release.ahead,
        others: release.others,
        unknown: release.unknown,
        name: release.name,
    }
}

/// What was told, the newest first, as many as a page shows.
fn told(rules: &Rules, scope: &Scope) -> Vec<ToldRow> {
    updates::all_told(&rules.fleet.updates, scope)
        .into_iter()
        .take(TOLD)
        .map(|(told, update, believed)| ToldRow {
            kb: told.kb.to_string(),
            of: updates::family_in_words(&rules.knowledge, told.kind, told.package_build),
            brings: format!("{}.{}", told.package_build, update.revision),
            devices: update.devices,
            by_title: update.by_title,
            since: update.since,
            standing: match believed {
                true if update.imported => ToldStanding::Imported,
                true => ToldStanding::Believed,
                false if update.devices < QUORUM => ToldStanding::Needs(QUORUM - update.devices),
                false => ToldStanding::Contradicted,
            },
        })
        .collect()
}

pub(super) async fn one(
    visit: Visit,
    Path(text): Path<String>,
    Query(query): Query<ListQuery>,
    Query(of): Query<ClassQuery>,
) -> Result<Html<String>, PageError> {
    let rules = visit.app.rules.get();
    let question = visit.told(asked(&rules, &text))?;
    let chosen = visit.told(of.class())?;
    let page = visit.told(query.page(ROWS))?;
    let now = visit.app.clock.now();
    let store = visit.app.store.as_ref();
    let (typed, filter) = read_filter(query.filter.as_deref());
    let mut error = None;
    let mut tally = Tally::default();
    let mut rows = Vec::new();
    let mut next_cursor = None;
    match filter {
        Err(why) => error = Some(why),
        Ok(filter) => {
            let counted = updates::tally(store, visit.scope(), &filter, &question, now).await;
            tally = visit.told(counted)?;
            let listed =
                updates::page(store, visit.scope(), &filter, &question, chosen, &page, now).await;
            let (found, next) = visit.told(listed)?;
            rows = found.into_iter().map(standing).collect();
            next_cursor = next.as_ref().map(cursor_to_text);
        }
    }
    let mut chrome = visit.chrome(question.kb.to_string(), Some(Nav::Updates));
    chrome.live &= tally.devices() <= FOLLOWED;
    let page = UpdatePage {
        chrome,
        kb: question.kb.to_string(),
        file: question
            .file
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        brings: brings_all(&rules, &question, visit.scope()),
        catalogue: WayOut::catalogue_of(question.kb),
        classes: Class::ALL
            .iter()
            .map(|class| ClassRow {
                class: *class,
                devices: tally.of(*class),
            })
            .filter(|row| row.devices > 0)
            .collect(),
        devices: tally.devices(),
        chosen,
        filter: FilterBox {
            text: typed,
            error,
            matching: chosen.map_or_else(|| tally.devices(), |class| tally.of(class)),
            kept: chosen
                .map(|class| ("class", class.name().to_owned()))
                .into_iter()
                .collect(),
            ..FilterBox::default()
        },
        rows,
        next_cursor,
        is_continued: query.cursor.is_some(),
        asked: text,
    };
    Ok(Html(page.render()))
}

fn standing(row: Explained) -> StandingRow {
    StandingRow {
        id: row.device.identity.id.to_string(),
        build: build_text(row.device.build, row.device.ubr),
        name: row.device.name,
        release: row.device.release,
        ou: row.device.ou,
        class: row.class,
        why: row.why,
    }
}

fn brings_all(rules: &Rules, question: &Question<'_>, scope: &Scope) -> Vec<BringsLine> {
    let whole = *scope == Scope::All;
    let aims = question.aims.iter();
    aims.map(|aim| brings(rules, aim, whole)).collect()
}

/// What an update brings to a family of builds, with who says so.
fn brings(rules: &Rules, aim: &Aim, whole: bool) -> BringsLine {
    let family = aim.package_build;
    let build_of = |revision: u32| format!("{family}.{revision}");
    BringsLine {
        to: aim.kind.map_or(Family::Build(family), |kind| {
            Family::Releases(updates::family_in_words(&rules.knowledge, kind, family))
        }),
        what: match aim.brings {
            Brings::Revision(revision) => Shown::Revision(build_of(revision)),
            Brings::Hotpatch { revision, covers } => Shown::Hotpatch {
                revision: build_of(revision),
                covers: build_of(covers),
            },
            Brings::Release { build, .. } => {
                let release = rules.knowledge.releases_of_build(build).next();
                release.map_or(Shown::Build(build), |r| Shown::Release(r.name.to_string()))
            }
        },
        out: aim.released.map(|at| at.day().to_string()),
        who: match aim.origin {
            Origin::Table => Teller::Table,
            Origin::Imported => Teller::Imported,
            Origin::Fleet { devices } => Teller::Fleet(whole.then_some(devices)),
        },
    }
}

pub(super) async fn on_device(
    visit: Visit,
    Path((text, id)): Path<(String, String)>,
) -> Result<Html<String>, PageError> {
    let rules = visit.app.rules.get();
    let question = visit.told(asked(&rules, &text))?;
    let id = visit.told(device_id(&id))?;
    let detail = visit.told(visit.app.store.device(visit.scope(), id).await)?;
    let Some(detail) = detail else {
        return Err(visit.error(Refusal::NoDeviceOfId { id: id.to_string() }));
    };
    let told = updates::of_device(&detail, &rules, &question, visit.app.clock.now());
    let summary = &detail.row.summary;
    let reason = |told: Told| ReasonView {
        class: told.class,
        sentence: told.sentence,
        evidence: told.evidence,
    };
    let page = UpdateOnPage {
        chrome: visit.chrome(
            Title::UpdateOn {
                kb: question.kb.to_string(),
                device: summary.name.clone(),
            },
            Some(Nav::Updates),
        ),
        kb: question.kb.to_string(),
        is_for: question.is_for(),
        id: id.to_string(),
        name: summary.name.clone(),
        release: summary.release.clone(),
        build: build_text(summary.build, summary.ubr),
        arch: summary.arch.clone(),
        decisive: reason(told.why),
        rest: told.rest.into_iter().map(reason).collect(),
        primary: told.primary.as_deref().and_then(issues::get),
        way_out: told.way_out.map(|way| WayOutView {
            catalogue: way.catalogue,
            steps: way.steps,
        }),
        asked: text,
    };
    Ok(Html(page.render()))
}
