//! What keeps a device from looking for updates, or makes it look in the wrong place.

use super::super::endpoint::{step, to_wsus, told as probed, works};
use super::{Told, but, clear, not_applicable, open, ordinary_client, sighted, unknown, wanting};
use crate::check::Check;
use crate::context::FleetContext;
use crate::expectation::{ExpectedSource, UpdateSource};
use crate::keys::{self, POLICY, POLICY_AU};
use crate::observation::Outcome;
use crate::reading::Data;
use crate::testing::Machine;
use crate::time::{DAY_MS, MINUTE_MS};
use crate::verdict::Severity::{Serious, Warning};

const CLIENT_ID: &str = "11111111-2222-3333-4444-555555555555";
const TLS: &str = "https://wsus.corp.example:8531";
const THUMBPRINT: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

pub(super) fn cases() -> Vec<Told> {
    [
        clock(),
        services(),
        automatic(),
        conflict(),
        source(),
        client_id(),
        directory(),
        recovery(),
        endpoint(),
        scans(),
        transport(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn clock() -> Vec<Told> {
    const ID: &str = "clock-skewed";
    let off = |ms| ordinary_client().seen_by_server(sighted(|s| s.clock_ahead_ms = ms));
    vec![
        open(
            ID,
            Warning,
            &["ahead 15 minutes to an hour"],
            "20 minutes ahead",
            off(Some(20 * MINUTE_MS)),
        ),
        open(
            ID,
            Serious,
            &["behind more than a day"],
            "2 days and 0 hours behind",
            off(Some(-2 * DAY_MS)),
        ),
        clear(ID, "4 seconds off", off(Some(-4000))),
        unknown(ID, "not told the time", off(None)),
    ]
}

/// Every service with start type 3, but this one as given.
fn services_but(name: &str, start: Option<u32>) -> Machine {
    let whole = but(Check::Services).key(&keys::service(keys::WITNESS_SERVICE));
    keys::WATCHED_SERVICES
        .iter()
        .fold(whole, |m, known| match start {
            _ if *known != name => m.service(known, 3),
            Some(start) => m.service(known, start),
            None => m.unreadable_key(&keys::service(known)),
        })
}

fn services() -> Vec<Told> {
    const ID: &str = "update-services-disabled";
    vec![
        open(
            ID,
            Serious,
            &["wuauserv disabled"],
            "wuauserv is disabled",
            services_but("wuauserv", Some(4)),
        ),
        clear(ID, "No service that updating needs", ordinary_client()),
        unknown(
            ID,
            "TrustedInstaller: its key could not be read: access denied",
            services_but("TrustedInstaller", None),
        ),
    ]
}

fn automatic() -> Vec<Told> {
    const ID: &str = "automatic-updates-disabled";
    vec![
        open(
            ID,
            Serious,
            &["NoAutoUpdate=1"],
            "turned off by NoAutoUpdate=1",
            but(Check::AutomaticUpdates).dword(POLICY_AU, "NoAutoUpdate", 1),
        ),
        clear(ID, "No policy turns", ordinary_client()),
        unknown(
            ID,
            "access denied",
            but(Check::AutomaticUpdates).unreadable_key(POLICY_AU),
        ),
    ]
}

fn conflict() -> Vec<Told> {
    const ID: &str = "scan-source-conflict";
    vec![
        open(
            ID,
            Warning,
            &["WUServer without UseWUServer"],
            "UseWUServer is not 1",
            but(Check::ScanSource).sz(POLICY, "WUServer", "http://wsus:8530"),
        ),
        clear(ID, "go together", ordinary_client()),
        unknown(
            ID,
            "access denied",
            but(Check::ScanSource).unreadable_key(POLICY),
        ),
    ]
}

fn on_wsus(server: &str) -> Machine {
    but(Check::ScanSource)
        .sz(POLICY, "WUServer", server)
        .dword(POLICY_AU, "UseWUServer", 1)
}

fn source() -> Vec<Told> {
    const ID: &str = "wrong-scan-source";
    let wanting_wsus = || {
        wanting(|e| {
            e.sources[0] = Some(ExpectedSource {
                source: UpdateSource::Wsus,
                server: Some(TLS.to_owned()),
            });
        })
    };
    vec![
        open(
            ID,
            Serious,
            &["quality:windows-update"],
            "expected is WSUS https://wsus.corp.example:8531 (as set)",
            ordinary_client().expecting(wanting_wsus()),
        ),
        clear(
            ID,
            "from where they are expected",
            on_wsus(TLS).expecting(wanting_wsus()),
        ),
        unknown(
            ID,
            "Where quality updates come from could not be told",
            but(Check::ScanSource)
                .dword(POLICY_AU, "UseWUServer", 1)
                .expecting(wanting_wsus()),
        ),
        not_applicable(ID, "No source is expected", ordinary_client()),
    ]
}

fn client_id() -> Vec<Told> {
    const ID: &str = "duplicate-update-client-id";
    let cloned = || FleetContext {
        shared_client_ids: [CLIENT_ID.to_owned()].into(),
        ..FleetContext::default()
    };
    vec![
        open(
            ID,
            Warning,
            &["11111111"],
            "cloned from the other",
            ordinary_client().in_fleet(cloned()),
        ),
        open(
            ID,
            Serious,
            &["11111111"],
            "cloned from the other",
            on_wsus(TLS).in_fleet(cloned()),
        ),
        clear(ID, "No other device has", ordinary_client()),
        unknown(
            ID,
            "access denied",
            but(Check::UpdateAgent).data(
                keys::WINDOWS_UPDATE,
                Some(keys::CLIENT_ID),
                Data::Unreadable("access denied".to_owned()),
            ),
        ),
    ]
}

fn directory() -> Vec<Told> {
    const ID: &str = "directory-registration-broken";
    let wanted =
        |machine: Machine| machine.expecting(wanting(|e| e.directory_registration_wanted = true));
    let own = format!(r"{}\{THUMBPRINT}", keys::JOIN_INFO);
    let certificate = format!(r"{}\{THUMBPRINT}", keys::MACHINE_CERTIFICATES);
    let joined = || {
        but(Check::Directory)
            .key(keys::JOIN_INFO)
            .sz(&own, "TenantId", "72f988bf-0000")
    };
    vec![
        open(
            ID,
            Serious,
            &["not registered"],
            "not registered with Entra ID",
            wanted(ordinary_client()),
        ),
        open(
            ID,
            Serious,
            &["certificate-missing"],
            "the certificate that it names is not on the device",
            wanted(joined().absent_key(&certificate)),
        ),
        clear(
            ID,
            "tenant 72f988bf-0000",
            wanted(joined().key(&certificate)),
        ),
        unknown(
            ID,
            "access denied",
            wanted(but(Check::Directory).unreadable_key(keys::JOIN_INFO)),
        ),
        not_applicable(ID, "No registration with Entra ID", ordinary_client()),
    ]
}

/// Of the sources that tell of searches, none answered.
fn mute(machine: Machine) -> Machine {
    let refused = || Outcome::Failed("the update agent did not answer within 60 s".to_owned());
    machine
        .outcome(Check::UpdateHistory, refused())
        .outcome(Check::UpdateEvents, refused())
}

/// The last search failed after one that worked.
fn failed_search(machine: Machine, code: &str) -> Machine {
    machine.on(Check::UpdateEvents).event(
        keys::UPDATE_CHANNEL,
        9,
        25,
        "2026-10-09T20:00:00Z",
        &[("errorCode", code)],
    )
}

fn recovery() -> Vec<Told> {
    const ID: &str = "wsus-sync-recovery-failing";
    vec![
        open(
            ID,
            Serious,
            &[TLS],
            "https://wsus.corp.example:8531 failed with 0x80244007",
            failed_search(on_wsus(TLS), "0x80244007"),
        ),
        clear(ID, "worked on 2026-10-09", on_wsus(TLS)),
        clear(
            ID,
            "0x8024402C, which is another fault",
            failed_search(on_wsus(TLS), "0x8024402C"),
        ),
        unknown(ID, "did not answer within 60 s", mute(on_wsus(TLS))),
        not_applicable(ID, "does not scan WSUS", ordinary_client()),
    ]
}

/// By agent and event log, the last search that worked was then, and the last of all failed.
fn searched(at: &str) -> Machine {
    let machine = but(Check::UpdateHistory)
        .agent(
            keys::UPDATE_RESULTS,
            Some(keys::LAST_SEARCH),
            Data::Text(at.to_owned()),
        )
        .without(Check::UpdateEvents)
        .on(Check::UpdateEvents)
        .channel(keys::UPDATE_CHANNEL);
    failed_search(machine, "0x8024402C")
}

fn endpoint() -> Vec<Told> {
    const ID: &str = "update-endpoint-unreachable";
    let at = |machine: Machine, name, parts: &[(&str, &str)]| {
        machine.system(keys::UPDATE_ENDPOINT, name, step(parts))
    };
    let resolved = || works(to_wsus(), &["dns"]);
    vec![
        open(
            ID,
            Serious,
            &["wsus.example:8531 tcp"],
            "TCP refused (10061)",
            at(
                resolved(),
                "tcp",
                &[("outcome", "failed"), ("code", "10061")],
            ),
        ),
        clear(
            ID,
            "wsus.example:8531",
            at(
                works(resolved(), &["tcp", "tls"]),
                "http",
                &[("outcome", "ok"), ("status", "200")],
            ),
        ),
        unknown(ID, "TCP not reached", resolved()),
        not_applicable(ID, "was not probed", probed(Data::Flag(false))),
    ]
}

fn scans() -> Vec<Told> {
    const ID: &str = "scan-stale";
    vec![
        open(
            ID,
            Warning,
            &["0x8024402C"],
            "on 2026-09-28, 12 days ago",
            searched("2026-09-28T00:00:00Z"),
        ),
        open(
            ID,
            Serious,
            &["0x8024402C"],
            "on 2026-08-01, 70 days ago",
            searched("2026-08-01T00:00:00Z"),
        ),
        clear(ID, "worked on 2026-10-09", ordinary_client()),
        unknown(ID, "did not answer within 60 s", mute(ordinary_client())),
    ]
}

fn transport() -> Vec<Told> {
    const ID: &str = "wsus-without-tls";
    vec![
        open(
            ID,
            Warning,
            &["http://wsus.corp.example:8530"],
            "http://wsus.corp.example:8530 is plain HTTP",
            on_wsus("http://wsus.corp.example:8530"),
        ),
        clear(ID, "uses TLS", on_wsus(TLS)),
        unknown(ID, "is no URL", on_wsus("wsus.corp.example:8530")),
        not_applicable(ID, "uses no WSUS server", ordinary_client()),
    ]
}
