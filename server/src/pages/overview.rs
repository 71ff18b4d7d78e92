//! `/`.

use std::cmp::Reverse;

use axum::response::Html;
use sickbay_diagnosis::filter::{Filter, Pattern, Test, TextField};
use sickbay_diagnosis::issues::{self, never_enrolled, silent};
use sickbay_store::{FleetCounts, Scope, SourceCount};
use sickbay_web::chart::{Band, Chart, Difference, Series, Subject};
use sickbay_web::pages::issues::{IssueLine, by_weight};
use sickbay_web::pages::overview::{
    Change, Count, FirstSteps, FleetHealth, OverviewPage, ReleaseShare, RevisionShare, Revisions,
    Silence, SourceShare, Unheard,
};
use sickbay_web::{Nav, links, region};

use super::expectations::provisional_of_kinds;
use super::{PageError, Visit, list};
use crate::app::App;
use crate::days::{self, Days};
use crate::updates::{self, Release};

/// Newest changes shown.
const CHANGES: u32 = 12;
/// Releases shown, those of most devices.
const RELEASES: usize = 8;
/// Saved views shown.
const VIEWS: usize = 12;

pub(super) async fn show(visit: Visit) -> Result<Html<String>, PageError> {
    let (store, scope) = (&*visit.app.store, visit.scope());
    let owner = visit.viewer.id.to_string();
    let sources = async {
        match scope {
            Scope::All => store.source_counts().await,
            Scope::Matching(filter) => store.source_counts_of(filter).await,
        }
    };
    let (days, recent, revisions, sources, views) = tokio::join!(
        days::last(&visit.app, scope, days::SHOWN),
        store.recent_history(scope, CHANGES),
        store.revision_counts(scope),
        sources,
        store.views(&owner),
    );
    let (days, recent) = (visit.told(days)?, visit.told(recent)?);
    let (revisions, sources) = (visit.told(revisions)?, visit.told(sources)?);
    let mut lines = issue_lines(&days);
    by_weight(&mut lines);
    let changes = recent
        .into_iter()
        .filter_map(|(device, name, row)| {
            Some(Change {
                at: row.at,
                device_id: device.id.to_string(),
                device_name: name,
                issue: issues::get(&row.change.issue)?,
                from: row.change.from,
                to: row.change.to,
                summary: row.change.summary,
            })
        })
        .collect();
    let rules = visit.app.rules.get();
    let fleet = days
        .today()
        .map_or_else(FleetCounts::default, |today| today.fleet.clone());
    let page = OverviewPage {
        chrome: visit.chrome(Nav::Overview, Some(Nav::Overview)),
        fleet: health(&fleet),
        past: past(&days),
        unheard: unheard(&fleet, &days),
        releases: updates::releases(&revisions, &rules)
            .into_iter()
            .take(RELEASES)
            .map(share)
            .collect(),
        sources: sources_of_quality(&sources),
        views: visit
            .told(views)?
            .into_iter()
            .take(VIEWS)
            .map(|row| list::view(&visit, row))
            .collect(),
        issues: lines,
        changes,
        // What most devices do is the whole fleet's affair.
        provisional: match visit.scope() {
            Scope::All => provisional_of_kinds(&rules.wishes, &rules.fleet),
            Scope::Matching(_) => Vec::new(),
        },
        first_steps: first_steps(&visit.app),
    };
    Ok(Html(page.render()))
}

/// Every issue with its counts, those without findings too.
pub(super) fn issue_lines(days: &Days) -> Vec<IssueLine> {
    let today = days.today();
    issues::ALL
        .iter()
        .map(|issue| {
            let count = today.and_then(|today| today.issue(issue.id));
            IssueLine {
                issue,
                open: count.map_or(0, |c| c.open),
                serious: count.map_or(0, |c| c.serious),
                unknown: count.map_or(0, |c| c.unknown),
                accepted: count.map_or(0, |c| c.accepted),
                primary_on: Some(count.map_or(0, |c| c.primary)),
                days: days.issue(issue.id, |c| c.open),
            }
        })
        .collect()
}

/// How the fleet stood day by day.
fn past(days: &Days) -> Chart {
    let band = |of, read: fn(&FleetCounts) -> u64| Band {
        of,
        values: days.fleet(read),
    };
    Chart {
        of: Subject::Fleet,
        days: days.dates(),
        bands: vec![
            band(Series::Serious, |fleet| fleet.serious),
            band(Series::Warning, |fleet| fleet.warning),
            band(Series::Unknown, |fleet| fleet.unknown),
            band(Series::NeverReported, |fleet| fleet.never_reported),
            band(Series::Healthy, |fleet| fleet.healthy),
        ],
        region: region::OVERVIEW.to_owned(),
    }
}

/// Who is not heard: machines that should have a collector, devices that fell silent, and those that never said anything.
fn unheard(fleet: &FleetCounts, days: &Days) -> Vec<Unheard> {
    let silent = days.today().and_then(|today| today.issue(silent::ID));
    let line = |who, devices, href, values: Vec<Option<u64>>| Unheard {
        who,
        devices,
        href,
        difference: Difference::of(&values),
    };
    vec![
        line(
            Silence::NeverEnrolled,
            fleet.never_enrolled,
            links::issue(never_enrolled::ID, ""),
            days.fleet(|fleet| fleet.never_enrolled),
        ),
        line(
            Silence::Silent,
            silent.map_or(0, |count| count.open),
            links::issue(silent::ID, ""),
            days.issue(silent::ID, |count| count.open),
        ),
        line(
            Silence::NeverReported,
            fleet.never_reported,
            links::devices("standing:never-reported"),
            days.fleet(|fleet| fleet.never_reported),
        ),
    ]
}

/// Devices of a release by how far they are behind its newest revision here.
fn share(release: Release) -> ReleaseShare {
    let of = format!("kind:{} build={}", release.kind.name(), release.build);
    let mut newest = release.newest.iter();
    let first = newest.next();
    let cell = |of_them, devices, filter: &str| RevisionShare {
        of: of_them,
        devices,
        href: links::devices(&format!("{of} {filter}")),
    };
    let mut shares = Vec::new();
    if let Some(first) = first {
        let name = format!("{}.{}", release.build, first.revision);
        shares.push(cell(
            Revisions::One(name),
            first.devices,
            &format!("ubr={}", first.revision),
        ));
    }
    for revision in newest {
        let name = format!("{}.{}", release.build, revision.revision);
        shares.push(cell(
            Revisions::One(name),
            revision.devices,
            &format!("ubr={}", revision.revision),
        ));
    }
    let told: Vec<String> = release
        .newest
        .iter()
        .map(|revision| format!("-ubr={}", revision.revision))
        .collect();
    let older = format!("ubr>=0 {}", told.join(" "));
    ReleaseShare {
        href: links::devices(&of),
        name: release.name,
        devices: release.devices,
        shares,
        others: cell(
            Revisions::Older,
            release.others + release.ahead,
            older.trim(),
        ),
        unknown: cell(Revisions::Unknown, release.unknown, "-ubr>=0"),
    }
}

/// Where quality updates come from, the most devices first.
fn sources_of_quality(counts: &[SourceCount]) -> Vec<SourceShare> {
    let mut shares: Vec<SourceShare> = Vec::new();
    for count in counts.iter().filter(|count| count.class == 0) {
        let source = &count.source;
        if let Some(share) = shares.iter_mut().find(|share| share.source == *source) {
            share.devices += count.devices;
            continue;
        }
        let test = Test::Text(TextField::Source, Pattern::new(source.to_string()));
        shares.push(SourceShare {
            devices: count.devices,
            href: links::devices(&Filter::Is(test).to_string()),
            source: source.clone(),
        });
    }
    shares.sort_by_cached_key(|share| (Reverse(share.devices), share.source.to_string()));
    shares
}

fn health(fleet: &FleetCounts) -> FleetHealth {
    let count = |devices, standing: &str| Count {
        devices,
        filter: Some(format!("standing:{standing}")),
    };
    FleetHealth {
        serious: count(fleet.serious, "serious"),
        warning: count(fleet.warning, "warning"),
        unknown: count(fleet.unknown, "unknown"),
        healthy: count(fleet.healthy, "healthy"),
        never_reported: count(fleet.never_reported, "never-reported"),
        pending: fleet.pending,
    }
}

fn first_steps(app: &App) -> FirstSteps {
    let name = app
        .config
        .collectors
        .names
        .first()
        .map_or("localhost", String::as_str);
    let address = format!("https://{name}:{}", app.config.collectors.listen.port());
    let pin = app.ca.in_force().pin();
    FirstSteps {
        token_command: "sickbay-server token create --config sickbay.toml --name \"first devices\""
            .to_owned(),
        enrol_command: format!(
            "sickbay-collector enrol --server {address} --token TOKEN --ca-pin {pin}"
        ),
        collector_address: address,
        ca_pin: pin,
    }
}
