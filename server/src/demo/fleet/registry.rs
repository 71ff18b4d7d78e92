//! The recording of a machine of the demo: a healthy registry, and what its ailments change in it.
//!
//! The company's clients take feature updates from Windows Update and everything else from one WSUS server with TLS, by group policy;
//! its servers take everything from there.

mod failing;
mod firmware;
mod sick;
mod upkeep;

use std::collections::BTreeMap;

use sickbay_collector::host::recording::host_toml::{FileState, ServiceState, UpdateAgent};
use sickbay_collector::host::recording::{Description, Recording, Registry};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::keys;
use sickbay_diagnosis::reading::Data;

use super::ailment::Ailment;
use super::body::Body;
use super::place::DOMAIN;
use super::profile::Profile;
use super::release::FIRST_BUILD_WITH_CLASS_SOURCES;

/// The company's update server.
const WSUS: &str = "https://wsus.corp.northharbour.example:8531";
/// The company's Entra tenant.
const TENANT: &str = "7c0f5a52-94d3-4f0e-8b1a-3e6d20c9b7f4";
/// Key that ends the names of packages of Windows itself.
const PACKAGE_KEY: &str = "31bf3856ad364e35~amd64~";
const INSTALLED: u32 = 0x70;
const SUPERSEDED: u32 = 0x50;

/// Services that updating needs, with start type and whether they usually run.
const SERVICES: [(&str, u32, bool); 15] = [
    ("wuauserv", 3, false),
    ("UsoSvc", 2, true),
    ("BITS", 3, false),
    ("CryptSvc", 2, true),
    ("TrustedInstaller", 3, false),
    ("DoSvc", 2, true),
    ("WaaSMedicSvc", 3, false),
    ("msiserver", 3, false),
    ("wlidsvc", 3, false),
    ("MpsSvc", 2, true),
    ("W32Time", 2, true),
    ("EventLog", 2, true),
    ("RpcSs", 2, true),
    ("EventSystem", 2, true),
    ("WinHttpAutoProxySvc", 3, true),
];

/// What a machine's checks read.
pub(super) fn recording(body: &Body<'_>, ailments: &[Ailment]) -> Recording {
    let mut machine = Machine {
        registry: Registry::new(),
        description: description(body),
    };
    upkeep::write(&mut machine, body);
    machine.identity(body);
    machine.policies(body);
    machine.pauses(body);
    machine.appraisal(body);
    machine.services(body);
    machine.packages(body);
    machine.directory(body);
    firmware::renewed(&mut machine);
    machine.restart_state(body.profile);
    for ailment in ailments {
        sick::apply(&mut machine, body, ailment);
    }
    Recording::new(machine.registry, machine.description)
}

/// A machine that is being written.
struct Machine {
    registry: Registry,
    description: Description,
}

fn description(body: &Body<'_>) -> Description {
    let profile = body.profile;
    let services = SERVICES.iter().map(|(name, _, running)| {
        let state = ServiceState { running: *running };
        ((*name).to_owned(), state)
    });
    Description {
        now: Some(body.calendar.now),
        host_name: Some(profile.host_name.clone()),
        domain: Some(DOMAIN.to_owned()),
        organizational_unit: Some(profile.place.ou.clone()),
        site: Some(profile.place.ad_site.to_owned()),
        architecture: Some("x64".to_owned()),
        boot_time: Some(body.started_at()),
        machine_fingerprint: Some(profile.fingerprint.clone()),
        services: services.collect::<BTreeMap<_, _>>(),
        update_agent: Some(UpdateAgent::RebootRequired(false)),
        files: vec![FileState {
            path: keys::PENDING_XML.to_owned(),
            exists: false,
            created: None,
            version: None,
        }],
        ..Description::default()
    }
}

impl Machine {
    fn text(&mut self, key: &str, name: &str, value: impl Into<String>) {
        self.registry.set_value(key, name, Data::Text(value.into()));
    }

    fn dword(&mut self, key: &str, name: &str, value: u32) {
        self.registry.set_value(key, name, Data::Dword(value));
    }

    fn lines(&mut self, key: &str, name: &str, lines: &[&str]) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        self.registry.set_value(key, name, Data::MultiText(lines));
    }

    fn identity(&mut self, body: &Body<'_>) {
        let nt = keys::WINDOWS_NT;
        let (profile, release) = (body.profile, body.release);
        self.text(nt, "ProductName", body.product_name());
        self.text(nt, "EditionID", body.edition);
        self.text(nt, "CurrentBuild", release.build.to_string());
        self.text(nt, "CurrentBuildNumber", release.build.to_string());
        self.dword(nt, "UBR", body.ubr());
        self.text(nt, "DisplayVersion", release.display_version);
        let (installation, product) = if release.is_server {
            ("Server", "ServerNT")
        } else {
            ("Client", "WinNT")
        };
        self.text(nt, "InstallationType", installation);
        self.text(keys::PRODUCT_OPTIONS, "ProductType", product);
        let installed_s = u32::try_from(profile.installed_at.millis() / 1000).unwrap_or(u32::MAX);
        self.dword(nt, "InstallDate", installed_s);
        self.text(keys::ENVIRONMENT, "PROCESSOR_ARCHITECTURE", "AMD64");
        for key in [keys::ACTIVE_COMPUTER_NAME, keys::COMPUTER_NAME] {
            self.text(key, "ComputerName", &*profile.host_name);
        }
        self.text(keys::TCPIP_PARAMETERS, "Hostname", &*profile.host_name);
        for name in ["Domain", "NV Domain"] {
            self.text(keys::TCPIP_PARAMETERS, name, DOMAIN);
        }
        self.text(
            keys::NETLOGON_PARAMETERS,
            "DynamicSiteName",
            profile.place.ad_site,
        );
        let distinguished_name = format!("CN={},{}", profile.host_name, profile.place.ou);
        self.text(
            keys::GROUP_POLICY_STATE,
            "Distinguished-Name",
            distinguished_name,
        );
        self.text(keys::WINDOWS_UPDATE, keys::CLIENT_ID, &*body.client_id);
    }

    fn policies(&mut self, body: &Body<'_>) {
        for name in ["WUServer", "WUStatusServer"] {
            self.text(keys::POLICY, name, WSUS);
        }
        self.dword(keys::POLICY_AU, "UseWUServer", 1);
        if body.release.build >= FIRST_BUILD_WITH_CLASS_SOURCES {
            let feature = u32::from(body.release.is_server);
            for (class, from_wsus) in [
                ("Feature", feature),
                ("Quality", 1),
                ("Driver", 1),
                ("Other", 1),
            ] {
                let name = format!("SetPolicyDrivenUpdateSourceFor{class}Updates");
                self.dword(keys::POLICY, &name, from_wsus);
            }
            self.dword(keys::POLICY_AU, "UseUpdateClassPolicySource", 1);
        }
        self.dword(keys::POLICY_AU, "NoAutoUpdate", 0);
        self.dword(
            keys::POLICY_AU,
            "AUOptions",
            if body.release.is_server { 3 } else { 4 },
        );
        self.dword(keys::POLICY_AU, "ScheduledInstallDay", 0);
        self.dword(keys::POLICY_AU, "ScheduledInstallTime", 3);
    }

    fn pauses(&mut self, body: &Body<'_>) {
        for class in ["Feature", "Quality"] {
            self.dword(
                keys::UPDATE_POLICY_SETTINGS,
                &format!("Paused{class}Status"),
                0,
            );
        }
        // Dates that were filled although nobody paused, as machines of 25H2 have them.
        if body.release.build == 26200 {
            let date = body.profile.installed_at.to_string().replace('T', " ");
            let date: String = date.chars().take("2026-10-08 07:42:03".len()).collect();
            for class in ["Feature", "Quality"] {
                self.text(
                    keys::UPDATE_POLICY_SETTINGS,
                    &format!("Paused{class}Date"),
                    &*date,
                );
            }
        }
        self.dword(keys::UX_SETTINGS, "ActiveHoursStart", 8);
        self.dword(keys::UX_SETTINGS, "ActiveHoursEnd", 17);
    }

    fn appraisal(&mut self, body: &Body<'_>) {
        if body.release.is_server {
            return;
        }
        // The appraiser runs where there is nothing newer to appraise, too.
        self.registry.create_key(keys::APPRAISER_TARGETS);
        let at = body.calendar.now;
        let at = at.plus_millis(-body.profile.appraisal_age_ms);
        for target in body.release.targets {
            let key = format!(r"{}\{}", keys::APPRAISER_TARGETS, target.code);
            for name in [
                "GatedBlockId",
                "GatedBlockReason",
                "RedReason",
                "FailedPrereqs",
            ] {
                self.lines(&key, name, &["None"]);
            }
            self.text(&key, "UpgEx", "Green");
            self.text(&key, "UpgExU", "Green");
            self.text(&key, "GStatus", "2");
            self.text(&key, "DestBuildNum", target.build.to_string());
            let appraised = Data::Qword(filetime(at));
            self.registry.set_value(&key, "Timestamp", appraised);
        }
    }

    fn services(&mut self, body: &Body<'_>) {
        for (name, start, _) in SERVICES {
            self.dword(&keys::service(name), "Start", start);
        }
        if body.release.is_server {
            return;
        }
        self.dword(&keys::service(keys::UHSSVC), "Start", 2);
        self.description
            .services
            .insert(keys::UHSSVC.to_owned(), ServiceState { running: true });
        let key = health_tools_key(body);
        self.text(&key, "DisplayName", keys::UHT_DISPLAY_NAME);
        self.text(&key, "DisplayVersion", "5.72.0.0");
        self.text(&key, "Publisher", "Microsoft Corporation");
        let date = body.profile.installed_at.date().replace('-', "");
        self.text(&key, "InstallDate", date);
    }

    fn packages(&mut self, body: &Body<'_>) {
        let family = body.release.package_build;
        let (ubr, stack) = (body.ubr(), body.stack());
        self.rollup(family, ubr, INSTALLED, body.patched_at());
        for (month, at) in body.earlier() {
            self.rollup(family, body.release.ubr(month), SUPERSEDED, at);
        }
        let name = format!("Package_for_ServicingStack_{stack}~{PACKAGE_KEY}~{family}.{stack}.1.0");
        self.package(&name, INSTALLED, body.stack_installed_at());
        let dot_net = format!("Package_for_DotNetRollup_481~{PACKAGE_KEY}~10.0.9320.2");
        self.package(&dot_net, INSTALLED, body.patched_at());
        let folder = stack_folder(body);
        self.description.files.push(FileState {
            path: folder.clone(),
            exists: true,
            created: Some(body.stack_installed_at()),
            version: None,
        });
        self.registry.set_value(
            keys::CBS_VERSION,
            &format!("10.0.{family}.{stack}"),
            Data::ExpandText(folder),
        );
    }

    /// Clients are registered with the directory; servers are not.
    fn directory(&mut self, body: &Body<'_>) {
        self.registry.create_key(keys::CLOUD_DOMAIN_JOIN);
        if body.release.is_server {
            return;
        }
        let thumbprint = &body.profile.thumbprint;
        self.registry
            .create_key(&format!(r"{}\{thumbprint}", keys::MACHINE_CERTIFICATES));
        let key = format!(r"{}\{thumbprint}", keys::JOIN_INFO);
        self.text(&key, "TenantId", TENANT);
    }

    fn rollup(&mut self, family: u32, ubr: u32, state: u32, at: Time) {
        let name = format!("Package_for_RollupFix~{PACKAGE_KEY}~{family}.{ubr}.1.10");
        self.package(&name, state, at);
    }

    fn package(&mut self, name: &str, state: u32, at: Time) {
        let key = format!(r"{}\{name}", keys::CBS_PACKAGES);
        self.dword(&key, "CurrentState", state);
        self.dword(&key, "Visibility", 1);
        self.text(&key, "InstallClient", "UpdateAgentLCU");
        self.text(&key, "InstallName", format!("{name}.mum"));
        let filetime = filetime(at);
        self.dword(&key, "InstallTimeHigh", (filetime >> 32) as u32);
        self.dword(&key, "InstallTimeLow", (filetime & 0xffff_ffff) as u32);
    }

    fn restart_state(&mut self, profile: &Profile) {
        self.registry.create_key(keys::AUTO_UPDATE);
        self.dword(keys::SESSION_MANAGER, "GlobalFlag", 0);
        // One machine in four has file renames of other software waiting, which is normal.
        if profile.serial.is_multiple_of(4) {
            let list = [
                r"\??\C:\Program Files (x86)\Microsoft\EdgeUpdate\Temp\scoped_dir",
                "",
                r"\??\C:\Windows\System32\spool\PRTPROCS\x64\1_winprint.dll",
                "",
            ];
            self.lines(keys::SESSION_MANAGER, "PendingFileRenameOperations", &list);
        }
    }
}

/// Where the servicing stack lies.
fn stack_folder(body: &Body<'_>) -> String {
    format!(
        r"%SystemRoot%\WinSxS\amd64_microsoft-windows-servicingstack_31bf3856ad364e35_10.0.{}.{}_none_{:08x}",
        body.release.package_build,
        body.stack(),
        body.profile.serial
    )
}

fn health_tools_key(body: &Body<'_>) -> String {
    // Product codes change with versions; this one was seen on Windows 11.
    let code = if body.release.build >= 22000 {
        "{C6FD611E-7EFE-488C-A0E0-974C09EF6473}"
    } else {
        "{1FC1A6C2-576E-489A-9B4A-92D21F542136}"
    };
    format!(r"{}\{code}", keys::UNINSTALL)
}

fn filetime(at: Time) -> u64 {
    const UNIX_EPOCH_IN_FILETIME_MS: i64 = 11_644_473_600_000;
    let millis = at.millis().saturating_add(UNIX_EPOCH_IN_FILETIME_MS);
    u64::try_from(millis).unwrap_or(0).saturating_mul(10_000)
}
