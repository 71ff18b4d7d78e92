//! What happens without a report: verdicts that run out, what other servers and commands do, rules that change, signs of life, certificates.
//!
//! Each job is one loop with its own pace; a failing round is logged and tried again at the next. Of several servers of one database every
//! one follows the others, its rules and its certificates, and writes its own signs of life; the rest is for the one that leads.

pub(crate) mod context;
pub(crate) mod leading;
mod others;

pub use self::context::as_stored;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use sickbay_store::{Deed, DeviceStatus, Ended, Scope, StoreError};
use tokio::sync::Notify;

use crate::app::App;
use crate::audit;
use crate::identity::ca::CaError;
use crate::metrics::jobs::Job;

/// How often verdicts that ran out are looked for.
const DUE_EVERY: Duration = Duration::from_secs(1);
/// Devices diagnosed again in one round.
pub(crate) const DUE_AT_ONCE: u32 = 1000;
/// How often signs of life are written.
const TOUCH_EVERY: Duration = Duration::from_secs(5);
/// How often the server's certificate is looked at.
const CERTIFICATE_EVERY: Duration = Duration::from_hours(1);
/// How often it is asked whether the CA is still the same.
const CA_EVERY: Duration = Duration::from_secs(1);
/// How often ephemeral devices are looked for, and how many retire in one round.
const EPHEMERAL_EVERY: Duration = Duration::from_secs(10);
const EPHEMERAL_AT_ONCE: u32 = 1000;
/// How often old lines of the record are looked for.
const OLD_LINES_EVERY: Duration = Duration::from_hours(1);
/// Changes of devices that are removed in one step, and the pause until the next.
const OLD_HISTORY_AT_ONCE: u32 = 1_000;
const OLD_HISTORY_PAUSE: Duration = Duration::from_millis(100);
/// How often history is packed, how many rows in one step, and the pause until the next where there are more: a fleet of a hundred thousand
/// has some hundred thousand rows on a day of updates.
const PACK_EVERY: Duration = Duration::from_secs(5);
const PACKED_AT_ONCE: u32 = 500;
const PACK_PAUSE: Duration = Duration::from_millis(500);
/// While more reports than this come in a second, packing rests as long as if there were nothing to pack: a step holds the connection that
/// they are written by. What is left waits until fewer come.
const BUSY_REPORTS_PER_S: f64 = 1_000.0;
/// How often notes of changes are removed: a server that takes in 10,000 reports a second makes some 100,000 meanwhile.
const OLD_CHANGES_EVERY: Duration = Duration::from_secs(5);
/// How long bulletins are kept, in milliseconds: a server that cannot read for longer asks the others anew.
const BULLETINS_KEPT_MS: i64 = 10 * MINUTE_MS;
/// How often it is looked whether a scheduled export is due.
const EXPORTS_EVERY: Duration = Duration::from_secs(30);
/// How often today's counts are kept.
const DAYS_EVERY: Duration = Duration::from_mins(5);
/// How often the database is measured.
const SIZE_EVERY: Duration = Duration::from_mins(1);
/// A server certificate is issued anew at this age.
const CERTIFICATE_AGE_MS: i64 = 10 * DAY_MS;

/// Starts every job; they end with `app.stop`.
pub fn start(app: &App) -> tokio::task::JoinSet<()> {
    let mut jobs = tokio::task::JoinSet::new();
    jobs.spawn(due(app.clone()));
    let to_tell = Arc::new(Notify::new());
    jobs.spawn(others::follow(app.clone(), Arc::clone(&to_tell)));
    jobs.spawn(others::tell_pages(app.clone(), to_tell));
    jobs.spawn(others::post(app.clone()));
    jobs.spawn(signs_of_life(app.clone()));
    jobs.spawn(context::keep(app.clone()));
    jobs.spawn(certificates(app.clone()));
    jobs.spawn(ephemeral(app.clone()));
    jobs.spawn(old_lines(app.clone()));
    jobs.spawn(old_history(app.clone()));
    jobs.spawn(history_pages(app.clone()));
    jobs.spawn(old_changes(app.clone()));
    jobs.spawn(scheduled_exports(app.clone()));
    jobs.spawn(days(app.clone()));
    jobs.spawn(size(app.clone()));
    jobs
}

/// Waits for the next round; `false` where the server stops.
async fn next_round(app: &App, pause: Duration) -> bool {
    tokio::select! {
        () = app.stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}

/// The same for what one server does for all: waits until this one leads, too.
async fn next_round_of_leader(app: &App, pause: Duration) -> bool {
    next_round(app, pause).await && leading::leads(app).await
}

fn log(job: &'static str, error: &StoreError) {
    tracing::warn!(job, error = %crate::ingest::chain(error), "a round of a job failed; it is tried again");
}

/// Diagnoses devices again whose verdicts ran out.
async fn due(app: App) {
    while next_round_of_leader(&app, DUE_EVERY).await {
        let looked = app.store.due(app.clock.now(), DUE_AT_ONCE);
        match app.metrics.jobs.round(Job::Due, looked).await {
            Ok(keys) => {
                app.metrics.jobs.due.set(keys.len() as i64);
                rediagnose(&app, keys).await;
            }
            Err(error) => log("due", &error),
        }
    }
}

async fn rediagnose(app: &App, keys: Vec<i64>) {
    for key in keys {
        if app.ingest.rediagnose(key).await.is_err() {
            return;
        }
    }
}

async fn signs_of_life(app: App) {
    while next_round(&app, TOUCH_EVERY).await {
        write_signs_of_life(&app).await;
    }
}

/// Writes the signs of life that wait; at the end too, so that a restart does not make devices look silent.
pub async fn write_signs_of_life(app: &App) {
    let touches = app.fleet.take_touches();
    if touches.is_empty() {
        return;
    }
    let written = app.store.touch(&touches);
    if let Err(error) = app.metrics.jobs.round(Job::SignsOfLife, written).await {
        log("signs of life", &error);
        for touch in touches {
            app.fleet.touch(touch);
        }
    }
}

/// Retires ephemeral devices that were silent for as long as they may be while this server could hear them.
async fn ephemeral(app: App) {
    while next_round_of_leader(&app, EPHEMERAL_EVERY).await {
        let now = app.clock.now();
        // What they last said may still wait to be written, here or at another server.
        write_signs_of_life(&app).await;
        let unwritten = match app.fleet.replicas() {
            (_, 0) => 0,
            _ => 2 * TOUCH_EVERY.as_millis() as i64,
        };
        let retired = async {
            let listens_since = app.liveness.started_at();
            let before = now.plus_millis(-unwritten);
            let ended = app
                .store
                .ephemeral_ended(before, listens_since, EPHEMERAL_AT_ONCE);
            // Who is connected to a server that cannot write is not silent.
            let gone: Vec<_> = (ended.await?.into_iter())
                .filter(|device| !app.fleet.is_connected(device.key))
                .map(|device| device.id)
                .collect();
            let deed = Deed::by("server", now).because(Ended::Ephemeral);
            app.store
                .set_status(&gone, DeviceStatus::Retired, &deed)
                .await
        };
        match app.metrics.jobs.round(Job::Ephemeral, retired).await {
            Ok(retired) if retired.is_empty() => {}
            Ok(retired) => {
                tracing::info!(devices = retired.len(), "ephemeral devices retired");
            }
            Err(error) => log("ephemeral", &error),
        }
    }
}

/// Removes lines of the record that are older than they have to be.
async fn old_lines(app: App) {
    let keep_days = app.config.audit.keep_days;
    if keep_days == 0 {
        return;
    }
    while leading::leads(&app).await {
        let cut = audit::cut(&*app.store, keep_days, app.clock.now());
        match app.metrics.jobs.round(Job::OldLines, cut).await {
            Ok(0) => {}
            Ok(lines) => tracing::info!(lines, keep_days, "old lines of the record were removed"),
            Err(error) => log("old lines", &error),
        }
        if !next_round(&app, OLD_LINES_EVERY).await {
            return;
        }
    }
}

/// Removes changes of devices that are older than they have to be, in short transactions with a pause between: reports come first.
async fn old_history(app: App) {
    let keep_days = app.config.history.keep_days;
    if keep_days == 0 {
        return;
    }
    while leading::leads(&app).await {
        let before = app.clock.now().plus_days(-i64::from(keep_days));
        let forgotten = app.store.forget_history(before, OLD_HISTORY_AT_ONCE);
        match app.metrics.jobs.round(Job::OldHistory, forgotten).await {
            // There may be more.
            Ok(went) if went > 0 => {
                tracing::debug!(went, keep_days, "old history was removed");
                if !next_round(&app, OLD_HISTORY_PAUSE).await {
                    return;
                }
                continue;
            }
            Ok(_) => {}
            Err(error) => log("old history", &error),
        }
        if !next_round(&app, OLD_LINES_EVERY).await {
            return;
        }
    }
}

/// Until the next step after one that packed so many rows: short where more wait and reports leave room.
fn pause_of_packing(packed: u64, reports_per_s: f64) -> Duration {
    if packed >= u64::from(PACKED_AT_ONCE) && reports_per_s <= BUSY_REPORTS_PER_S {
        PACK_PAUSE
    } else {
        PACK_EVERY
    }
}

/// Packs history into pages of its devices, in short transactions with a pause between: reports come first.
async fn history_pages(app: App) {
    let mut pause = PACK_EVERY;
    let (mut begun, mut reports) = (Instant::now(), app.metrics.reports.get());
    while next_round_of_leader(&app, pause).await {
        let came = app.metrics.reports.get() - reports;
        let reports_per_s = came as f64 / begun.elapsed().as_secs_f64();
        (begun, reports) = (Instant::now(), reports + came);
        let packed = app.store.pack_history(PACKED_AT_ONCE);
        pause = match app.metrics.jobs.round(Job::HistoryPages, packed).await {
            Ok(packed) => pause_of_packing(packed, reports_per_s),
            Err(error) => {
                log("history pages", &error);
                PACK_EVERY
            }
        };
    }
}

/// Reads the fleet into memory before anybody asks, and removes notes of changes that were seen.
async fn old_changes(app: App) {
    let everything = Filter::Everything;
    if let Err(error) = app
        .store
        .survey_devices(&Scope::All, &everything, &[])
        .await
    {
        log("fleet in memory", &error);
    }
    while next_round_of_leader(&app, OLD_CHANGES_EVERY).await {
        let forgotten = app.store.forget_changes();
        if let Err(error) = app.metrics.jobs.round(Job::OldChanges, forgotten).await {
            log("old changes", &error);
        }
        let read_by_all = app.clock.now().plus_millis(-BULLETINS_KEPT_MS);
        if let Err(error) = app.store.forget_bulletins(read_by_all).await {
            log("old bulletins", &error);
        }
    }
}

/// Counts each day, again and again until it is over.
async fn days(app: App) {
    while leading::leads(&app).await {
        let kept = crate::days::keep(&app);
        if let Err(error) = app.metrics.jobs.round(Job::Days, kept).await {
            log("days", &error);
        }
        if !next_round(&app, DAYS_EVERY).await {
            return;
        }
    }
}

/// Measures the database, at every server: each may be the one that monitoring asks.
async fn size(app: App) {
    loop {
        let measured = app.store.size_bytes();
        match app.metrics.jobs.round(Job::Size, measured).await {
            Ok(bytes) => {
                let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
                app.metrics.jobs.size.set(bytes);
            }
            Err(error) => log("size", &error),
        }
        if !next_round(&app, SIZE_EVERY).await {
            return;
        }
    }
}

/// Makes the exports that are wanted every day.
async fn scheduled_exports(app: App) {
    if app.config.exports.is_empty() {
        return;
    }
    while next_round_of_leader(&app, EXPORTS_EVERY).await {
        for export in &app.config.exports {
            match app
                .metrics
                .jobs
                .round(Job::Exports, export.round(&app))
                .await
            {
                Ok(None) => {}
                Ok(Some(file)) => {
                    tracing::info!(export = export.name, file = %file.display(), "a scheduled export was written");
                }
                Err(error) => tracing::error!(
                    export = export.name,
                    error = format!("{error:#}"),
                    "a scheduled export was not written; it is tried again"
                ),
            }
        }
    }
}

/// Issues the server's own certificate anew in time, and follows the CA where somebody rotates it.
async fn certificates(app: App) {
    let mut issued_at: Time = app.clock.now();
    let mut age_looked_at = Instant::now();
    while next_round(&app, CA_EVERY).await {
        if let Err(error) = app
            .metrics
            .jobs
            .round(Job::Certificates, app.ca.reload())
            .await
        {
            tracing::error!(error = %crate::ingest::chain(&error), "the CA cannot be followed");
            continue;
        }
        // Whoever noticed the step first: a request may have, or a round that could not finish.
        let rotated = !app.identity.follows(&app.ca.in_force());
        let look_at_age = age_looked_at.elapsed() >= CERTIFICATE_EVERY;
        if look_at_age {
            age_looked_at = Instant::now();
        }
        let aged = look_at_age && app.clock.now().since(issued_at) >= CERTIFICATE_AGE_MS;
        if !rotated && !aged {
            continue;
        }
        let renewed = if rotated {
            app.follow_ca()
        } else {
            let ca = app.ca.in_force();
            app.identity.renew(&ca, &app.clock).map_err(CaError::from)
        };
        match renewed {
            Ok(()) => {
                issued_at = app.clock.now();
                tracing::info!(
                    days = CERTIFICATE_AGE_MS / HOUR_MS / 24,
                    "issued a new server certificate"
                );
            }
            Err(error) => {
                tracing::error!(error = %crate::ingest::chain(&error), "cannot issue a new server certificate");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_hurries_only_where_more_waits_and_few_reports_come() {
        let whole = u64::from(PACKED_AT_ONCE);
        assert_eq!(pause_of_packing(whole, 10.0), PACK_PAUSE);
        assert_eq!(pause_of_packing(whole - 1, 10.0), PACK_EVERY);
        assert_eq!(
            pause_of_packing(whole, BUSY_REPORTS_PER_S + 1.0),
            PACK_EVERY
        );
    }
}
