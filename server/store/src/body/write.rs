//! Writes a plan: one statement over a list of rows for each kind of row.

use super::Connection;
use super::query::RowList;
use crate::Result;
use crate::codes::text;
use crate::column::Column::{Bytes, Int, Text};
use crate::plan::Plan;
use crate::tally::Tally;

/// The part of a device that every change writes. The version moves, so that whoever loaded it before has to load again.
pub(super) const DEVICES: RowList = RowList {
    operation: "write devices",
    before: "UPDATE device SET version = device.version + 1, epoch = COALESCE(v.column2, device.epoch), \
             sequence = COALESCE(v.column3, device.sequence), digest = COALESCE(v.column4, device.digest), last_seen_at = v.column5, \
             last_report_at = v.column6, due_at = v.column7, open_count = v.column8, serious_count = v.column9, unknown_count = v.column10, \
             health = v.column11 FROM (VALUES",
    columns: &[Int, Bytes, Int, Bytes, Int, Int, Int, Int, Int, Int, Int],
    after: ") AS v WHERE device.key = v.column1",
};

pub(super) const SUMMARIES: RowList = RowList {
    operation: "write summaries",
    before: "UPDATE device SET name = v.column2, name_lower = v.column3, domain = v.column4, ou = v.column5, site = v.column6, \
             kind = v.column7, release = v.column8, build = v.column9, ubr = v.column10, edition = v.column11, arch = v.column12, \
             source_quality = v.column13, source_feature = v.column14, source_driver = v.column15, source_other = v.column16, \
             primary_issue = v.column17, reported_tags = v.column18 FROM (VALUES",
    columns: &[
        Int, Text, Text, Text, Text, Text, Text, Text, Int, Int, Text, Text, Text, Text, Text,
        Text, Text, Text,
    ],
    after: ") AS v WHERE device.key = v.column1",
};

/// Where any of the tags that a device reports is another, all of them are written. Those of its token stand in a table that no report
/// reaches.
pub(super) const OLD_TAGS: RowList = RowList {
    operation: "remove reported tags",
    before: "DELETE FROM device_reported_tag WHERE device_key IN (VALUES",
    columns: &[Int],
    after: ")",
};

pub(super) const TAGS: RowList = RowList {
    operation: "write reported tags",
    before: "INSERT INTO device_reported_tag (device_key, tag) VALUES",
    columns: &[Int, Text],
    after: " ON CONFLICT (device_key, tag) DO NOTHING",
};

/// A device's findings stand in lists by its name.
pub(super) const RENAMED: RowList = RowList {
    operation: "rename findings",
    before: "UPDATE finding SET name_lower = v.column2 FROM (VALUES",
    columns: &[Int, Text],
    after: ") AS v WHERE finding.device_key = v.column1",
};

pub(super) const FACTS: RowList = RowList {
    operation: "write facts",
    before: "INSERT INTO device_facts (device_key, facts) VALUES",
    columns: &[Int, Bytes],
    after: " ON CONFLICT (device_key) DO UPDATE SET facts = excluded.facts",
};

/// Their causes go with them.
pub(super) const REMOVED: RowList = RowList {
    operation: "remove findings",
    before: "DELETE FROM finding WHERE (device_key, issue) IN (VALUES",
    columns: &[Int, Text],
    after: ")",
};

pub(super) const OLD_CAUSES: RowList = RowList {
    operation: "remove causes",
    before: "DELETE FROM finding_cause WHERE (device_key, issue) IN (VALUES",
    columns: &[Int, Text],
    after: ")",
};

pub(super) const FINDINGS: RowList = RowList {
    operation: "write findings",
    before: "INSERT INTO finding (device_key, issue, name_lower, state, severity, summary, causes, since, changed_at) VALUES",
    columns: &[Int, Text, Text, Int, Int, Text, Text, Int, Int],
    after: " ON CONFLICT (device_key, issue) DO UPDATE SET state = excluded.state, severity = excluded.severity, \
            summary = excluded.summary, causes = excluded.causes, since = excluded.since, changed_at = excluded.changed_at",
};

pub(super) const CAUSES: RowList = RowList {
    operation: "write causes",
    before: "INSERT INTO finding_cause (device_key, issue, cause_key, label) VALUES",
    columns: &[Int, Text, Text, Text],
    after: "",
};

pub(super) const HISTORY: RowList = RowList {
    operation: "write history",
    before: "INSERT INTO history (device_key, at, issue, from_state, to_state, causes, summary) VALUES",
    columns: &[Int, Int, Text, Int, Int, Text, Text],
    after: "",
};

pub(super) const ISSUE_COUNTS: RowList = RowList {
    operation: "count findings",
    before: "INSERT INTO issue_count (issue, open_count, serious_count, unknown_count) VALUES",
    columns: &[Text, Int, Int, Int],
    after: " ON CONFLICT (issue) DO UPDATE SET open_count = issue_count.open_count + excluded.open_count, \
            serious_count = issue_count.serious_count + excluded.serious_count, \
            unknown_count = issue_count.unknown_count + excluded.unknown_count",
};

pub(super) const SOURCE_COUNTS: RowList = RowList {
    operation: "count sources",
    before: "INSERT INTO source_count (class, source, devices) VALUES",
    columns: &[Int, Text, Int],
    after: " ON CONFLICT (class, source) DO UPDATE SET devices = source_count.devices + excluded.devices",
};

pub(super) const FLEET_COUNTS: RowList = RowList {
    operation: "count devices",
    before: "INSERT INTO fleet_count (status, health, devices) VALUES",
    columns: &[Int, Int, Int],
    after: " ON CONFLICT (status, health) DO UPDATE SET devices = fleet_count.devices + excluded.devices",
};

/// Every list of rows of this module.
#[cfg(test)]
pub(super) const LISTS: &[&RowList] = &[
    &DEVICES,
    &SUMMARIES,
    &OLD_TAGS,
    &TAGS,
    &RENAMED,
    &FACTS,
    &REMOVED,
    &OLD_CAUSES,
    &FINDINGS,
    &CAUSES,
    &HISTORY,
    &ISSUE_COUNTS,
    &SOURCE_COUNTS,
    &FLEET_COUNTS,
];

/// Writes everything a plan holds.
pub(super) async fn plan(connection: &mut Connection, plan: &Plan<'_>) -> Result<()> {
    devices(connection, plan).await?;
    findings(connection, plan).await?;
    HISTORY
        .run(connection, &plan.history, |query, row| {
            query
                .bind(row.key)
                .bind(row.at.millis())
                .bind(row.issue.to_owned())
                .bind(row.from)
                .bind(row.to)
                .bind(row.causes.clone())
                .bind(row.summary.clone())
        })
        .await?;
    tally(connection, &plan.tally).await
}

async fn devices(connection: &mut Connection, plan: &Plan<'_>) -> Result<()> {
    DEVICES
        .run(connection, &plan.devices, |query, row| {
            query
                .bind(row.key)
                .bind(row.epoch.map(<[u8]>::to_vec))
                .bind(row.sequence)
                .bind(row.digest.map(<[u8]>::to_vec))
                .bind(row.last_seen_at)
                .bind(row.last_report_at)
                .bind(row.due_at)
                .bind(row.counts.open)
                .bind(row.counts.serious)
                .bind(row.counts.unknown)
                .bind(row.health)
        })
        .await?;
    SUMMARIES
        .run(connection, &plan.summaries, |query, row| {
            let [quality, feature, driver, other] = row.sources.clone();
            let summary = row.summary;
            query
                .bind(row.key)
                .bind(row.name.clone())
                .bind(row.name_lower.clone())
                .bind(text(&summary.domain))
                .bind(text(&summary.ou))
                .bind(text(&summary.site))
                .bind(text(&summary.kind))
                .bind(text(&summary.release))
                .bind(summary.build.map(i64::from))
                .bind(summary.ubr.map(i64::from))
                .bind(text(&summary.edition))
                .bind(text(&summary.arch))
                .bind(quality)
                .bind(feature)
                .bind(driver)
                .bind(other)
                .bind(text(&summary.primary_issue))
                .bind(row.reported_tags.clone())
        })
        .await?;
    OLD_TAGS
        .run(connection, &plan.retagged, |query, key| query.bind(*key))
        .await?;
    TAGS.run(connection, &plan.reported_tags, |query, (key, tag)| {
        query.bind(*key).bind(tag.clone())
    })
    .await?;
    RENAMED
        .run(connection, &plan.renamed, |query, (key, name)| {
            query.bind(*key).bind(name.clone())
        })
        .await?;
    FACTS
        .run(connection, &plan.facts, |query, (key, facts)| {
            query.bind(*key).bind(facts.clone())
        })
        .await
}

async fn findings(connection: &mut Connection, plan: &Plan<'_>) -> Result<()> {
    REMOVED
        .run(connection, &plan.removed, |query, row| {
            query.bind(row.key).bind(row.issue.to_owned())
        })
        .await?;
    OLD_CAUSES
        .run(connection, &plan.replaced, |query, row| {
            query.bind(row.key).bind(row.issue.to_owned())
        })
        .await?;
    FINDINGS
        .run(connection, &plan.put, |query, row| {
            query
                .bind(row.key)
                .bind(row.finding.issue.clone())
                .bind(row.name_lower.clone())
                .bind(row.state)
                .bind(row.severity)
                .bind(text(&row.finding.summary))
                .bind(row.causes.clone())
                .bind(row.finding.since.millis())
                .bind(row.finding.changed_at.millis())
        })
        .await?;
    CAUSES
        .run(connection, &plan.causes, |query, row| {
            query
                .bind(row.key)
                .bind(row.issue.to_owned())
                .bind(row.cause_key.clone())
                .bind(row.label.clone())
        })
        .await
}

/// Moves the counters.
pub(super) async fn tally(connection: &mut Connection, tally: &Tally) -> Result<()> {
    let moved = tally.moved();
    ISSUE_COUNTS
        .run(connection, &moved.issues, |query, (issue, counts)| {
            query
                .bind(issue.clone())
                .bind(counts.open)
                .bind(counts.serious)
                .bind(counts.unknown)
        })
        .await?;
    SOURCE_COUNTS
        .run(
            connection,
            &moved.sources,
            |query, (class, source, devices)| {
                query.bind(*class).bind(source.clone()).bind(*devices)
            },
        )
        .await?;
    FLEET_COUNTS
        .run(
            connection,
            &moved.fleet,
            |query, (status, health, devices)| query.bind(*status).bind(*health).bind(*devices),
        )
        .await
}
