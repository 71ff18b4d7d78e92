//! The record of what was done, as the server sees it: who seals it, and what a line is made of.
//!
//! Deeds that change the database are recorded by the store in their own transaction. What leaves the server without changing anything, an
//! export or a secret that is shown, is recorded here before it leaves.

mod key;

pub use key::AuditKey;

use std::time::Duration;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::DAY_MS;
use sickbay_store::{NewAudit, Store, StoreError, action};

/// Lines that are removed in one step: a short transaction.
const CUT_AT_ONCE: u32 = 1_000;
/// Between two steps, so that reports are not held up.
const PAUSE: Duration = Duration::from_millis(20);

/// Somebody takes a list away.
pub fn exported(now: Time, by: &str, list: &str, file: &str, filter: Option<&str>) -> NewAudit {
    let which = match filter.map(str::trim) {
        None | Some("") => String::new(),
        Some(filter) => format!(", of devices that match {filter}"),
    };
    NewAudit::new(now, by, action::EXPORTED, format!("devices of {list}"))
        .with(format!("{file}{which}"))
}

/// Removes lines older than so many days, in steps, and records that. Says how many went.
pub async fn cut(store: &dyn Store, keep_days: u32, now: Time) -> Result<u64, StoreError> {
    let before = now.plus_millis(-i64::from(keep_days) * DAY_MS);
    let mut removed = 0;
    loop {
        let went = store.cut_audit(before, CUT_AT_ONCE, now).await?;
        if went == 0 {
            break;
        }
        removed += went;
        tokio::time::sleep(PAUSE).await;
    }
    if removed > 0 {
        let line = NewAudit::new(
            now,
            "server",
            action::RECORD_CUT,
            format!("{removed} lines"),
        )
        .with(format!("older than {keep_days} days (audit.keep_days)"));
        store.record(vec![line]).await?;
    }
    Ok(removed)
}
