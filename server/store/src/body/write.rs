//! Writes a plan: one statement over a list of rows for each kind of row.

use sickbay_diagnosis::Time;

use super::Connection;
use super::query::{How, RowList};
use super::updates::PROFILES;
use crate::Result;
use crate::codes::text;
use crate::column::Column::{Bytes, Int, Text};
use crate::plan::Plan;
use crate::tally::Tally;

/// The part of a device that every change writes. The version moves, so that whoever loaded it before has to load again.
pub(super) const DEVICES: RowList = RowList {
    operation: "write devices",
    how: How::Match,
    before: "UPDATE device SET version = device.version + 1, epoch = COALESCE(v.column2, device.epoch), \
             sequence = COALESCE(v.column3, device.sequence), digest = COALESCE(v.column4, device.digest), last_seen_at = v.column5, \
             last_report_at = v.column6, due_at = v.column7, open_count = v.column8, serious_count = v.column9, unknown_count = v.column10, \
             health = v.column11, accepted_count = v.column12 FROM (VALUES",
    columns: &[
        Int, Bytes, Int, Bytes, Int, Int, Int, Int, Int, Int, Int, Int,
    ],
    after: ") AS v WHERE device.key = v.column1",
};

pub(super) const SUMMARIES: RowList = RowList {
    operation: "write summaries",
    how: How::Match,
    before: "UPDATE device SET name = v.column2, name_lower = v.column3, domain = v.column4, ou = v.column5, site = v.column6, \
             kind = v.column7, release = v.column8, build = v.column9, ubr = v.column10, edition = v.column11, arch = v.column12, \
             source_quality = v.column13, source_feature = v.column14, source_driver = v.column15, source_other = v.column16, \
             primary_issue = v.column17, reported_tags = v.column18, client_id = v.column19, stack = v.column20 FROM (VALUES",
    columns: &[
        Int, Text, Text, Text, Text, Text, Text, Text, Int, Int, Text, Text, Text, Text, Text,
        Text, Text, Text, Text, Int,
    ],
    after: ") AS v WHERE device.key = v.column1",
};

/// Where any of the tags that a device reports is another, all of them are written. Those of its token stand in a table that no report
/// reaches.
pub(super) const OLD_TAGS: RowList = RowList {
    operation: "remove reported tags",
    how: How::Match,
    before: "DELETE FROM device_reported_tag WHERE device_key IN (VALUES",
    columns: &[Int],
    after: ")",
};

pub(super) const TAGS: RowList = RowList {
    operation: "write reported tags",
    how: How::Insert,
    before: "INSERT INTO device_reported_tag (device_key, tag)",
    columns: &[Int, Text],
    after: " ON CONFLICT (device_key, tag) DO NOTHING",
};

pub(super) const FACTS: RowList = RowList {
    operation: "write facts",
    how: How::Insert,
    before: "INSERT INTO device_facts (device_key, facts)",
    columns: &[Int, Bytes],
    after: " ON CONFLICT (device_key) DO UPDATE SET facts = excluded.facts",
};

/// Their causes go with them.
pub(super) const REMOVED: RowList = RowList {
    operation: "remove findings",
    how: How::Match,
    before: "DELETE FROM finding WHERE (device_key, issue) IN (VALUES",
    columns: &[Int, Text],
    after: ")",
};

pub(super) const OLD_CAUSES: RowList = RowList {
    operation: "remove causes",
    how: How::Match,
    before: "DELETE FROM finding_cause WHERE (device_key, issue) IN (VALUES",
    columns: &[Int, Text],
    after: ")",
};

pub(super) const FINDINGS: RowList = RowList {
    operation: "write findings",
    how: How::Insert,
    before: "INSERT INTO finding (device_key, issue, state, severity, summary, causes, since, changed_at, accepted_until)",
    columns: &[Int, Text, Int, Int, Text, Text, Int, Int, Int],
    after: " ON CONFLICT (device_key, issue) DO UPDATE SET state = excluded.state, severity = excluded.severity, \
            summary = excluded.summary, causes = excluded.causes, since = excluded.since, changed_at = excluded.changed_at, \
            accepted_until = excluded.accepted_until",
};

pub(super) const CAUSES: RowList = RowList {
    operation: "write causes",
    how: How::Insert,
    before: "INSERT INTO finding_cause (device_key, issue, cause_key, label)",
    columns: &[Int, Text, Text, Text],
    after: "",
};

pub(super) const HISTORY: RowList = RowList {
    operation: "write history",
    how: How::Insert,
    before: "INSERT INTO history (device_key, at, issue, from_state, to_state, causes, summary)",
    columns: &[Int, Int, Text, Int, Int, Text, Text],
    after: "",
};

pub(super) const ISSUE_COUNTS: RowList = RowList {
    operation: "count findings",
    how: How::Insert,
    before: "INSERT INTO issue_count (issue, open_count, serious_count, unknown_count, accepted_count)",
    columns: &[Text, Int, Int, Int, Int],
    after: " ON CONFLICT (issue) DO UPDATE SET open_count = issue_count.open_count + excluded.open_count, \
            serious_count = issue_count.serious_count + excluded.serious_count, \
            unknown_count = issue_count.unknown_count + excluded.unknown_count, \
            accepted_count = issue_count.accepted_count + excluded.accepted_count",
};

pub(super) const PRIMARY_COUNTS: RowList = RowList {
    operation: "count primary causes",
    how: How::Match,
    before: "INSERT INTO issue_count (issue, open_count, serious_count, unknown_count, primary_count) SELECT v.column1, 0, 0, 0, v.column2 \
             FROM (VALUES",
    columns: &[Text, Int],
    after: ") AS v WHERE v.column1 IS NOT NULL ON CONFLICT (issue) DO UPDATE SET primary_count = issue_count.primary_count + excluded.primary_count",
};

pub(super) const SOURCE_COUNTS: RowList = RowList {
    operation: "count sources",
    how: How::Insert,
    before: "INSERT INTO source_count (kind, class, source, devices)",
    columns: &[Text, Int, Text, Int],
    after: " ON CONFLICT (kind, class, source) DO UPDATE SET devices = source_count.devices + excluded.devices",
};

pub(super) const FLEET_COUNTS: RowList = RowList {
    operation: "count devices",
    how: How::Insert,
    before: "INSERT INTO fleet_count (status, health, devices)",
    columns: &[Int, Int, Int],
    after: " ON CONFLICT (status, health) DO UPDATE SET devices = fleet_count.devices + excluded.devices",
};

/// A device that had a revision earlier than it said before is taken at its earlier word.
pub(super) const CLAIMS: RowList = RowList {
    operation: "write claims",
    how: How::Insert,
    before: "INSERT INTO baseline_claim (what, kind, build, revision, device_key, at)",
    columns: &[Int, Text, Int, Int, Int, Int],
    after: " ON CONFLICT (what, kind, build, revision, device_key) DO UPDATE SET \
            at = CASE WHEN excluded.at < baseline_claim.at THEN excluded.at ELSE baseline_claim.at END",
};

/// Only the five earliest of a revision are kept.
pub(super) const LATE_CLAIMS: RowList = RowList {
    operation: "remove late claims",
    how: How::Match,
    before: "DELETE FROM baseline_claim WHERE (what, kind, build, revision, device_key) IN (SELECT r.what, r.kind, r.build, r.revision, \
             r.device_key FROM (SELECT c.what, c.kind, c.build, c.revision, c.device_key, \
             ROW_NUMBER() OVER (PARTITION BY c.what, c.kind, c.build, c.revision ORDER BY c.at, c.device_key) AS place \
             FROM baseline_claim c WHERE (c.what, c.kind, c.build, c.revision) IN (VALUES",
    columns: &[Int, Text, Int, Int],
    after: ")) AS r WHERE r.place > 5)",
};

/// Every list of rows of this module.
#[cfg(test)]
pub(super) const LISTS: &[&RowList] = &[
    &DEVICES,
    &SUMMARIES,
    &OLD_TAGS,
    &TAGS,
    &FACTS,
    &PROFILES,
    &REMOVED,
    &OLD_CAUSES,
    &FINDINGS,
    &CAUSES,
    &HISTORY,
    &ISSUE_COUNTS,
    &PRIMARY_COUNTS,
    &CLAIMS,
    &LATE_CLAIMS,
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
    CLAIMS
        .run(connection, &plan.claims, |query, row| {
            query
                .bind(row.of.what)
                .bind(row.of.kind)
                .bind(row.of.build)
                .bind(row.of.revision)
                .bind(row.key)
                .bind(row.at)
        })
        .await?;
    LATE_CLAIMS
        .run(connection, &plan.claimed, |query, of| {
            query
                .bind(of.what)
                .bind(of.kind)
                .bind(of.build)
                .bind(of.revision)
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
                .bind(row.counts.accepted)
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
                .bind(text(&summary.client_id))
                .bind(summary.stack.map(i64::from))
        })
        .await?;
    OLD_TAGS
        .run(connection, &plan.retagged, |query, key| query.bind(*key))
        .await?;
    TAGS.run(connection, &plan.reported_tags, |query, (key, tag)| {
        query.bind(*key).bind(tag.clone())
    })
    .await?;
    FACTS
        .run(connection, &plan.facts, |query, (key, facts)| {
            query.bind(*key).bind(facts.clone())
        })
        .await?;
    PROFILES
        .run(connection, &plan.profiles, |query, (key, profile)| {
            query.bind(*key).bind(profile.to_vec())
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
                .bind(row.state)
                .bind(row.severity)
                .bind(text(&row.finding.summary))
                .bind(row.causes.clone())
                .bind(row.finding.since.millis())
                .bind(row.finding.changed_at.millis())
                .bind(row.finding.accepted_until.map(Time::millis))
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
                .bind(counts.accepted)
        })
        .await?;
    PRIMARY_COUNTS
        .run(connection, &moved.primary, |query, (issue, devices)| {
            query.bind(issue.clone()).bind(*devices)
        })
        .await?;
    SOURCE_COUNTS
        .run(
            connection,
            &moved.sources,
            |query, (kind, class, source, devices)| {
                query
                    .bind(kind.clone())
                    .bind(*class)
                    .bind(source.clone())
                    .bind(*devices)
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
