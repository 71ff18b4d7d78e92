//! Knowledge packs from outside: a table is edited, signed and imported, and a running server says something else of a device.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::knowledge::Knowledge;
use sickbay_server::knowledge_pack::newest;
use sickbay_tests::api::Visitor;
use sickbay_tests::collector::CollectorProcess;
use sickbay_tests::server::Server;
use sickbay_tests::wait::eventually;
use tempfile::TempDir;

const TRUSTED: &str = "SICKBAY_KNOWLEDGE_TRUSTED_KEYS";
const ISSUE: &str = "end-of-service";
/// Where Windows 11 25H2 has its ends of service in the table, and where the edited table has them.
const ENDS: [&str; 2] = ["\t2027-10-12\t2028-10-10\t", "\t2025-11-01\t2025-11-02\t"];
/// How long a running server may take until it says what a new pack says: a few rounds of its job.
const WITHIN: Duration = Duration::from_secs(15);
/// How long a collector may take to enrol and to report.
const ARRIVE_WITHIN: Duration = Duration::from_mins(1);

/// Who makes packs.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A signed pack of the tables.
    async fn pack(&self, server: &Server, version: &str, key: &str) -> anyhow::Result<String> {
        let out = format!("{version}.pack");
        self.pack_into(server, version, key, &out).await
    }

    /// The same, as a file of that name.
    async fn pack_into(
        &self,
        server: &Server,
        version: &str,
        key: &str,
        out: &str,
    ) -> anyhow::Result<String> {
        let out = self.path(out);
        let (tables, key) = (self.path("tables"), self.path(key));
        let words = [
            "knowledge",
            "pack",
            &tables,
            "--key",
            &key,
            "--version",
            version,
            "--out",
            &out,
        ];
        server.command(&words).await?;
        Ok(out)
    }

    fn table(&self, file: &str) -> PathBuf {
        Path::new(&self.path("tables")).join(file)
    }
}

/// Imports, and expects a refusal that says all of `expected` and changes nothing.
async fn refused(server: &Server, words: &[&str], expected: &[&str]) -> anyhow::Result<()> {
    let before = server.command(&["knowledge", "show"]).await?;
    let words = [&["knowledge", "import"], words].concat();
    let Err(error) = server.command(&words).await else {
        bail!("{words:?} was not refused");
    };
    let said = format!("{error:#}");
    for part in expected {
        ensure!(said.contains(part), "{part:?} is not said: {said}");
    }
    let after = server.command(&["knowledge", "show"]).await?;
    ensure!(
        before == after,
        "refused, and yet it changed:\n{before}\n{after}"
    );
    Ok(())
}

/// Waits until so many devices have the issue open, and the knowledge has that version.
async fn comes_to(owner: &Visitor, version: &str, open: u64) -> anyhow::Result<Value> {
    eventually(WITHIN, async || {
        let known = owner.json("/api/v1/knowledge").await?;
        ensure!(known["version"] == version, "in force is {known}");
        let issues = owner.json("/api/v1/issues").await?;
        let issues = issues.as_array().context("issues are a list")?;
        let issue = issues.iter().find(|issue| issue["id"] == ISSUE);
        let found = issue.context("the issue is told of")?;
        ensure!(found["open"] == open, "the issue is {found}");
        Ok(known)
    })
    .await
}

/// The newest day of the built-in tables, and the day after it.
fn days() -> (String, String) {
    let built_in = newest(Knowledge::built_in());
    let next = Time::parse_loose(built_in).map(|day| day.plus_days(1).date());
    (built_in.to_owned(), next.unwrap_or_default())
}

/// Lets Windows 11 25H2 have left service, in a table of that day.
fn edit(path: &Path, dated: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).context("read an exported table")?;
    ensure!(text.contains(ENDS[0]), "the table is another one: {text}");
    let edited = text.replace(ENDS[0], ENDS[1]);
    let (first, rows) = edited.split_once('\n').context("a table has lines")?;
    ensure!(first.starts_with("# dated "), "it begins with {first:?}");
    fs::write(path, format!("# dated {dated}\n{rows}")).context("write an edited table")
}

/// Where one table stands none is written, and a pack does not take the place of the key.
async fn nothing_is_overwritten(server: &Server, desk: &Desk) -> anyhow::Result<()> {
    let folder = desk.path("one table");
    let only = Path::new(&folder).join("updates.tsv");
    fs::create_dir(&folder)?;
    fs::write(&only, "stale")?;
    let export = server.command(&["knowledge", "export", &folder]).await;
    ensure!(export.is_err(), "a table was overwritten");
    ensure!(
        fs::read_dir(&folder)?.count() == 1 && fs::read_to_string(&only)? == "stale",
        "fresh tables stand beside a stale one"
    );
    let before = fs::read_to_string(desk.path("key.pem"))?;
    let pack = desk.pack_into(server, "1", "key.pem", "key.pem").await;
    ensure!(pack.is_err(), "the private key was overwritten by a pack");
    ensure!(
        fs::read_to_string(desk.path("key.pem"))? == before,
        "the key is another"
    );
    Ok(())
}

#[tokio::test]
async fn a_table_edited_signed_and_imported_changes_what_a_running_server_says()
-> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut collector = CollectorProcess::new(&server, "PC-1").await?;
    collector.run()?;
    let owner = Visitor::with_token(&server.url(), &server.api_token().await?)?;
    eventually(ARRIVE_WITHIN, async || {
        let list = owner.json("/api/v1/devices").await?;
        ensure!(
            list["items"][0]["last_report_at"].is_string(),
            "no report yet: {list}"
        );
        Ok(())
    })
    .await?;
    comes_to(&owner, "built in", 0).await?;

    // A key, the tables, an edit, a pack.
    let desk = Desk {
        folder: tempfile::tempdir().context("make a temporary folder")?,
    };
    let public = server
        .command(&["knowledge", "key", &desk.path("key.pem")])
        .await?;
    let mode = fs::metadata(desk.path("key.pem"))?.permissions().mode();
    ensure!(mode & 0o777 == 0o600, "the private key has mode {mode:o}");
    ensure!(
        server
            .command(&["knowledge", "key", &desk.path("key.pem")])
            .await
            .is_err(),
        "a key was overwritten"
    );
    server
        .command(&["knowledge", "export", &desk.path("tables")])
        .await?;
    nothing_is_overwritten(&server, &desk).await?;
    let (_, later) = days();
    edit(&desk.table("windows-releases.tsv"), &later)?;
    fs::remove_file(desk.table("updates.tsv")).context("leave a table out")?;
    let pack = desk.pack(&server, "2026.12", "key.pem").await?;

    // Nobody trusts the key yet: refused by the command, with the key and the setting.
    refused(
        &server,
        &[&pack],
        &[&public, "trusted_keys", "[knowledge]", TRUSTED],
    )
    .await?;
    server.set(TRUSTED, "ed25519:nonsense");
    refused_settings(&server).await?;

    // A running server that was started without the key does not take it from the database either.
    server.set(TRUSTED, &public);
    let said = server.command(&["knowledge", "import", &pack]).await?;
    ensure!(
        said.contains(&format!("Version: 2026.12\nDated: {later}")),
        "{said}"
    );
    let known = eventually(WITHIN, async || {
        let known = owner.json("/api/v1/knowledge").await?;
        ensure!(known["refused"].is_object(), "in force is {known}");
        Ok(known)
    })
    .await?;
    ensure!(known["version"] == "built in", "in force is {known}");
    comes_to(&owner, "built in", 0).await?;

    // Started with it, it uses the pack from the first moment on, and takes a reset and an import while it runs.
    server.stop().await?;
    server.run().await?;
    comes_to(&owner, "2026.12", 1).await?;
    server.command(&["knowledge", "reset"]).await?;
    comes_to(&owner, "built in", 0).await?;
    server.command(&["knowledge", "import", &pack]).await?;
    let known = comes_to(&owner, "2026.12", 1).await?;
    ensure!(known["signed_by"] == public, "signed by {known}");

    damaged_ones_change_nothing(&server, &desk, &pack).await?;
    older_ones_must_be_wanted(&server, &desk).await?;
    comes_to(&owner, "2026.11", 0).await?;

    // A key that is trusted no more takes its pack along.
    server.command(&["knowledge", "import", &pack]).await?;
    comes_to(&owner, "2026.12", 1).await?;
    server.stop().await?;
    server.set(TRUSTED, "");
    server.run().await?;
    let known = comes_to(&owner, "built in", 0).await?;
    let reason = known["refused"]["reason"].as_str().unwrap_or_default();
    ensure!(
        reason.contains("not among the trusted keys"),
        "in force is {known}"
    );
    collector.done().await?;
    server.stop().await
}

async fn refused_settings(server: &Server) -> anyhow::Result<()> {
    let Err(error) = server.command(&["knowledge", "show"]).await else {
        bail!("a setting that is no key was taken");
    };
    let said = format!("{error:#}");
    ensure!(
        said.contains("knowledge.trusted_keys") && said.contains("nonsense"),
        "{said}"
    );
    Ok(())
}

async fn damaged_ones_change_nothing(
    server: &Server,
    desk: &Desk,
    pack: &str,
) -> anyhow::Result<()> {
    let whole = fs::read(pack).context("read a pack")?;
    let damaged = desk.path("damaged.pack");
    let mut other = whole.clone();
    let (_, later) = days();
    let stays = format!("knowledge 2026.12 (dated {later}) stays in force");
    let middle = other.len() / 2;
    other[middle] ^= 1;
    let newer = String::from_utf8(whole.clone())?.replacen(
        &format!("dated {later}"),
        "dated 2020-01-01",
        1,
    );
    for (bytes, expected) in [
        (other, "signature is wrong"),
        (newer.into_bytes(), "signature is wrong"),
        (whole[..whole.len() / 2].to_vec(), "cut off or changed"),
        (b"sickbay-knowledge 9\n".to_vec(), "\"9\" of the format"),
        (b"MZ".to_vec(), "no knowledge pack"),
    ] {
        fs::write(&damaged, bytes).context("write a damaged pack")?;
        refused(server, &[&damaged], &[expected, &stays]).await?;
    }
    // What could not be imported is not signed either.
    let table = desk.table("safeguard-holds.tsv");
    let text = fs::read_to_string(&table).context("read an exported table")?;
    fs::write(&table, format!("{}\n1234\tx\n", text.trim_end())).context("break a table")?;
    let Err(error) = desk.pack(server, "broken", "key.pem").await else {
        bail!("a table that is not understood was signed");
    };
    let said = format!("{error:#}");
    ensure!(
        said.contains("safeguard-holds.tsv, line ") && said.contains("1234"),
        "{said}"
    );
    fs::write(&table, text).context("mend a table")
}

/// A pack of the tables as they came with the program is older by a day.
async fn older_ones_must_be_wanted(server: &Server, desk: &Desk) -> anyhow::Result<()> {
    fs::remove_dir_all(desk.path("tables")).context("forget the edited tables")?;
    server.command(&["knowledge", "reset"]).await?;
    server
        .command(&["knowledge", "export", &desk.path("tables")])
        .await?;
    let (newest, later) = days();
    let older = desk.pack(server, "2026.11", "key.pem").await?;
    server
        .command(&["knowledge", "import", &desk.path("2026.12.pack")])
        .await?;
    refused(
        server,
        &[&older],
        &[&format!("older ({newest})"), &later, "--older"],
    )
    .await?;
    server
        .command(&["knowledge", "import", &older, "--older"])
        .await?;
    Ok(())
}
