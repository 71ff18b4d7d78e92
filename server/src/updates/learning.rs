//! Which update brings which build, learned from all devices (decision 26).

use std::collections::{BTreeMap, BTreeSet};

use sickbay_diagnosis::Time;
use sickbay_diagnosis::context::BASELINE_QUORUM;
use sickbay_diagnosis::explanation::{ClaimTally, Learned, LearnedUpdate, Told};
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{LearnedRow, Scope, Store, StoreError};

use super::{AT_ONCE, decode};

/// Of a revision that no device names now.
const SAID_BY_NONE: LearnedUpdate = LearnedUpdate {
    revision: 0,
    devices: 0,
    by_title: 0,
    now: 0,
    now_by_title: 0,
    since: Time::from_millis(0),
    imported: false,
    kept_at: None,
};

/// What was kept and what devices said when they were last asked, without asking them again.
///
/// # Errors
/// Where the database does not answer.
pub async fn learned(store: &dyn Store, said: &ClaimTally) -> Result<Learned, StoreError> {
    Ok(together(&store.learned_updates().await?, said))
}

/// What was kept and what devices say now, without keeping any of it.
///
/// # Errors
/// Where the database does not answer.
pub async fn told(store: &dyn Store, now: Time) -> Result<Learned, StoreError> {
    let said = tally(store, now).await?;
    learned(store, &said).await
}

/// Asks every device's profile what it says of updates. What enough devices say is kept, for profiles forget: another update or revision,
/// more devices than ever, an earlier moment. What fewer say is told as long as they say it, so that no device can fill the database
/// with what it makes up. One server `keeps` for all. A fleet that says nothing new writes nothing. Gives what they said.
///
/// # Errors
/// Where the database does not answer.
pub async fn learn(store: &dyn Store, keeps: bool, now: Time) -> Result<ClaimTally, StoreError> {
    let tally = tally(store, now).await?;
    if !keeps {
        return Ok(tally);
    }
    let before = store.learned_updates().await?;
    let known: BTreeMap<(Told, u32), &LearnedRow> = before
        .iter()
        .map(|row| ((of(row), row.revision), row))
        .collect();
    let news: Vec<LearnedRow> = tally
        .iter()
        .filter(|(_, update)| update.devices >= BASELINE_QUORUM as u64)
        .filter(|(told, update)| {
            known.get(&(*told, update.revision)).is_none_or(|row| {
                row.devices < update.devices
                    || row.by_title < update.by_title
                    || row.since > update.since
            })
        })
        .map(|(told, update)| row(told, &update, now))
        .collect();
    if !news.is_empty() {
        store.learn_updates(&news).await?;
    }
    Ok(tally)
}

/// What all active devices say now.
async fn tally(store: &dyn Store, now: Time) -> Result<ClaimTally, StoreError> {
    let mut tally = ClaimTally::default();
    let mut after = 0;
    loop {
        let profiles = store
            .profiles_after(&Scope::All, &Filter::Everything, after, AT_ONCE)
            .await?;
        let Some(last) = profiles.last() else {
            return Ok(tally);
        };
        after = last.key;
        for profile in profiles.iter().filter_map(|kept| decode(&kept.profile)) {
            if let Some(kind) = profile.kind {
                tally.add(kind, &profile.claims, now);
            }
        }
        if profiles.len() < AT_ONCE as usize {
            return Ok(tally);
        }
    }
}

/// What was kept, and what devices say beside it.
fn together(rows: &[LearnedRow], tally: &ClaimTally) -> Learned {
    let mut learned = Learned::default();
    let said: BTreeMap<(Told, u32), LearnedUpdate> = tally
        .iter()
        .map(|(told, update)| ((told, update.revision), update))
        .collect();
    let mut kept = BTreeSet::new();
    for row in rows {
        kept.insert((of(row), row.revision));
        learned.add(
            of(row),
            LearnedUpdate {
                revision: row.revision,
                devices: row.devices,
                by_title: row.by_title,
                since: row.since,
                imported: row.imported,
                kept_at: Some(row.learned_at),
                ..said
                    .get(&(of(row), row.revision))
                    .copied()
                    .unwrap_or(SAID_BY_NONE)
            },
        );
    }
    for (told, update) in tally.iter() {
        if !kept.contains(&(told, update.revision)) {
            learned.add(told, update);
        }
    }
    learned
}

fn of(row: &LearnedRow) -> Told {
    Told {
        kb: row.kb,
        kind: row.kind,
        package_build: row.package_build,
    }
}

fn row(told: Told, update: &LearnedUpdate, now: Time) -> LearnedRow {
    LearnedRow {
        kb: told.kb,
        kind: told.kind,
        package_build: told.package_build,
        revision: update.revision,
        devices: update.devices,
        by_title: update.by_title,
        since: update.since,
        learned_at: now,
        imported: update.imported,
    }
}
