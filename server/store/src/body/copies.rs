//! Copies of every device, so that benchmarks have a large fleet within minutes: lists, counters and profiles are as large as with so many
//! machines. History is not copied.

use super::{Backend, Db, numbers_follow};
use crate::Result;
use crate::error::During;

const COPY: &str = "copy devices";

/// Columns of `device` that a copy shares with its original.
macro_rules! same {
    () => {
        "status, version, domain, ou, site, kind, release, build, ubr, edition, arch, tags, reported_tags, source_quality, \
         source_feature, source_driver, source_other, primary_issue, epoch, sequence, digest, open_count, serious_count, unknown_count, \
         accepted_count, health, last_seen_at, last_report_at, confirmed_at, due_at, enrolled_at, collector_version, fingerprint, \
         status_at, clock_ahead_ms, client_id, stack, token_id, ephemeral_ms, ended, successor_key"
    };
}

statements! {
    LAST = "SELECT COALESCE(MAX(key), 0) FROM device";

    /// By how much keys grow, up to which key, what follows names.
    DEVICES = concat!(
        "INSERT INTO device (key, id, name, name_lower, ", same!(), ") SELECT key + $1, ", id_of_copy!("key + $1"),
        ", name || $3, name_lower || $3, ", same!(), " FROM device WHERE key <= $2"
    );
    FINDINGS = "INSERT INTO finding (device_key, issue, state, severity, summary, causes, since, changed_at, accepted_until) \
        SELECT device_key + $1, issue, state, severity, summary, causes, since, changed_at, accepted_until \
        FROM finding WHERE device_key <= $2";
    CAUSES = "INSERT INTO finding_cause (device_key, issue, cause_key, label) SELECT device_key + $1, issue, cause_key, label \
        FROM finding_cause WHERE device_key <= $2";
    TAGS = "INSERT INTO device_tag (device_key, tag) SELECT device_key + $1, tag FROM device_tag WHERE device_key <= $2";
    REPORTED_TAGS = "INSERT INTO device_reported_tag (device_key, tag) SELECT device_key + $1, tag FROM device_reported_tag \
        WHERE device_key <= $2";
    FACTS = "INSERT INTO device_facts (device_key, facts) SELECT device_key + $1, facts FROM device_facts WHERE device_key <= $2";
    PROFILES = "INSERT INTO device_updates (device_key, profile) SELECT device_key + $1, profile FROM device_updates WHERE device_key <= $2";

    ISSUE_COUNTS = "UPDATE issue_count SET open_count = open_count * $1, serious_count = serious_count * $1, \
        unknown_count = unknown_count * $1, accepted_count = accepted_count * $1, primary_count = primary_count * $1";
    SOURCE_COUNTS = "UPDATE source_count SET devices = devices * $1";
    FLEET_COUNTS = "UPDATE fleet_count SET devices = devices * $1";
}

/// Copies every device so often.
pub(super) async fn copy(store: &Backend, copies: u32) -> Result<()> {
    let mut transaction = store.begin(COPY).await?;
    let last: i64 = sqlx::query_scalar::<Db, i64>(LAST)
        .fetch_one(&mut *transaction)
        .await
        .during(COPY)?;
    for copy in 1..=i64::from(copies) {
        sqlx::query::<Db>(DEVICES)
            .bind(copy * last)
            .bind(last)
            .bind(format!("-{copy}"))
            .execute(&mut *transaction)
            .await
            .during(COPY)?;
        for statement in [FINDINGS, CAUSES, TAGS, REPORTED_TAGS, FACTS, PROFILES] {
            sqlx::query::<Db>(statement)
                .bind(copy * last)
                .bind(last)
                .execute(&mut *transaction)
                .await
                .during(COPY)?;
        }
        // One transaction for all of them would keep all of it in the log at once.
        if copy % 20 == 0 {
            transaction.commit().await.during(COPY)?;
            transaction = store.begin(COPY).await?;
        }
    }
    for statement in [ISSUE_COUNTS, SOURCE_COUNTS, FLEET_COUNTS] {
        sqlx::query::<Db>(statement)
            .bind(i64::from(copies) + 1)
            .execute(&mut *transaction)
            .await
            .during(COPY)?;
    }
    numbers_follow(&mut transaction).await?;
    transaction.commit().await.during(COPY)
}
