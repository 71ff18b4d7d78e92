//! The steps that concern this machine alone.

use std::path::Path;

use sickbay_diagnosis::reading::Data;
use sickbay_diagnosis::{Time, keys};

use crate::cli::service::SERVICE;
use crate::host::Host;
use crate::policy::{self, LOCAL_KEY, POLICY_KEY, Policy};
use crate::session::{Step, Trouble};
use crate::spool::filesystem::{Disk, Filesystem as _};
use crate::state::{self, Credentials, StateError};

type Outcome = Result<String, Trouble>;

/// In the order in which one explains the next.
pub(super) fn steps(
    host: &dyn Host,
    dir: &Path,
    policy: &Policy,
    credentials: &Result<Option<Credentials>, StateError>,
) -> Vec<Step> {
    let enrolled = matches!(credentials, Ok(Some(known)) if known.identity.is_some());
    let mut steps = vec![
        ("settings", settings(policy)),
        ("servers", servers(policy)),
        ("service", service(host)),
        ("state", folder(dir)),
        ("identity", identity(host.now(), credentials)),
    ];
    if !enrolled {
        steps.push(("token", token(policy)));
    }
    steps.extend([("spool", spool(dir)), ("last error", last_error(dir))]);
    steps
        .into_iter()
        .map(|(name, outcome)| Step { name, outcome })
        .collect()
}

fn settings(policy: &Policy) -> Outcome {
    if !policy.problems.is_empty() {
        return Err(Trouble::new(
            policy.problems.join("; "),
            "Correct the value in the policy; `gpupdate /target:computer` brings it here.",
        ));
    }
    if policy.origins.is_empty() {
        return Ok(format!(
            "none is set, neither in {POLICY_KEY} nor in {LOCAL_KEY}"
        ));
    }
    let set: Vec<String> = policy
        .origins
        .iter()
        .map(|(name, origin)| format!("{name} by {}", origin.words()))
        .collect();
    Ok(set.join(", "))
}

fn servers(policy: &Policy) -> Outcome {
    if policy.server_urls.is_empty() {
        return Err(Trouble::new(
            "no server is set",
            "Set ServerUrls by group policy. `gpresult /h report.html` shows whether the GPO reaches this machine; it must be linked to its OU and readable by its account.",
        ));
    }
    let urls: Vec<String> = policy.server_urls.iter().map(ToString::to_string).collect();
    Ok(urls.join(", "))
}

fn service(host: &dyn Host) -> Outcome {
    let start = host.registry_value(&keys::service(SERVICE), "Start");
    match (host.service_running(SERVICE), start) {
        (Data::Flag(true), _) => Ok(format!("{SERVICE} runs")),
        (Data::Flag(false), Data::Dword(4)) => Err(Trouble::new(
            format!("{SERVICE} is disabled"),
            format!("`sc config {SERVICE} start= delayed-auto` and `net start {SERVICE}`"),
        )),
        (Data::Flag(false), _) => Err(Trouble::new(
            format!("{SERVICE} does not run"),
            format!(
                "`net start {SERVICE}`; if it ends again, its log and the Application log (source {SERVICE}) say why."
            ),
        )),
        (Data::Absent, _) => Err(Trouble::new(
            format!("there is no service {SERVICE}"),
            "Install the MSI, or `sickbay-collector service install`.",
        )),
        (Data::Unreadable(why), _) => Err(Trouble::new(
            format!("the service cannot be asked for: {why}"),
            "Run this as an administrator.",
        )),
        _ => Ok("not known here".to_owned()),
    }
}

fn folder(dir: &Path) -> Outcome {
    let shown = dir.display();
    match std::fs::read_dir(dir) {
        Ok(_) => Ok(shown.to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Trouble::new(
            format!("{shown} is not there: the service never ran"),
            format!("`net start {SERVICE}`"),
        )),
        Err(error) => Err(Trouble::new(
            format!("{shown} cannot be entered: {error}"),
            "Run this as an administrator.",
        )),
    }
}

fn identity(now: Time, credentials: &Result<Option<Credentials>, StateError>) -> Outcome {
    let known = match credentials {
        Err(error) => {
            return Err(Trouble::new(
                crate::session::chain(error),
                "Run this as an administrator.",
            ));
        }
        Ok(known) => known.as_ref().and_then(|known| known.identity.as_ref()),
    };
    match known {
        None => Ok("not enrolled yet".to_owned()),
        Some(identity) if identity.expired(now) => Err(Trouble::new(
            format!(
                "the certificate of device {} ended at {}",
                identity.device_id, identity.not_after
            ),
            "With an EnrolmentToken in force the collector enrols again by itself. If the clock is wrong, set it.",
        )),
        Some(identity) => Ok(format!(
            "device {}, with a certificate until {}",
            identity.device_id, identity.not_after
        )),
    }
}

fn token(policy: &Policy) -> Outcome {
    match policy.origin(policy::ENROLMENT_TOKEN) {
        Some(origin) => Ok(format!("set by {}", origin.words())),
        None => Err(Trouble::new(
            "no EnrolmentToken is set, and without one this device cannot enrol",
            "`sickbay-server token create` makes one; set it as EnrolmentToken by group policy.",
        )),
    }
}

fn spool(dir: &Path) -> Outcome {
    let Ok(files) = Disk.list(&dir.join("spool")) else {
        return Ok("nothing waits".to_owned());
    };
    let (mut waiting, mut bytes, mut bad) = (0, 0, 0);
    for file in &files {
        match file.name.rsplit_once('.') {
            Some((_, "report")) => {
                waiting += 1;
                bytes += file.bytes;
            }
            Some((_, "bad")) => bad += 1,
            _ => {}
        }
    }
    if bad > 0 {
        return Err(Trouble::new(
            format!(
                "{waiting} reports wait ({bytes} bytes), and {bad} could not be read and were set aside"
            ),
            "Nothing is lost for good: everything was reported again. If it happens often, look at the disk.",
        ));
    }
    Ok(format!("{waiting} reports wait ({bytes} bytes)"))
}

fn last_error(dir: &Path) -> Outcome {
    match state::peek_last_error(dir) {
        Ok(Some(error)) => Err(Trouble::new(
            format!("{}, at {}", error.text, error.at),
            "The steps below tell whether it is still so.",
        )),
        Ok(None) => Ok("none".to_owned()),
        Err(_) => Ok("not known".to_owned()),
    }
}
