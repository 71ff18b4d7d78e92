//! What monitoring sees: that it is counted, that labels are from closed sets, and that the dashboard, the alerts and the guide speak of
//! exactly what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sickbay_proto::v1::error_detail::Reason;
use sickbay_server::metrics::connections::{Call, Refusal, SessionEnd};
use sickbay_server::metrics::jobs::{Job, Outcome};
use sickbay_server::metrics::present::{Certificate, Pool};
use sickbay_server::metrics::web::{Class, Route};

use crate::device::{Device, EPOCH, Session, hello, reason, report};
use crate::readings::{client, not_paused, on_the_wire};
use crate::site::{Site, eventually, http};

const DASHBOARD: &str = include_str!("../../../packaging/monitoring/sickbay-dashboard.json");
const ALERTS: &str = include_str!("../../../packaging/monitoring/sickbay-alerts.yml");
const GUIDE: &str = include_str!("../../../docs/guide/monitoring.md");

/// What the server exposes and no panel shows, and why.
const NOT_SHOWN: [(&str, &str); 0] = [];

/// What `/metrics` said at one moment.
struct Said {
    text: String,
    /// Each family with its type.
    families: BTreeMap<String, String>,
    /// Each series, as it is spelled, with its value.
    series: BTreeMap<String, f64>,
}

impl Said {
    async fn by(site: &Site) -> Self {
        let client = http().build().unwrap();
        let url = format!("http://{}/metrics", site.server.health);
        let answer = client.get(url).send().await.unwrap();
        Self::read(answer.text().await.unwrap())
    }

    fn read(text: String) -> Self {
        assert!(text.ends_with("# EOF\n"), "{text}");
        let (mut families, mut series) = (BTreeMap::new(), BTreeMap::new());
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let (name, kind) = family.split_once(' ').unwrap();
                let before = families.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "{name} is declared twice");
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').unwrap();
                let before = series.insert(name.to_owned(), value.parse().unwrap());
                assert_eq!(before, None, "{name} is said twice");
            }
        }
        Self {
            text,
            families,
            series,
        }
    }

    /// The value of a series.
    fn value(&self, series: &str) -> f64 {
        let value = self.series.get(series);
        *value.unwrap_or_else(|| panic!("no {series} in {}", self.text))
    }

    /// The name by which each family is spoken of, with the names of its series and its type.
    fn spoken(&self) -> BTreeMap<String, (BTreeSet<String>, &str)> {
        let of = |(name, kind): (&String, &String)| {
            let with = |ends: &[&str]| ends.iter().map(|end| format!("{name}{end}")).collect();
            let (spoken, series): (String, BTreeSet<String>) = match kind.as_str() {
                "counter" => (format!("{name}_total"), with(&["_total"])),
                "gauge" => (name.clone(), with(&[""])),
                "histogram" => (name.clone(), with(&["_bucket", "_sum", "_count"])),
                "info" => (format!("{name}_info"), with(&["_info"])),
                other => panic!("{name} is a {other}"),
            };
            (spoken, series)
        };
        let families = self.families.iter();
        families
            .map(|family| {
                let (spoken, series) = of(family);
                (spoken, (series, family.1.as_str()))
            })
            .collect()
    }

    /// Every label, with its values.
    fn labels(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for series in self.series.keys() {
            let Some((_, within)) = series.split_once('{') else {
                continue;
            };
            for label in within.trim_end_matches('}').split("\",") {
                let (name, value) = label.split_once("=\"").unwrap();
                let value = value.trim_end_matches('"').to_owned();
                labels.entry(name.to_owned()).or_default().insert(value);
            }
        }
        labels
    }
}

/// What an expression of Prometheus asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    metrics: BTreeSet<String>,
    /// Labels that it groups or joins by.
    groups: BTreeSet<String>,
    /// Labels with the values that it selects.
    selects: BTreeSet<(String, String)>,
}

impl Asked {
    fn by(expression: &str) -> Self {
        const CLAUSES: [&str; 6] = [
            "by",
            "without",
            "on",
            "ignoring",
            "group_left",
            "group_right",
        ];
        const OPERATORS: [&str; 4] = ["and", "or", "unless", "offset"];
        let mut asked = Self::default();
        let mut rest = expression;
        while let Some(first) = rest.chars().next() {
            if first == '"' {
                let (_, after) = rest[1..].split_once('"').unwrap();
                rest = after;
            } else if first == '[' {
                let (_, after) = rest.split_once(']').unwrap();
                rest = after;
            } else if first == '{' {
                let (within, after) = rest[1..].split_once('}').unwrap();
                for matcher in within.split("\",") {
                    let (name, values) = matcher.split_once(['=', '!']).unwrap();
                    let values = values.trim_matches(|c: char| "=~\" ".contains(c));
                    let values = values.split('|');
                    let name = name.trim().to_owned();
                    let selects = values.map(|value| (name.clone(), value.to_owned()));
                    asked.selects.extend(selects);
                }
                rest = after;
            } else if first.is_ascii_alphabetic() || "_:".contains(first) {
                let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_:".contains(c);
                let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                rest = after.trim_start();
                if CLAUSES.contains(&word) {
                    let (within, after) = rest[1..].split_once(')').unwrap();
                    let groups = within.split(',').map(|label| label.trim().to_owned());
                    asked.groups.extend(groups);
                    rest = after;
                } else if !["(", "by ", "without "]
                    .iter()
                    .any(|next| rest.starts_with(next))
                    && !OPERATORS.contains(&word)
                {
                    asked.metrics.insert(word.to_owned());
                }
            } else if first.is_ascii_digit() {
                rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.');
            } else {
                rest = &rest[first.len_utf8()..];
            }
        }
        asked
    }
}

#[test]
fn expressions_are_understood() {
    let asked = Asked::by(
        r#"histogram_quantile(0.99, sum by (le, instance) (rate(a_bucket{instance=~"$instance", x!~"b|c"}[5m]))) > 1e3 and on (job) d / 2"#,
    );
    let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let expected = Asked {
        metrics: of(&["a_bucket", "d"]),
        groups: of(&["instance", "job", "le"]),
        selects: [("instance", "$instance"), ("x", "b"), ("x", "c")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    assert_eq!(asked, expected);
}

/// Every expression of the dashboard, with the title of its panel.
fn of_dashboard() -> Vec<(String, String)> {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut expressions = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array();
        let is_row = panel["type"] == "row";
        assert_eq!(targets.is_none(), is_row, "{title} asks for nothing");
        for target in targets.into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            assert!(expression.contains(r#"instance=~"$instance""#), "{title}");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            expressions.push((format!("panel {title}"), expression.to_owned()));
        }
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|v| v["name"].as_str()).collect();
    assert_eq!(names, [Some("datasource"), Some("instance")]);
    let ids: BTreeSet<_> = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|panel| panel["id"].as_u64())
        .collect();
    assert_eq!(ids.len(), dashboard["panels"].as_array().unwrap().len());
    expressions
}

/// Every expression of the alerts, with the alert's name.
fn of_alerts() -> Vec<(String, String)> {
    let after = |begins: &str| -> Vec<String> {
        let lines = ALERTS.lines();
        let lines = lines.filter_map(|line| line.trim_start().strip_prefix(begins));
        lines.map(str::to_owned).collect()
    };
    let (names, expressions) = (after("- alert: "), after("expr: "));
    assert_eq!(names.len(), expressions.len(), "each on a line of its own");
    assert!(names.len() > 8, "{names:?}");
    names.into_iter().zip(expressions).collect()
}

#[tokio::test]
async fn dashboard_and_alerts_ask_for_what_the_server_exposes_and_the_dashboard_for_all_of_it() {
    let site = Site::start().await;
    let said = Said::by(&site).await;
    let spoken = said.spoken();
    let exposed: BTreeSet<&String> = spoken.values().flat_map(|(series, _)| series).collect();
    let mut labels = said.labels();
    // The owner's certificate is there where there is one.
    let certificates = labels.get_mut("certificate").unwrap();
    certificates.extend(Certificate::ALL.iter().map(|of| of.name().to_owned()));
    let dashboard = of_dashboard();
    assert!(dashboard.len() > 60, "{}", dashboard.len());

    let mut shown = BTreeSet::new();
    for (place, expression) in &dashboard {
        shown.extend(holds(place, expression, &exposed, &labels).metrics);
    }
    for (place, expression) in of_alerts() {
        holds(&place, &expression, &exposed, &labels);
    }
    let reasons: BTreeMap<&str, &str> = NOT_SHOWN.into();
    for (name, (series, _)) in &spoken {
        let is_shown = series.iter().any(|series| shown.contains(series));
        let reason = reasons.get(name.as_str());
        assert_ne!(
            is_shown,
            reason.is_some(),
            "{name}: on a panel, or a reason"
        );
    }
    for name in reasons.keys() {
        assert!(spoken.contains_key(*name), "{name} is exposed no more");
    }
}

/// Asserts that an expression asks for something, and for nothing that there is not.
fn holds(
    place: &str,
    expression: &str,
    exposed: &BTreeSet<&String>,
    labels: &BTreeMap<String, BTreeSet<String>>,
) -> Asked {
    /// What Prometheus itself adds.
    const ITS_OWN: [&str; 2] = ["instance", "job"];
    let asked = Asked::by(expression);
    assert!(!asked.metrics.is_empty(), "{place}: {expression}");
    for metric in &asked.metrics {
        assert!(exposed.contains(metric), "{place}: there is no {metric}");
    }
    for label in &asked.groups {
        let is_known = ITS_OWN.contains(&label.as_str()) || labels.contains_key(label);
        assert!(is_known, "{place}: nothing has a label {label}");
    }
    for (label, value) in &asked.selects {
        let is_known = ITS_OWN.contains(&label.as_str())
            || labels.get(label).is_some_and(|all| all.contains(value));
        assert!(is_known, "{place}: no {label} is {value}");
    }
    asked
}

#[tokio::test]
async fn the_guide_tells_of_every_metric_and_of_no_other() {
    let site = Site::start().await;
    let said = Said::by(&site).await;
    let mut told = BTreeMap::new();
    for line in GUIDE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, kind, what, rises, _] = cells.as_slice() else {
            panic!("a row has four cells: {line}")
        };
        assert!(!what.is_empty() && !rises.is_empty(), "{line}");
        let name = name.trim_matches('`').to_owned();
        assert_eq!(told.insert(name, *kind), None, "twice: {line}");
    }
    let spoken = said.spoken();
    let exposed: BTreeMap<String, &str> = spoken
        .iter()
        .map(|(name, (_, kind))| (name.clone(), *kind))
        .collect();
    let missing: Vec<_> = exposed
        .iter()
        .filter(|(n, _)| !told.contains_key(*n))
        .collect();
    assert!(missing.is_empty(), "the guide does not tell of {missing:?}");
    assert_eq!(told, exposed);
}

#[tokio::test]
async fn every_queue_with_a_bound_has_it_beside() {
    let site = Site::start().await;
    let said = Said::by(&site).await;
    let limits: Vec<&String> = said
        .families
        .keys()
        .filter(|name| name.ends_with("_limit"))
        .collect();
    assert!(limits.len() >= 8, "{limits:?}");
    for limit in limits {
        let of = limit.trim_end_matches("_limit");
        // The batch is a histogram of its items.
        let measured = [of.to_owned(), format!("{of}_items")];
        let is_there = measured.iter().any(|name| said.families.contains_key(name));
        assert!(is_there, "{limit} is the bound of nothing");
        let values = said
            .series
            .iter()
            .filter(|(name, _)| name.as_str() == limit || name.starts_with(&format!("{limit}{{")));
        for (name, value) in values {
            assert!(*value >= 1.0, "{name} {value}");
        }
    }
}

#[tokio::test]
async fn what_a_session_does_is_counted_where_it_happens() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let mut session = device.session(&site).await.unwrap();
    let full = report(1, true, vec![on_the_wire(client("PC-1"))]);
    assert_eq!(session.acknowledged(full.clone()).await, 1);
    let part = report(2, false, vec![on_the_wire(not_paused())]);
    assert_eq!(session.acknowledged(part).await, 2);
    // Known already.
    assert_eq!(session.acknowledged(full).await, 2);
    let refused = Session::open(&site, Arc::clone(&device.tls), hello(&[1; 15])).await;
    assert_eq!(reason(&refused.err().unwrap()), Reason::BadRequest);
    drop(session);
    site.stranger().get("/devices").await;
    site.stranger().get("/no-such-page").await;
    site.api().await.json("/api/v1/devices").await;

    let said = eventually(
        "the session ended and the database is measured",
        async || {
            let said = Said::by(&site).await;
            let ended = said.value("sickbay_session_duration_seconds_count");
            let size = said.value("sickbay_storage_size_bytes");
            if ended < 1.0 || size < 1.0 {
                return Err(format!("{ended} ended, {size} bytes"));
            }
            Ok(said)
        },
    )
    .await;
    for (series, expected) in [
        ("sickbay_ingest_wait_seconds_count", 3.0),
        ("sickbay_acknowledgement_seconds_count", 3.0),
        ("sickbay_reports_total", 2.0),
        ("sickbay_duplicate_reports_total", 1.0),
        ("sickbay_sessions_opened_total", 1.0),
        ("sickbay_session_duration_seconds_count", 1.0),
        ("sickbay_sessions", 0.0),
        ("sickbay_ingest_queue", 0.0),
        ("sickbay_ingest_oldest_seconds", 0.0),
        (
            r#"sickbay_refusals_by_reason_total{reason="bad_request"}"#,
            1.0,
        ),
        (r#"sickbay_call_seconds_count{call="enrol"}"#, 1.0),
        (r#"sickbay_call_seconds_count{call="session"}"#, 2.0),
        (
            r#"sickbay_http_requests_total{route="page",status="4xx"}"#,
            1.0,
        ),
        (
            r#"sickbay_http_requests_total{route="other",status="4xx"}"#,
            1.0,
        ),
        (
            r#"sickbay_http_requests_total{route="api",status="2xx"}"#,
            1.0,
        ),
        (r#"sickbay_http_request_seconds_count{route="api"}"#, 1.0),
        ("sickbay_http_requests_under_way", 0.0),
        ("sickbay_handshakes_under_way", 0.0),
        ("sickbay_enrolment_queue", 0.0),
        (
            r#"sickbay_certificate_days_left{certificate="collectors"}"#,
            29.0,
        ),
        (
            r#"sickbay_storage_connections_limit{pool="write"}"#,
            writers(),
        ),
    ] {
        let value = said.value(series);
        assert!((value - expected).abs() < 1e-9, "{series} {value}");
    }
    let handshakes = said.value("sickbay_handshake_seconds_count");
    assert!(handshakes >= 2.0, "{handshakes}");
    let sums = [
        "sickbay_acknowledgement_seconds_sum",
        "sickbay_commit_seconds_sum",
        "sickbay_diagnosis_seconds_sum",
        "sickbay_ingest_batch_work_seconds_sum",
        "sickbay_ingest_load_seconds_sum",
        "sickbay_handshake_seconds_sum",
        "sickbay_storage_write_wait_seconds_total",
        "sickbay_storage_reads_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "sickbay_runtime_tasks",
        r#"sickbay_job_rounds_total{task="follow",result="done"}"#,
    ];
    for series in sums {
        assert!(said.value(series) > 0.0, "{series}");
    }
    // A batch holds what came together; all of it is in some batch.
    let items = said.value("sickbay_ingest_batch_items_sum");
    assert!(items >= 3.0, "{items}");
    let (acknowledged, committed) = (
        said.value("sickbay_acknowledgement_seconds_sum"),
        said.value("sickbay_ingest_wait_seconds_sum"),
    );
    assert!(acknowledged > committed, "{acknowledged} {committed}");
}

/// Connections that write, of the database that sites have.
fn writers() -> f64 {
    match std::env::var_os("SICKBAY_TEST_DATABASE") {
        None => 1.0,
        Some(_) => 3.0,
    }
}

#[tokio::test]
async fn nothing_that_a_device_or_a_stranger_says_becomes_a_label() {
    const WORD: &str = "zanzibar";
    let site = Site::start().await;
    let before: BTreeSet<String> = Said::by(&site).await.series.into_keys().collect();
    let device = Device::enrol(&site, WORD).await;
    let mut session = device.session(&site).await.unwrap();
    session
        .acknowledged(report(1, true, vec![on_the_wire(client(WORD))]))
        .await;
    let mut other = hello(&EPOCH);
    if let Some(sickbay_proto::v1::collector_message::Kind::Hello(hello)) = &mut other.kind {
        hello.collector_version = WORD.repeat(1_000);
    }
    let refused = Session::open(&site, Arc::clone(&device.tls), other).await;
    assert_eq!(reason(&refused.err().unwrap()), Reason::TooLarge);
    for path in ["/zanzibar", "/devices/zanzibar", "/assets/zanzibar"] {
        site.stranger().get(path).await;
    }
    let viewer = site.api().await;
    viewer.get("/api/v1/issues/zanzibar/devices.csv").await;
    viewer.request("ZANZIBAR", "/").send().await.unwrap();

    let said = Said::by(&site).await;
    assert!(!said.text.contains(WORD));
    let after: BTreeSet<String> = said.series.keys().cloned().collect();
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.is_empty(), "{new:?}");
    let closed: BTreeMap<&str, Vec<&str>> = [
        ("reason", Refusal::ALL.iter().map(|of| of.name()).collect()),
        ("end", SessionEnd::ALL.iter().map(|of| of.name()).collect()),
        ("call", Call::ALL.iter().map(|of| of.name()).collect()),
        ("route", Route::ALL.iter().map(|of| of.name()).collect()),
        ("status", Class::ALL.iter().map(|of| of.name()).collect()),
        ("task", Job::ALL.iter().map(|of| of.name()).collect()),
        ("result", Outcome::ALL.iter().map(|of| of.name()).collect()),
        ("pool", Pool::ALL.iter().map(|of| of.name()).collect()),
        ("certificate", vec!["ca", "collectors"]),
        ("version", vec![env!("CARGO_PKG_VERSION")]),
    ]
    .into();
    for (label, values) in said.labels() {
        if label == "le" {
            assert!(
                values
                    .iter()
                    .all(|v| v == "+Inf" || v.parse::<f64>().is_ok())
            );
            continue;
        }
        let closed: BTreeSet<String> = closed[label.as_str()]
            .iter()
            .map(|v| (*v).to_owned())
            .collect();
        assert_eq!(values, closed, "{label}");
    }
}
