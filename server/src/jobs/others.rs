//! Follows what other servers of this database and commands beside them do: devices that they revoke, sessions that open elsewhere, requests,
//! and changes that open pages show.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sickbay_store::{DeviceIdentity, DeviceStatus, Scope, StoreError};
use tokio::sync::Notify;

use super::log;
use crate::app::App;
use crate::events::Change;
use crate::fleet::replicas::Numbered;
use crate::fleet::{End, Word};
use crate::metrics::jobs::Job;

/// How long nobody looks where nobody tells of anything.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pause after each look, so that a storm of changes is one.
const GATHER: Duration = Duration::from_millis(50);
/// The pause after a look that failed.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// Bulletins that are read at once.
const AT_ONCE: u32 = 500;
/// Devices whose status is asked for at once.
const DEVICES_AT_ONCE: usize = 1_000;

/// How far everything is followed.
#[derive(Debug, Default)]
struct Place {
    read: Option<i64>,
    seen: Option<i64>,
    failed: bool,
}

/// Follows until the server stops.
pub(super) async fn follow(app: App, to_tell: Arc<Notify>) {
    let mut place = Place::default();
    loop {
        let looked = async {
            let followed = round(&app, &mut place);
            let pause = match app.metrics.jobs.round(Job::Follow, followed).await {
                Ok(()) => {
                    to_tell.notify_one();
                    GATHER
                }
                Err(error) => {
                    if !place.failed {
                        log("other servers", &error);
                    }
                    place.failed = true;
                    TRY_AGAIN
                }
            };
            tokio::time::sleep(pause).await;
            app.store.written(LOOK_EVERY).await;
        };
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = looked => {}
        }
    }
}

async fn round(app: &App, place: &mut Place) -> Result<(), StoreError> {
    bulletins(app, place).await?;
    app.fleet.has_read(Instant::now());
    let begins = place.seen.is_none();
    let ended = app.store.ended_since(place.seen).await?;
    end_all(app, &ended.devices);
    for key in &ended.deleted {
        app.fleet.end(*key, End::Retired);
    }
    // Who came before anybody looked may have ended since.
    if begins || ended.missed {
        look_at_all(app).await?;
    }
    place.seen = Some(ended.seen);
    place.failed = false;
    Ok(())
}

/// Tells open pages what became different in the fleet. Apart from the rest: the first page of a large fleet has it read, which takes a while.
pub(super) async fn tell_pages(app: App, to_tell: Arc<Notify>) {
    let mut failed = false;
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = to_tell.notified() => {}
        }
        // What came up while nobody listened is no news for whoever listens next: their page has just been made.
        let are_heard = app.events.are_heard();
        let news = app.store.news(are_heard);
        match app.metrics.jobs.round(Job::TellPages, news).await {
            Ok(news) => {
                failed = false;
                if are_heard {
                    app.events.publish(news.into());
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut failed, true) {
                    log("changes for open pages", &error);
                }
            }
        }
    }
}

async fn bulletins(app: &App, place: &mut Place) -> Result<(), StoreError> {
    loop {
        let begins = place.read.is_none();
        let some = app.store.bulletins(place.read, AT_ONCE).await?;
        if some.missed {
            tracing::warn!("bulletins of other servers were missed; they are asked anew");
        }
        if begins || some.missed {
            app.fleet.begin();
        }
        place.read = Some(some.read);
        if some.posted.is_empty() {
            return Ok(());
        }
        for bulletin in some.posted {
            let said = Numbered::read(&bulletin.body);
            match app.fleet.read(&bulletin.sender, said, Instant::now()) {
                None => {}
                Some(Word::Answered(devices)) => app.events.publish(Change::of_devices(devices)),
                Some(Word::RulesChanged) => app.rules_news.notify_one(),
            }
        }
    }
}

fn end_all(app: &App, devices: &[DeviceIdentity]) {
    for device in devices {
        if let Some(end) = end_of(device.status) {
            app.fleet.end(device.key, end);
        }
    }
}

const fn end_of(status: DeviceStatus) -> Option<End> {
    match status {
        DeviceStatus::Revoked => Some(End::Revoked),
        DeviceStatus::Retired => Some(End::Retired),
        DeviceStatus::Replaced => Some(End::Superseded),
        DeviceStatus::Active | DeviceStatus::Pending | DeviceStatus::Listed => None,
    }
}

/// Asks for the status of everyone who is connected here.
async fn look_at_all(app: &App) -> Result<(), StoreError> {
    for keys in app.fleet.keys().chunks(DEVICES_AT_ONCE) {
        let found = app.store.device_ids(&Scope::All, keys).await?;
        end_all(app, &found);
        let known = |key: &&i64| found.iter().any(|device| device.key == **key);
        for gone in keys.iter().filter(|key| !known(key)) {
            app.fleet.end(*gone, End::Retired);
        }
    }
    Ok(())
}

/// Posts what other servers are to be told, a moment's worth at once, and at the end that this one goes.
pub(super) async fn post(app: App) {
    let mut others = 0;
    loop {
        tokio::select! {
            () = app.stop.cancelled() => break,
            () = app.fleet.to_post.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => tick(&app, &mut others),
        }
        tokio::time::sleep(GATHER).await;
        if !post_now(&app).await {
            tokio::time::sleep(TRY_AGAIN).await;
            app.fleet.to_post.notify_one();
        }
    }
    app.fleet.leave();
    post_now(&app).await;
}

fn tick(app: &App, known: &mut usize) {
    for name in app.fleet.tick(Instant::now()) {
        tracing::warn!(
            server = name,
            "another server fell silent and counts as gone"
        );
    }
    let (_, others) = app.fleet.replicas();
    if others != *known {
        tracing::info!(others, "other servers of this database");
    }
    *known = others;
    app.metrics.other_servers.set(others as i64);
}

async fn post_now(app: &App) -> bool {
    let bulletins = app.fleet.take_bulletins();
    if bulletins.is_empty() {
        return true;
    }
    let texts: Vec<String> = bulletins.iter().map(Numbered::text).collect();
    let (name, _) = app.fleet.replicas();
    let posted = app.store.post(&name, &texts, app.clock.now());
    match app.metrics.jobs.round(Job::Post, posted).await {
        Ok(()) => true,
        Err(error) => {
            log("bulletins", &error);
            app.fleet.put_back(bulletins);
            false
        }
    }
}
