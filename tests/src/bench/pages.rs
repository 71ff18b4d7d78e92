//! How long a server takes for every page and every list of the API, with a large fleet, for thirty filters; and what the first page weighs.
//!
//! Asked one after the other over plain HTTP on this machine, until the last byte is there. Of each page, and of each list over all filters,
//! the slowest of a hundred answers counts, and the slowest page or list of all has to keep the limit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use sickbay_diagnosis::issues;
use sickbay_server::clock::Clock;
use sickbay_server::identity::secret::{API_PREFIX, Secret};
use sickbay_server::server::{self, Running};
use sickbay_store::{Access, NewApiToken};
use tokio_util::sync::CancellationToken;

use super::database::{Database, Kind};
use super::{Figures, bare, stored, this_machine};
use crate::newcomer;

/// The filters, one a line.
const FILTERS: &str = include_str!("filters.txt");
/// How often everything is asked.
const ROUNDS: usize = 100;
/// Answers of a bare server, of which the median counts.
const BARE_ANSWERS: usize = 1_000;
/// A fleet of up to so many devices counts as an ordinary one.
const ORDINARY: usize = 100_000;
/// With an ordinary fleet the slowest of a hundred answers may take so long, in milliseconds.
const MOST_MS: f64 = 50.0;
/// With any fleet, of the lists with a filter.
const FILTERED_MS: f64 = 100.0;
/// With any fleet, of the overview.
const OVERVIEW_MS: f64 = 50.0;
/// What comes over the wire until the first page is whole, in kB at most.
const WEIGHS_KB: f64 = 150.0;
/// How long a server that starts may take until it has looked at every device again.
const QUIET_WITHIN: Duration = Duration::from_mins(20);

pub(super) async fn measure(kind: Kind, devices: usize) -> anyhow::Result<Figures> {
    let filters: Vec<&str> = FILTERS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    ensure!(filters.len() == 30, "there are {} filters", filters.len());
    let database = Database::new(kind).await?;
    let mut config = newcomer::config(database.folder());
    config.storage = database.storage();
    let clock = Clock::system();
    let (store, ca) = server::open(&config, &clock).await?;
    let devices = stored::fleet(&store, devices, clock.now()).await?;
    let begun = Instant::now();
    let server = Running::start_with(config, clock, store, ca).await?;
    all_are_diagnosed(&server, devices).await?;
    let looked_again = begun.elapsed();

    let visitor = Visitor::of(&server).await?;
    let (mut asked, mut sizes) = (Vec::new(), Vec::new());
    let paths = paths(&visitor, &filters).await?;
    for round in 0..ROUNDS {
        // Lists are asked for with thirty filters in each round, so they have their hundred answers sooner.
        let is_asked = |kind| kind == PAGES || round < ROUNDS / 5;
        for (kind, path) in paths.iter().filter(|(kind, _)| is_asked(*kind)) {
            let begun = Instant::now();
            let bytes = visitor.fetch(path).await?;
            asked.push((begun.elapsed(), *kind, path.clone()));
            sizes.push(bytes);
        }
    }
    sizes.sort_unstable();
    let usual_bytes = sizes[sizes.len() / 2];
    let bare = bare::answer_time(&visitor.client, usual_bytes, BARE_ANSWERS).await?;
    let weighs = visitor.weight_of_first_page().await?;

    let mut figures = Figures::new("pages");
    figures.put("machine", this_machine());
    figures.put("database", kind.name());
    figures.put("devices", devices);
    figures.put("filters", filters.len());
    figures.put("addresses", paths.len());
    figures.put("all_looked_at_again_s", looked_again.as_secs());
    let of = |wanted: fn(&'static str, &str) -> bool| -> Vec<Duration> {
        let which = asked.iter().filter(|(_, kind, path)| wanted(kind, path));
        which.map(|(took, ..)| *took).collect()
    };
    let mut filtered = of(|_, path| path.contains("?filter="));
    let mut overview = of(|kind, path| kind == PAGES && path == "/");
    let mut by_filter: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for (took, _, path) in &asked {
        if let Some((_, filter)) = path.split_once("?filter=") {
            by_filter.entry(filter).or_default().push(*took);
        }
    }
    let slowest_filter = by_filter
        .into_iter()
        .map(|(filter, mut took)| (percentile_ms(&mut took, 0.99), filter.to_owned()))
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut by_kind: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    let mut all = Vec::with_capacity(asked.len());
    for (took, kind, path) in asked {
        all.push(took);
        // A page is one by itself, a list is one with all its filters.
        let kind = if kind == PAGES { path } else { kind.to_owned() };
        by_kind.entry(kind).or_default().push(took);
    }
    let mut slowest: Vec<(f64, String)> = by_kind
        .into_iter()
        .map(|(kind, mut took)| (percentile_ms(&mut took, 0.99), kind))
        .collect();
    slowest.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let usual = percentile_ms(&mut all, 0.5);
    let limit = bare.as_secs_f64() * 1000.0;
    figures.put("p50_ms", super::rounded(usual));
    figures.put("p50_bytes", usual_bytes);
    figures.put("bare_http_limit_ms", super::rounded(limit));
    figures.put("ratio_to_limit", super::rounded(limit / usual));
    figures.put("p99_of_all_ms", percentile_ms(&mut all, 0.99));
    for (number, (ms, kind)) in (1..=5).zip(&slowest) {
        figures.put(&format!("slowest_{number}"), format!("{kind}: {ms:.1} ms"));
    }
    let worst = slowest.first().map_or(f64::MAX, |(ms, _)| *ms);
    figures.put_limited(
        "filters_p99_ms",
        percentile_ms(&mut filtered, 0.99),
        FILTERED_MS,
    );
    if let Some((ms, filter)) = slowest_filter {
        let which = filters.iter().find(|known| encoded(known) == filter);
        let which = which.context("a filter that was asked for is known")?;
        figures.put("slowest_filter", format!("{which}: {ms:.1} ms"));
    }
    figures.put_limited(
        "overview_p99_ms",
        percentile_ms(&mut overview, 0.99),
        OVERVIEW_MS,
    );
    if devices <= ORDINARY {
        figures.put_limited("p99_of_slowest_ms", worst, MOST_MS);
    } else {
        figures.put("p99_of_slowest_ms", super::rounded(worst));
    }
    figures.put_limited("first_page_kb", weighs as f64 / 1000.0, WEIGHS_KB);
    let stop = CancellationToken::new();
    stop.cancel();
    server.until(stop).await?;
    Ok(figures)
}

/// Texts that people look for, short ones that stand nearly everywhere too.
const SEARCHED: &[&str] = &[
    "e",
    "pc-00",
    "KB5043080",
    "0x8024402C",
    "41990788",
    "26100.4349",
    "24H2",
    "berlin",
    "driver",
    "windows update",
    "kind:server issue:pending-reboot",
];

/// Pages that are asked for without a filter.
const PAGES: &str = "page";

async fn paths(visitor: &Visitor, filters: &[&str]) -> anyhow::Result<Vec<(&'static str, String)>> {
    let listed = visitor.fetch_json("/api/v1/devices?limit=1").await?;
    let id = listed["items"][0]["id"]
        .as_str()
        .context("a list has a device")?;
    let mut paths: Vec<(&'static str, String)> = [
        "/",
        "/issues",
        "/devices",
        "/updates",
        "/enrolment",
        "/error-codes",
        "/settings",
        "/expectations",
        "/people",
        "/audit",
        "/exports?list=devices",
        "/api/v1/issues",
    ]
    .map(|path| (PAGES, path.to_owned()))
    .to_vec();
    paths.push((PAGES, format!("/devices/{id}")));
    for text in SEARCHED {
        let text = encoded(text);
        paths.push(("search", format!("/search?q={text}&list=all")));
        paths.push(("suggestions", format!("/search/suggestions?q={text}")));
    }
    for issue in issues::ALL {
        paths.push((PAGES, format!("/issues/{}", issue.id)));
    }
    for (filter, issue) in filters.iter().zip(issues::ALL.iter().cycle()) {
        let filter = encoded(filter);
        let id = issue.id;
        paths.extend([
            ("list of devices", format!("/devices?filter={filter}")),
            ("list of an issue", format!("/issues/{id}?filter={filter}")),
            (
                "list of an issue",
                format!("/issues/safeguard-hold?filter={filter}"),
            ),
            (
                "API list of devices",
                format!("/api/v1/devices?filter={filter}"),
            ),
            (
                "API list of an issue",
                format!("/api/v1/issues/{id}/devices?filter={filter}"),
            ),
        ]);
    }
    Ok(paths)
}

/// A server that starts looks at every device again, in the background. What it costs then is not what it costs.
async fn all_are_diagnosed(server: &Running, devices: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    let (mut before, mut since) = (0, Instant::now());
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = server.app.metrics.rediagnosed.get();
        if now != before {
            (before, since) = (now, Instant::now());
        }
        if now >= devices as u64 / 2 && since.elapsed() > Duration::from_secs(4) {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < QUIET_WITHIN,
            "{now} of {devices} devices were looked at again"
        );
    }
}

/// Somebody with an API token, who takes what is compressed.
struct Visitor {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Visitor {
    async fn of(server: &Running) -> anyhow::Result<Self> {
        let secret = Secret::new(API_PREFIX);
        let token = NewApiToken {
            hash: secret.hash(),
            name: "bench".to_owned(),
            access: Access::ALL,
            made_by: "bench".to_owned(),
            created_at: server.app.clock.now(),
            expires_at: None,
        };
        server.app.store.create_api_token(token).await?;
        Ok(Self {
            client: super::plain_client()?,
            base: format!("http://{}", server.web),
            token: secret.reveal().to_owned(),
        })
    }

    async fn get(&self, path: &str) -> anyhow::Result<bytes::Bytes> {
        let answer = self
            .client
            .get(format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .header("accept-encoding", "gzip")
            .send()
            .await?;
        let status = answer.status();
        ensure!(status.is_success(), "{path} was answered {status}");
        Ok(answer.bytes().await?)
    }

    /// How many bytes came.
    async fn fetch(&self, path: &str) -> anyhow::Result<usize> {
        Ok(self.get(path).await?.len())
    }

    async fn fetch_json(&self, path: &str) -> anyhow::Result<serde_json::Value> {
        let answer = self
            .client
            .get(format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .send()
            .await?;
        Ok(serde_json::from_str(&answer.text().await?)?)
    }

    /// Bytes of the first page with everything that it names: style, scripts, pictures.
    async fn weight_of_first_page(&self) -> anyhow::Result<usize> {
        let plain = self
            .client
            .get(format!("{}/", self.base))
            .bearer_auth(&self.token)
            .send()
            .await?;
        let page = plain.text().await?;
        let mut parts: Vec<&str> = page
            .split('"')
            .filter(|part| part.starts_with("/assets/"))
            .collect();
        parts.sort_unstable();
        parts.dedup();
        ensure!(parts.len() >= 4, "the first page names {parts:?} only");
        let mut bytes = self.fetch("/").await?;
        for part in parts {
            bytes += self.fetch(part).await?;
        }
        Ok(bytes)
    }
}

fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = write!(encoded, "%{byte:02X}");
        encoded
    })
}

fn percentile_ms(took: &mut [Duration], part: f64) -> f64 {
    took.sort_unstable();
    let place = ((took.len() as f64 * part).ceil() as usize).clamp(1, took.len()) - 1;
    took[place].as_secs_f64() * 1000.0
}
