//! Which update brings which build, learned from all devices (decision 26).

use std::collections::BTreeMap;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::explanation::{ClaimTally, Learned, LearnedUpdate, Told};
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{LearnedRow, Scope, Store, StoreError};

use super::{AT_ONCE, decode};

/// What is known by now, without asking the devices again.
///
/// # Errors
/// Where the database does not answer.
pub async fn learned(store: &dyn Store) -> Result<Learned, StoreError> {
    Ok(of(&store.learned_updates().await?))
}

/// Asks every device's profile what it says of updates and keeps what is new: another update or revision, more devices than ever, an
/// earlier moment. A fleet that says nothing new writes nothing.
///
/// # Errors
/// Where the database does not answer.
pub async fn learn(store: &dyn Store, now: Time) -> Result<Learned, StoreError> {
    let tally = tally(store, now).await?;
    let before = store.learned_updates().await?;
    let known: BTreeMap<(Told, u32), &LearnedRow> = before
        .iter()
        .map(|row| ((told(row), row.revision), row))
        .collect();
    let news: Vec<LearnedRow> = tally
        .iter()
        .filter(|(told, update)| {
            known.get(&(*told, update.revision)).is_none_or(|row| {
                row.devices < update.devices
                    || row.by_title < update.by_title
                    || row.since > update.since
            })
        })
        .map(|(told, update)| row(told, &update, now))
        .collect();
    if news.is_empty() {
        return Ok(of(&before));
    }
    store.learn_updates(&news).await?;
    learned(store).await
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

fn of(rows: &[LearnedRow]) -> Learned {
    let mut learned = Learned::default();
    for row in rows {
        learned.add(
            told(row),
            LearnedUpdate {
                revision: row.revision,
                devices: row.devices,
                by_title: row.by_title,
                since: row.since,
                imported: row.imported,
            },
        );
    }
    learned
}

fn told(row: &LearnedRow) -> Told {
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
