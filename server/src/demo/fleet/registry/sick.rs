//! What an ailment changes in a healthy registry.

use sickbay_collector::host::recording::host_toml::{FileState, UpdateAgent};
use sickbay_collector::host::recording::upkeep::StoreRecord;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::keys;
use sickbay_diagnosis::reading::Data;
use sickbay_diagnosis::time::HOUR_MS;

use super::super::ailment::{Ailment, Kind};
use super::{Body, Machine, failing, firmware, health_tools_key, stack_folder};

/// The WSUS server that was replaced, which some policies still name.
const OLD_WSUS: &str = "http://sus01.corp.northharbour.example:8530";
/// The MDM provider that won, as devices name it.
const MDM_PROVIDER: &str = "B1D2F3A4-5C6E-4F70-8192-A3B4C5D6E7F8";
const DISABLED: u32 = 4;
const INSTALL_PENDING: u32 = 0x60;
const REPAIRABLE: u32 = 1;
const NOT_REPAIRABLE: u32 = 2;

/// Writes `ailment` into a machine.
pub(super) fn apply(machine: &mut Machine, body: &Body<'_>, ailment: &Ailment) {
    failing::apply(machine, body, ailment);
    match ailment.kind {
        Kind::PausedByUser => paused_by_user(machine, body, ailment),
        Kind::QualityPausedByPolicy => {
            let date = ailment.since.date();
            machine.text(keys::POLICY, "PauseQualityUpdatesStartTime", date);
            machine.dword(keys::UPDATE_POLICY_SETTINGS, "PausedQualityStatus", 1);
        }
        Kind::FeaturePausedByMdm => paused_by_mdm(machine, ailment),
        Kind::DeferredTooLong => {
            let days = ailment.deferral_days();
            machine.dword(keys::POLICY, "DeferQualityUpdates", 1);
            machine.dword(keys::POLICY, "DeferQualityUpdatesPeriodInDays", days);
        }
        Kind::Held => held(machine, body, ailment.hold()),
        Kind::HardwareTooOld => blocked(machine, body, ailment.red_reason()),
        Kind::NotAppraised => {
            machine.registry.delete_key(keys::APPRAISER_TARGETS);
        }
        Kind::Pinned => pinned(machine, body),
        Kind::LostWsus
        | Kind::PlainHttpWsus
        | Kind::WsusNotSwitchedOn
        | Kind::ClassesNotSwitchedOn => source(machine, ailment.kind),
        Kind::NoHealthTools => no_health_tools(machine, body),
        Kind::HealthServiceDisabled => disable(machine, keys::UHSSVC),
        Kind::RestartPending => restart_pending(machine, body, ailment),
        Kind::AgentFails => {
            let code = ailment.choose(&["0x80070005", "0x8024001E", "0x80080005"]);
            machine.description.update_agent = Some(UpdateAgent::Error(code.to_owned()));
        }
        Kind::StoreUnasked => {
            let why = "DismOpenSession failed with 0x800702E4".to_owned();
            machine.description.component_store = Some(StoreRecord::Error(why));
        }
        Kind::AutomaticUpdatesOff => {
            let (name, value) = ailment.choose(&[("NoAutoUpdate", 1), ("AUOptions", 1)]);
            machine.dword(keys::POLICY_AU, name, value);
        }
        Kind::ServiceDisabled => disable(machine, ailment.disabled_service()),
        Kind::StoreCorrupt => {
            let health = ailment.choose(&[REPAIRABLE, REPAIRABLE, NOT_REPAIRABLE]);
            machine.description.component_store = Some(StoreRecord::Health(health));
        }
        Kind::StackBroken => machine.description.files.push(FileState {
            path: stack_folder(body),
            exists: false,
            created: None,
            version: None,
        }),
        Kind::RegistrationBroken => {
            let thumbprint = &body.profile.thumbprint;
            let key = format!(r"{}\{thumbprint}", keys::MACHINE_CERTIFICATES);
            machine.registry.delete_key(&key);
        }
        Kind::OldCertificates => firmware::old(machine, ailment),
        Kind::NotRegistered => {
            machine.registry.delete_key(keys::JOIN_INFO);
        }
        // These are what the machine is, or how it fails; or its clock, or that it is away.
        Kind::Outlived
        | Kind::NearingEnd
        | Kind::RecoveryRefused
        | Kind::Neglected
        | Kind::ServerUnreachable
        | Kind::DownloadFails
        | Kind::DiskLow
        | Kind::StackOutdated
        | Kind::InstallFails
        | Kind::SentWhatItHas
        | Kind::SentWhatIsReplaced
        | Kind::SentAnothers
        | Kind::ImageTooOld
        | Kind::Cloned
        | Kind::ClockOff
        | Kind::Silent
        | Kind::OldCollector => {}
    }
}

/// The policy names the release that the machine runs already.
fn pinned(machine: &mut Machine, body: &Body<'_>) {
    machine.dword(keys::POLICY, "TargetReleaseVersion", 1);
    machine.text(keys::POLICY, "ProductVersion", "Windows 11");
    let version = body.release.display_version;
    machine.text(keys::POLICY, "TargetReleaseVersionInfo", version);
}

fn paused_by_user(machine: &mut Machine, body: &Body<'_>, ailment: &Ailment) {
    let start = to_the_second(ailment.since);
    let end = to_the_second(ailment.user_pause_ends(body.calendar.now));
    machine.text(keys::UX_SETTINGS, "PauseUpdatesStartTime", &*start);
    machine.text(keys::UX_SETTINGS, "PauseUpdatesExpiryTime", &*end);
    for class in ["Feature", "Quality"] {
        let name = |what| format!("Pause{class}Updates{what}Time");
        machine.text(keys::UX_SETTINGS, &name("Start"), &*start);
        machine.text(keys::UX_SETTINGS, &name("End"), &*end);
        let status = format!("Paused{class}Status");
        machine.dword(keys::UPDATE_POLICY_SETTINGS, &status, 1);
    }
}

fn paused_by_mdm(machine: &mut Machine, ailment: &Ailment) {
    let name = "PauseFeatureUpdatesStartTime";
    machine.text(keys::MDM_UPDATE, name, ailment.since.date());
    machine.dword(keys::MDM_UPDATE, &format!("{name}_ProviderSet"), 1);
    let winner = format!("{name}_WinningProvider");
    machine.text(keys::MDM_UPDATE, &winner, MDM_PROVIDER);
    machine.dword(keys::UPDATE_POLICY_SETTINGS, "PausedFeatureStatus", 1);
}

fn held(machine: &mut Machine, body: &Body<'_>, id: &str) {
    for target in body.release.targets {
        let key = format!(r"{}\{}", keys::APPRAISER_TARGETS, target.code);
        machine.lines(&key, "GatedBlockId", &[id]);
        machine.text(&key, "GStatus", "0");
    }
}

fn blocked(machine: &mut Machine, body: &Body<'_>, reason: &str) {
    for target in body.release.targets {
        let key = format!(r"{}\{}", keys::APPRAISER_TARGETS, target.code);
        machine.lines(&key, "RedReason", &[reason]);
        machine.text(&key, "UpgEx", "Red");
        machine.text(&key, "UpgExU", "Red");
    }
}

fn source(machine: &mut Machine, kind: Kind) {
    let registry = &mut machine.registry;
    match kind {
        Kind::LostWsus => {
            registry.delete_key(keys::POLICY);
        }
        Kind::WsusNotSwitchedOn => {
            registry.delete_value(keys::POLICY_AU, "UseWUServer");
        }
        Kind::ClassesNotSwitchedOn => {
            registry.delete_value(keys::POLICY_AU, "UseUpdateClassPolicySource");
        }
        _ => {
            for name in ["WUServer", "WUStatusServer"] {
                machine.text(keys::POLICY, name, OLD_WSUS);
            }
        }
    }
}

fn no_health_tools(machine: &mut Machine, body: &Body<'_>) {
    machine.registry.delete_key(&health_tools_key(body));
    // The anchor stays: other programs are installed.
    machine.registry.create_key(keys::UNINSTALL);
    machine.registry.delete_key(&keys::service(keys::UHSSVC));
    machine.description.services.remove(keys::UHSSVC);
}

fn disable(machine: &mut Machine, service: &str) {
    machine.dword(&keys::service(service), "Start", DISABLED);
    if let Some(state) = machine.description.services.get_mut(service) {
        state.running = false;
    }
}

/// One of the ways in which machines show that an update waits for a restart.
fn restart_pending(machine: &mut Machine, body: &Body<'_>, ailment: &Ailment) {
    let (profile, since) = (body.profile, ailment.since);
    machine.description.update_agent = Some(UpdateAgent::RebootRequired(true));
    machine.description.boot_time = Some(body.started_at().min(since.plus_millis(-HOUR_MS)));
    if let Some(month) = body.waiting {
        let revision = body.release.ubr(month);
        machine.rollup(body.release.package_build, revision, INSTALL_PENDING, since);
    }
    match ailment.variant % 4 {
        0 => {
            machine.dword(keys::AUTO_UPDATE_REBOOT, &profile.update_client_id, 1);
            machine
                .registry
                .set_last_write(keys::AUTO_UPDATE_REBOOT, since);
            let start = to_the_second(since);
            machine.text(keys::UX_SETTINGS, "PendingRebootStartTime", start);
        }
        1 => {
            machine
                .registry
                .set_last_write(keys::CBS_REBOOT_PENDING, since);
            machine
                .registry
                .set_last_write(keys::CBS_PACKAGES_PENDING, since);
        }
        2 => {
            machine
                .registry
                .set_last_write(keys::CBS_REBOOT_PENDING, since);
            // The last entry on a path counts.
            machine.description.files.push(FileState {
                path: keys::PENDING_XML.to_owned(),
                exists: true,
                created: Some(since),
                version: None,
            });
        }
        _ => machine
            .registry
            .set_value(keys::UX_STATE, "RebootRequired", Data::Dword(1)),
    }
}

/// A time as the update page writes it.
fn to_the_second(at: Time) -> String {
    Time::from_millis(at.millis() / 1000 * 1000).to_string()
}
