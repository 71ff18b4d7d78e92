//! Knowledge packs on a running server: what they change, what is refused, and what is told of it.

use serde_json::{Value, json};
use sickbay_diagnosis::knowledge::TableName;
use sickbay_diagnosis::time::DAY_MS;
use sickbay_server::knowledge_pack::{Draft, SigningKey};
use sickbay_store::{Finding, ImportedPack, PackMark};

use crate::readings::{client, held};
use crate::site::{Site, assert_says, eventually};

const HOLD: u32 = 99_999_999;
/// Old enough to be warned of at any time at which this test runs.
/// Older than the table that came with the program.
const DATED: &str = "2025-01-01";

/// A pack in which the hold is known.
fn pack(key: &SigningKey) -> Vec<u8> {
    let built_in = TableName::Holds.built_in();
    let (_, rows) = built_in.split_once('\n').unwrap();
    let holds = format!(
        "# dated {DATED}\n{}\n{HOLD}\tA printer <driver>\n",
        rows.trim_end()
    );
    let draft = Draft {
        version: "2026.01",
        dated: DATED,
        tables: vec![(TableName::Holds, &holds)],
    };
    draft.sign(key).unwrap()
}

/// Puts bytes where an import would, without asking whether they are any good.
async fn keep(site: &Site, bytes: Vec<u8>) {
    let mark = PackMark {
        version: "whatever".to_owned(),
        dated: "2099-01-01".to_owned(),
        imported_at: site.now(),
        imported_by: "operator".to_owned(),
    };
    let other = site.other_handle().await;
    other
        .put_knowledge_pack(ImportedPack { mark, bytes })
        .await
        .unwrap();
}

async fn hold_of(site: &Site, key: i64) -> Option<Finding> {
    let state = site.store().load_states(&[key]).await.unwrap().remove(0);
    state
        .findings
        .into_iter()
        .find(|f| f.issue == "safeguard-hold")
}

async fn is_called(site: &Site, key: i64, label: &str) {
    eventually(&format!("the hold is called {label:?}"), async || {
        site.app().rules_news.notify_one();
        let found = hold_of(site, key).await;
        match &found {
            Some(finding) if finding.causes[0].label == label => Ok(()),
            _ => Err(format!("{found:?}")),
        }
    })
    .await;
}

async fn origin_becomes(site: &Site, origin: &str) -> Value {
    let api = site.api().await;
    eventually(&format!("the knowledge is {origin}"), async || {
        // Looked for now and not at the next round.
        site.app().rules_news.notify_one();
        let said = api.json("/api/v1/knowledge").await;
        if said["origin"] == origin {
            Ok(said)
        } else {
            Err(said.to_string())
        }
    })
    .await
}

#[tokio::test]
async fn an_imported_pack_comes_into_force_while_the_server_runs_and_goes_again() {
    let (key, _) = SigningKey::generate();
    let public = key.public().to_string();
    let site =
        Site::start_with(|config| config.knowledge.trusted_keys = vec![public.clone()]).await;
    let (_, token) = site.token(|_| ()).await;
    let device = site.stored_device(&token, "PC-1").await;
    site.take_in(&device, vec![client("PC-1"), held("GE26H2", HOLD)])
        .await;
    let (unnamed, named) = (
        "Hold 99999999 for Windows 11 26H2",
        "Hold 99999999 for Windows 11 26H2 (A printer <driver>)",
    );
    is_called(&site, device.key, unnamed).await;
    let before = origin_becomes(&site, "built-in").await;
    assert_eq!(before["version"], "built in");
    assert_eq!(before["signed_by"], Value::Null);

    keep(&site, pack(&key)).await;
    is_called(&site, device.key, named).await;
    let said = origin_becomes(&site, "imported").await;
    assert_eq!(
        (&said["version"], &said["dated"]),
        (&json!("2026.01"), &json!(DATED))
    );
    assert_eq!(
        (&said["signed_by"], &said["imported_by"]),
        (&json!(public), &json!("operator"))
    );
    assert_eq!(
        (&said["refused"], &said["built_in_is_newer"]),
        (&Value::Null, &json!(true))
    );
    let own = |table: &&Value| table["origin"] == "imported";
    let tables = said["tables"].as_array().unwrap();
    assert_eq!(tables.len(), TableName::ALL.len());
    let own: Vec<&Value> = tables
        .iter()
        .filter(own)
        .map(|table| &table["file"])
        .collect();
    assert_eq!(own, ["safeguard-holds.tsv"]);

    let browser = site.browser().await;
    let page = browser.page("/settings").await;
    let days = said["age_days"].as_i64().unwrap();
    assert!(days > 60, "{days}");
    let parts = [
        "2026.01",
        DATED,
        "operator",
        &format!("What is known of Windows is {days} days old"),
        "is newer",
        "knowledge import FILE",
    ];
    assert_says(&page, &parts, "/settings");
    let groups = browser.json("/api/v1/issues/safeguard-hold/devices").await;
    assert_eq!(groups["items"][0]["causes"][0]["label"], named);
    let metrics = crate::site::http().build().unwrap();
    let metrics = metrics
        .get(format!("http://{}/metrics", site.server.health))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains(&format!("sickbay_knowledge_age_days {days}\n")),
        "{metrics}"
    );

    site.other_handle()
        .await
        .remove_knowledge_pack("test", site.now())
        .await
        .unwrap();
    is_called(&site, device.key, unnamed).await;
    origin_becomes(&site, "built-in").await;
}

#[tokio::test]
async fn what_the_database_holds_is_not_believed_for_standing_there() {
    let (key, _) = SigningKey::generate();
    let (stranger, _) = SigningKey::generate();
    let public = key.public().to_string();
    let site =
        Site::start_with(|config| config.knowledge.trusted_keys = vec![public.clone()]).await;
    let (_, token) = site.token(|_| ()).await;
    let device = site.stored_device(&token, "PC-1").await;
    site.take_in(&device, vec![client("PC-1"), held("GE26H2", HOLD)])
        .await;
    let mut tampered = pack(&key);
    let place = tampered
        .windows(7)
        .position(|part| part == b"printer")
        .unwrap();
    tampered[place] = b'P';
    let api = site.api().await;
    for (bytes, expected) in [
        (pack(&stranger), "not among the trusted keys"),
        (tampered, "signature is wrong"),
        (b"nonsense".to_vec(), "no knowledge pack"),
    ] {
        keep(&site, pack(&key)).await;
        origin_becomes(&site, "imported").await;
        keep(&site, bytes).await;
        let said = origin_becomes(&site, "built-in").await;
        let reason = said["refused"]["reason"].as_str().unwrap();
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(said["version"], "built in");
        is_called(&site, device.key, "Hold 99999999 for Windows 11 26H2").await;
    }
    assert_says(
        &site.browser().await.page("/settings").await,
        &["is not used", "no knowledge pack"],
        "/settings",
    );
    // The age of what is known moves with the days.
    let age = api.json("/api/v1/knowledge").await["age_days"]
        .as_i64()
        .unwrap();
    site.clock.advance(100 * DAY_MS);
    let later = api.json("/api/v1/knowledge").await["age_days"]
        .as_i64()
        .unwrap();
    assert_eq!(later, age + 100);
}
