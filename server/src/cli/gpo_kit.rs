//! `gpo-kit`: packs what an administrator of a Windows domain needs to bring the collector to its computers.
//!
//! Promises: no kit is made that could not work, or that would let strangers in: the token must be one of this server that works now and
//! leaves approval to a person. The file is for its owner alone, because the token stands in it.

use std::fs::File;
use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use sickbay_diagnosis::Time;
use sickbay_packaging::{Installer, Order, Settings};
use sickbay_store::{Approval, NewAudit, TokenRow, action};

use super::token::plain;
use super::{Opened, WithConfig, operator, say};
use crate::config::Collectors;
use crate::identity::ca::Ca;
use crate::identity::secret;

/// Largest installer that is read, in bytes; the real one has at most 3 MiB.
const MAX_INSTALLER: u64 = 64 * 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct GpoKitArgs {
    #[command(flatten)]
    config: WithConfig,
    /// The enrolment token for the domain's computers, from `token create`
    #[arg(long, value_name = "TOKEN")]
    token: String,
    /// The collector's installer, from `cargo xtask dist`
    #[arg(long, value_name = "FILE")]
    msi: PathBuf,
    /// Where computers reach this server, https://HOST:PORT; may be given several times. Left out: each of collectors.names
    #[arg(long = "server-url", value_name = "URL")]
    server_urls: Vec<String>,
    /// By which computers know this server, from `ca show`; may be given several times. Left out: this server's own
    #[arg(long = "ca-pin", value_name = "PIN")]
    ca_pins: Vec<String>,
    /// The kit
    #[arg(long, value_name = "FILE", default_value = "sickbay-gpo-kit.zip")]
    out: PathBuf,
}

pub(super) async fn run(args: GpoKitArgs) -> anyhow::Result<()> {
    let opened = args.config.open().await?;
    let now = opened.clock.now();
    let token = usable(&opened, &args.token, now).await?;
    let server_urls = if args.server_urls.is_empty() {
        urls(&opened.config.collectors)?
    } else {
        args.server_urls
    };
    let ca_pins = if args.ca_pins.is_empty() {
        Ca::open_or_make(std::sync::Arc::clone(&opened.store), &opened.keys, now)
            .await?
            .in_force()
            .pins()
    } else {
        args.ca_pins
    };
    let settings = Settings::new(server_urls, args.token, ca_pins)?;
    let installer = read(&args.msi)?;
    let about = |error| anyhow::Error::new(error).context(args.msi.display().to_string());
    let version = Installer::read(&installer)
        .map_err(|error| about(error.into()))?
        .version;
    let kit = sickbay_packaging::build(Order {
        installer: &installer,
        settings: Some(&settings),
        made_at: &seconds(now),
    })
    .map_err(about)?;
    write_private(&args.out, &kit).with_context(|| format!("write {}", args.out.display()))?;
    let shown = NewAudit::new(
        now,
        operator(),
        action::SECRET_SHOWN,
        format!("enrolment token {:?} ({})", token.name, token.id),
    )
    .with(format!("in the kit {}", args.out.display()));
    opened.store.record(vec![shown]).await?;
    let expires = token
        .expires_at
        .map_or_else(|| "never expires".to_owned(), |t| format!("expires {t}"));
    say(&format!(
        "{out} brings the collector {version} to a domain; index.html in it has the steps.\n\
         Servers: {servers}\nPins: {pins}\n\
         Token: {name:?}, {expires}. It stands in the kit, so keep the file where administrators can read it alone.",
        out = args.out.display(),
        servers = settings.server_urls().join(", "),
        pins = settings.ca_pins().join(", "),
        name = plain(&token.name),
    ));
    Ok(())
}

/// The token, if computers can use it now and no stranger gets in by it.
async fn usable(opened: &Opened, token: &str, now: Time) -> anyhow::Result<TokenRow> {
    let found = opened.store.token(&secret::hash(token)).await?;
    let Some(found) = found else {
        bail!(
            "this server knows no such token; `sickbay-server token create` makes one and shows it once"
        );
    };
    let name = plain(&found.name);
    ensure!(
        found.revoked_at.is_none(),
        "the token {name:?} is revoked; make another one"
    );
    ensure!(
        found.expires_at.is_none_or(|at| at > now),
        "the token {name:?} has expired; make another one"
    );
    ensure!(
        found.use_limit.is_none_or(|limit| found.uses < limit),
        "the token {name:?} is used up; make another one"
    );
    ensure!(
        found.approval != Approval::Nobody,
        "the token {name:?} approves devices without a person, and in a group policy every user of the domain can read it: \
         whoever did would be in. Make one without --approve"
    );
    Ok(found)
}

/// The addresses in this server's certificate that other machines can reach.
fn urls(collectors: &Collectors) -> anyhow::Result<Vec<String>> {
    let reachable = |name: &&String| {
        let loopback = name
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback());
        !loopback && !name.eq_ignore_ascii_case("localhost")
    };
    let port = collectors.listen.port();
    let url = |name: &String| {
        if name.parse::<Ipv6Addr>().is_ok() {
            format!("https://[{name}]:{port}")
        } else {
            format!("https://{name}:{port}")
        }
    };
    let urls: Vec<String> = collectors.names.iter().filter(reachable).map(url).collect();
    ensure!(
        !urls.is_empty(),
        "collectors.names holds no name by which other machines reach this server: set it, or give --server-url"
    );
    Ok(urls)
}

fn read(msi: &Path) -> anyhow::Result<Vec<u8>> {
    let context = || format!("read {}", msi.display());
    let length = std::fs::metadata(msi).with_context(context)?.len();
    ensure!(
        length <= MAX_INSTALLER,
        "{} is {length} bytes long, far more than the collector's installer",
        msi.display()
    );
    std::fs::read(msi).with_context(context)
}

/// As a backup of a policy writes it: without a zone.
fn seconds(now: Time) -> String {
    now.to_string().chars().take(19).collect()
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // A temporary file is its owner's alone from the first byte, and a kit is whole or not there.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)
        .map(|_: File| ())
        .map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    #[test]
    fn a_kit_names_what_other_machines_can_reach() {
        let names = |names: &[&str]| Collectors {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Collectors::default()
        };
        let all = names(&[
            "localhost",
            "127.0.0.1",
            "::1",
            "sickbay.example.com",
            "fd00::1",
        ]);
        assert_eq!(
            urls(&all).unwrap(),
            ["https://sickbay.example.com:7443", "https://[fd00::1]:7443"]
        );
        assert!(urls(&names(&["LOCALHOST"])).is_err());
    }

    #[test]
    fn a_backup_is_told_the_time_without_a_zone() {
        assert_eq!(
            seconds(Time::from_millis(1_700_000_000_123)),
            "2023-11-14T22:13:20"
        );
    }
}
