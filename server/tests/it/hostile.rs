//! Names that want to be more than names: every page, call, file, command and log line, filled with them. What is new has to be named here.

use std::collections::BTreeSet;
use std::io::{Cursor, Read as _};

use calamine::{Data, Reader as _, Xlsx};
use sickbay_server::export::Format;
use sickbay_server::identity::secret::{ENROLMENT_PREFIX, Secret};
use sickbay_store::{
    AcceptanceRow, Access, AccountSource, Approval, EnrolOutcome, EnrolRequest, Introduction,
    LIVE_MS, NewApiToken, NewAudit, NewToken, action,
};
use uuid::Uuid;

use crate::access_table::routes;
use crate::readings::{client, held, paused_by_user, tagged};
use crate::site::Site;
use crate::startup::sickbay_server;

/// Whoever names a machine, a group, a token or a person may write any of these.
fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        "<script>alert('zq1')</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</title><script>alert(2)</script>",
        "javascript:alert(1)",
        "=cmd|' /C calc'!A0",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "\t=1+1",
        "$(Remove-Item C:\\)",
        "`whoami`; rm -rf /",
        "'; DROP TABLE device; --",
        "\u{1b}[2J\u{1b}]0;owned\u{7}",
        "\u{9b}31mred",
        "\u{202e}gpj.exe",
        "a\u{200b}b\u{feff}c",
        "{{7*7}}${7*7}",
        "%s%n",
        "../../etc/passwd",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("W".repeat(10_000));
    names
}

/// A site in which everything that somebody can name is named so.
async fn site() -> (Site, Vec<String>) {
    let site = Site::start().await;
    let mut ids = Vec::new();
    for (number, name) in hostile().into_iter().enumerate() {
        let secret = Secret::new(ENROLMENT_PREFIX);
        let token = NewToken {
            approval: if number % 4 == 3 {
                Approval::Person
            } else {
                Approval::Nobody
            },
            tags: vec![name.clone()],
            ..NewToken::new(secret.hash(), name.clone(), site.now())
        };
        site.store().create_token(token, &name).await.unwrap();
        let enrolled = site.store().enrol(EnrolRequest {
            by: Introduction::Token(secret.hash()),
            key_sha256: Secret::new("").hash(),
            host_name: name.clone(),
            domain: name.clone(),
            ou: name.clone(),
            fingerprint: name.clone(),
            collector_version: name.clone(),
            live_since: site.now().plus_millis(-LIVE_MS),
            now: site.now(),
        });
        let EnrolOutcome::Device(device) = enrolled.await.unwrap() else {
            panic!("{name:?} was not let in")
        };
        ids.push(device.id.to_string());
        if number % 4 < 2 {
            let end = site.now().plus_days(1);
            let tags = [name.as_str()];
            let says = if number % 2 == 0 {
                client(&name)
            } else {
                tagged(&name, &tags)
            };
            site.take_in(
                &device,
                vec![says, paused_by_user(end), held(&name, 41_990_788)],
            )
            .await;
        }
        let access = Access::ALL;
        site.store()
            .learn_account(AccountSource::Ldap, &name, &name, Some(&access), site.now())
            .await
            .unwrap();
        site.store()
            .create_api_token(NewApiToken {
                hash: Secret::new("").hash(),
                name: name.clone(),
                access,
                made_by: name.clone(),
                created_at: site.now(),
                expires_at: None,
            })
            .await
            .unwrap();
        site.store()
            .create_acceptance(AcceptanceRow {
                id: Uuid::now_v7(),
                issue: "silent".to_owned(),
                scope: String::new(),
                reason: name.clone(),
                made_by: name.clone(),
                made_at: site.now(),
                until: site.now().plus_days(1),
                ended_at: None,
            })
            .await
            .unwrap();
        let line = NewAudit::new(
            site.now(),
            name.clone(),
            action::SIGN_IN_REFUSED,
            name.clone(),
        );
        site.store().record(vec![line.with(name)]).await.unwrap();
    }
    (site, ids)
}

/// What must not stand in what a person or a terminal is shown.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\r' && c != '\t')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn is_harmless_page(what: &str, page: &str) {
    has_no_live_markup(what, page);
    let steering = page.chars().find(|c| steers(*c));
    assert_eq!(steering, None, "{what}");
}

fn has_no_live_markup(what: &str, page: &str) {
    for live in [
        "<script>alert",
        "<img src=x",
        "' onmouseover='",
        "\" onmouseover=",
        "</title><script",
        "href=\"javascript:",
    ] {
        assert!(!page.contains(live), "{what}: {live:?} is live");
    }
}

fn is_harmless_csv(what: &str, text: &str) -> usize {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let mut rows = 0;
    for row in reader.records() {
        rows += 1;
        for cell in &row.unwrap() {
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']),
                "{what}: a spreadsheet runs {cell:?}"
            );
            assert_eq!(cell.chars().find(|c| steers(*c)), None, "{what}: {cell:?}");
        }
    }
    rows
}

const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Every text of it is a text, also to whoever edits the cell; none is a formula or a link. Says how many rows there are.
fn is_harmless_workbook(what: &str, bytes: &[u8]) -> usize {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    for sheet in book.sheet_names() {
        let formulas = book.worksheet_formula(&sheet).unwrap();
        assert!(formulas.is_empty(), "{what}: {sheet} has formulas");
    }
    let range = book.worksheet_range("Rows").unwrap();
    let mut looks_like_formula = 0;
    for (_, _, cell) in range.used_cells() {
        if let Data::String(text) = cell {
            assert_eq!(text.chars().find(|c| steers(*c)), None, "{what}: {text:?}");
            looks_like_formula += usize::from(text.starts_with(['=', '+', '-', '@']));
        }
    }
    let mut parts = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut part = |name: &str| {
        let mut text = String::new();
        parts
            .by_name(name)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    };
    let sheet = part("xl/worksheets/sheet1.xml");
    assert!(
        !sheet.contains("<f>") && !sheet.contains("hyperlink"),
        "{what}"
    );
    if looks_like_formula > 0 {
        assert!(
            part("xl/styles.xml").contains("quotePrefix=\"1\""),
            "{what}"
        );
    }
    range.height() - 1
}

fn is_harmless_json(what: &str, text: &str) {
    for line in text.lines().filter(|_| what.contains("ndjson")) {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|e| panic!("{what}: {e}"));
    }
    if !what.contains("ndjson") {
        serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|e| panic!("{what}: {e}"));
    }
    // JSON keeps what was said and escapes what would steer.
    let raw = text.chars().find(|c| u32::from(*c) < 0x20 && *c != '\n');
    assert_eq!(raw, None, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_are_harmless_on_every_page_in_every_call_and_file() {
    let (site, ids) = site().await;
    let viewer = site.browser().await;
    let mut kinds = BTreeSet::new();
    for (method, path) in routes() {
        if method != "GET" || path.contains("events") || path.starts_with("/sign-in/openid") {
            continue;
        }
        let list = match path.as_str() {
            "/api/v1/audit/{file}" => "record",
            _ => "devices",
        };
        let mut asked: Vec<String> = vec![path.clone()];
        if path.contains("{file}") {
            asked = Format::ALL
                .iter()
                .map(|format| path.replace("{file}", &format!("{list}.{}", format.extension())))
                .collect();
        }
        if path.contains("{id}") {
            asked = ids.iter().map(|id| path.replace("{id}", id)).collect();
        }
        for path in asked {
            let path = path
                .replace("{issue}", "safeguard-hold")
                .replace("{kb}", "KB5063878")
                .replace("{code}", "%3Cscript%3Ealert(1)%3C%2Fscript%3E")
                .replace("{name}", "nothing")
                .replace("{link}", "%3Cscript%3Ealert(1)");
            let answer = viewer.get(&path).await;
            let kind = answer.headers().get("content-type").cloned();
            let kind = kind.map_or_else(String::new, |kind| kind.to_str().unwrap().to_owned());
            if kind == WORKBOOK {
                let rows = is_harmless_workbook(&path, &answer.bytes().await.unwrap());
                assert!(rows > 0 || path.contains("/updates/"), "{path} is empty");
                kinds.insert(kind);
                continue;
            }
            let text = answer.text().await.unwrap();
            match kind.split(';').next().unwrap() {
                "text/html" => is_harmless_page(&path, &text),
                "text/csv" => {
                    assert!(
                        is_harmless_csv(&path, &text) > 0 || path.contains("/updates/"),
                        "{path} is empty"
                    );
                }
                "application/json" | "application/problem+json" | "application/x-ndjson" => {
                    is_harmless_json(&path, &text);
                }
                "" | "text/plain" | "image/svg+xml" => is_harmless_page(&path, &text),
                other => panic!("{path}: {other} is looked at by nobody"),
            }
            kinds.insert(kind);
        }
    }
    assert!(kinds.contains(WORKBOOK) && kinds.len() >= 5, "{kinds:?}");
    // What a filter or a search is given comes back on the page.
    for name in hostile().into_iter().filter(|name| name.len() < 1_000) {
        let asked = crate::site::encoded(&name);
        for path in [
            format!("/devices?filter={asked}"),
            format!("/issues/safeguard-hold?filter={asked}"),
            format!("/error-codes?q={asked}"),
            format!("/updates?q={asked}"),
            format!("/search?q={asked}"),
            format!("/search/suggestions?q={asked}"),
            format!("/audit?actor={asked}&text={asked}&since={asked}"),
            format!("/sign-in?next={asked}"),
            format!("/enrolment?filter={asked}"),
        ] {
            // In its field it stands as it was typed: changed, it would be another question.
            let page = viewer.get(&path).await.text().await.unwrap();
            has_no_live_markup(&path, &page);
        }
    }
}

/// Commands that print what is kept, and those that print nothing that somebody else named.
const PRINTS: &[&[&str]] = &[
    &["device", "list"],
    &["token", "list"],
    &["api-token", "list"],
    &["user", "list"],
    &["audit", "list"],
    &["audit", "verify"],
    &["ca", "status"],
    &["knowledge", "show"],
    &["explain", "KB5063878"],
    &["updates", "export"],
    &["export", "safeguard-hold", "--format", "csv"],
    &["export", "safeguard-hold", "--format", "json"],
    &["export", "safeguard-hold", "--format", "ndjson"],
];
const PRINT_NOTHING: &[&str] = &[
    "serve", "demo", "config", "migrate", "backup", "restore", "sign-in", "gpo-kit", "inspect",
    "help",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_are_harmless_on_a_terminal() {
    let (site, ids) = site().await;
    let folder = site.app().config.storage.data_dir.clone();
    let settings = folder.join("sickbay.toml");
    let database = &site.app().config.storage.database;
    let text = format!("[storage]\ndata_dir = {folder:?}\ndatabase = {database:?}\n");
    std::fs::write(&settings, text).unwrap();
    let settings = settings.display().to_string();
    let of_device = ["device", "record", ids[13].as_str()];
    for arguments in PRINTS.iter().copied().chain([&of_device[..]]) {
        let with_config = [arguments, &["--config", &settings]].concat();
        let output = tokio::task::block_in_place(|| sickbay_server(&with_config));
        let (out, err) = (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        );
        assert!(output.status.success(), "{arguments:?}: {err}");
        assert!(!out.is_empty(), "{arguments:?}");
        let is_json = arguments.contains(&"json") || arguments.contains(&"ndjson");
        let steering = out.chars().find(|c| {
            if is_json {
                u32::from(*c) < 0x20 && *c != '\n'
            } else {
                steers(*c)
            }
        });
        assert_eq!(steering, None, "{arguments:?}");
        if !is_json && arguments[0] != "export" && arguments[0] != "updates" {
            // A name is one cell of one line.
            let columns: BTreeSet<usize> = out
                .lines()
                .filter(|line| line.contains('\t'))
                .map(|line| line.matches('\t').count())
                .collect();
            assert!(columns.len() <= 2, "{arguments:?}: {columns:?}");
        }
    }
    let file = folder.join("held.xlsx").display().to_string();
    let to_file = ["--format", "xlsx", "--output", &file, "--config", &settings];
    let arguments = [&["export", "safeguard-hold"], &to_file[..]].concat();
    let output = tokio::task::block_in_place(|| sickbay_server(&arguments));
    assert!(output.status.success(), "{output:?}");
    let bytes = std::fs::read(&file).unwrap();
    assert!(is_harmless_workbook("export --output", &bytes) > 0);
    let help = tokio::task::block_in_place(|| sickbay_server(&["--help"]));
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, commands) = help.split_once("Commands:").unwrap();
    let commands = commands.lines().skip(1).take_while(|line| !line.is_empty());
    for command in commands.filter_map(|line| line.split_whitespace().next()) {
        let is_named =
            PRINTS.iter().any(|one| one[0] == command) || PRINT_NOTHING.contains(&command);
        assert!(is_named, "{command} is looked at by nobody");
    }
}
