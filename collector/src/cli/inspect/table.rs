//! An inspection for people: the device, what is open with its evidence, what is unknown and why, the rest in short.
//!
//! Everything that comes from the machine is stripped of what could steer a terminal. Of long data the first
//! [`MAX_DATA_CHARS`] characters and [`MAX_DATA_LINES`] lines are shown; the JSON form has all.

use std::fmt::Write as _;

use serde_json::Value;
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::reading::Evidence;
use sickbay_diagnosis::verdict::{Severity, State, Verdict};

use super::{Inspected, printable};

const MAX_DATA_CHARS: usize = 200;
const MAX_DATA_LINES: usize = 6;

/// The whole text, ending in a line break.
pub(super) fn table(inspected: &Inspected) -> String {
    let mut out = format!("{}\n", device_line(inspected));
    let of = |state| {
        inspected
            .diagnosis
            .iter()
            .filter(move |(_, verdict)| verdict.state() == state)
    };
    if let Some(issue) = inspected.diagnosis.primary() {
        let _ = writeln!(out, "What explains most: {}", issue.title);
    }
    let mut open: Vec<(&Issue, &Verdict)> = of(State::Open).collect();
    open.sort_by_key(|(_, verdict)| std::cmp::Reverse(verdict.severity()));
    heading(&mut out, "OPEN", open.len());
    for (issue, verdict) in open {
        open_issue(&mut out, inspected, issue, verdict);
    }
    heading(
        &mut out,
        "UNKNOWN",
        inspected.diagnosis.count(State::Unknown),
    );
    for (issue, verdict) in of(State::Unknown) {
        let _ = writeln!(out, "  {}: {}", issue.title, printable(&verdict.summary));
    }
    for (state, title) in [
        (State::Clear, "CLEAR"),
        (State::NotApplicable, "NOT APPLICABLE"),
    ] {
        heading(&mut out, title, inspected.diagnosis.count(state));
        for (issue, verdict) in of(state) {
            let _ = writeln!(out, "  {}: {}", issue.id, printable(&verdict.summary));
        }
    }
    out
}

fn heading(out: &mut String, title: &str, count: usize) {
    let _ = writeln!(out, "\n{title} ({count})");
}

fn device_line(inspected: &Inspected) -> String {
    let facts = inspected.facts_json();
    let device = facts.get("device").unwrap_or(&Value::Null);
    let mut words: Vec<String> = ["host_name", "release", "edition", "arch", "domain"]
        .iter()
        .filter_map(|field| device.get(field)?.as_str())
        .filter(|text| !text.is_empty())
        .map(printable)
        .collect();
    if let (Some(build), Some(ubr)) = (device["build"].as_u64(), device["ubr"].as_u64()) {
        words.push(format!("build {build}.{ubr}"));
    }
    let name = if words.is_empty() {
        "A device of which name and release are not known".to_owned()
    } else {
        words.join(", ")
    };
    format!("{name}, as of {}", inspected.now)
}

fn open_issue(out: &mut String, inspected: &Inspected, issue: &Issue, verdict: &Verdict) {
    let severity = verdict.severity().map_or("", Severity::name);
    let _ = writeln!(out, "  {} [{severity}] {}", issue.title, issue.id);
    let _ = writeln!(out, "    {}", printable(&verdict.summary));
    for cause in verdict.causes() {
        let _ = writeln!(out, "    Cause: {}", printable(&cause.label));
    }
    for evidence in inspected.evidence(verdict) {
        evidence_lines(out, &evidence);
    }
    for step in issue.fix {
        let _ = writeln!(out, "    Fix: {}", step.text);
        if let Some(command) = step.command {
            let _ = writeln!(out, "         {command}");
        }
    }
}

fn evidence_lines(out: &mut String, evidence: &Evidence) {
    let place = if evidence.name.is_empty() {
        evidence.path.clone()
    } else {
        format!("{} {}", evidence.path, evidence.name)
    };
    let place = printable(&place).replace('\n', " ");
    let data = printable(&evidence.data);
    let lines: Vec<String> = data.lines().map(shortened).collect();
    let shown = lines
        .first()
        .map_or_else(String::new, |line| format!(" = {line}"));
    let _ = writeln!(out, "    Read: {place}{shown} [{}]", evidence.kind);
    for line in lines.iter().skip(1).take(MAX_DATA_LINES - 1) {
        let _ = writeln!(out, "          {line}");
    }
    if lines.len() > MAX_DATA_LINES {
        let more = lines.len() - MAX_DATA_LINES;
        let _ = writeln!(out, "          and {more} more lines");
    }
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(MAX_DATA_CHARS) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line.to_owned(),
    }
}
