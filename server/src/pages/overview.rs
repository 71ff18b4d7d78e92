//! `/`.

use axum::response::Html;
use sickbay_diagnosis::issues;
use sickbay_store::{FleetCounts, IssueCount, Scope};
use sickbay_web::Nav;
use sickbay_web::pages::issues::{IssueLine, by_weight};
use sickbay_web::pages::overview::{Change, Count, FirstSteps, FleetHealth, OverviewPage};

use super::expectations::provisional_of_kinds;
use super::{PageError, Visit};
use crate::app::App;

/// Newest changes shown.
const CHANGES: u32 = 12;

pub(super) async fn show(visit: Visit) -> Result<Html<String>, PageError> {
    let store = &visit.app.store;
    let (counts, fleet, recent) = tokio::join!(
        store.issue_counts(visit.scope()),
        store.fleet_counts(visit.scope()),
        store.recent_history(visit.scope(), CHANGES),
    );
    let fleet = visit.told(fleet)?;
    let recent = visit.told(recent)?;
    let mut lines = issue_lines(&visit.told(counts)?);
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
    let page = OverviewPage {
        chrome: visit.chrome("Overview", Some(Nav::Overview)),
        fleet: health(&fleet),
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
pub(super) fn issue_lines(counts: &[IssueCount]) -> Vec<IssueLine> {
    issues::ALL
        .iter()
        .map(|issue| {
            let count = counts.iter().find(|c| c.issue == issue.id);
            IssueLine {
                issue,
                open: count.map_or(0, |c| c.open),
                serious: count.map_or(0, |c| c.serious),
                unknown: count.map_or(0, |c| c.unknown),
                accepted: count.map_or(0, |c| c.accepted),
                primary_on: Some(count.map_or(0, |c| c.primary)),
            }
        })
        .collect()
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
