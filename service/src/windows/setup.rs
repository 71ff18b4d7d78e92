//! The service's entry with the service control manager.

use std::error::Error as _;
use std::ffi::OsString;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState,
    ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

/// How long a service may take to stop.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);
/// How long after a failure the service is started again: the first, the second, and all later ones.
const START_AGAIN: [Duration; 3] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
];
/// After so long without a failure the next one counts as the first.
const FORGIVEN_AFTER: Duration = Duration::from_hours(24);

/// A service to be.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// Its name for people.
    pub display: &'static str,
    /// What it is for, a sentence.
    pub description: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// Why the service control manager would not.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// It refused.
    #[error("{what} the service; this needs an administrator's prompt")]
    Manager {
        /// What was tried.
        what: &'static str,
        /// What it says.
        source: windows_service::Error,
    },
    /// The service goes on.
    #[error("the service did not stop within {} s", STOPPED_WITHIN.as_secs())]
    StillRuns,
}

fn failed(what: &'static str) -> impl FnOnce(windows_service::Error) -> SetupError {
    move |source| SetupError::Manager { what, source }
}

/// Enters the service, or brings its entry up to date, and starts it.
pub fn install(definition: &Definition) -> Result<(), SetupError> {
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let manager = ServiceManager::local_computer(None::<&str>, access)
        .map_err(failed("reach the manager of"))?;
    let information = ServiceInfo {
        name: definition.name.into(),
        display_name: definition.display.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: definition.program.clone(),
        launch_arguments: definition.arguments.clone(),
        dependencies: Vec::new(),
        account_name: None,
        account_password: None,
    };
    let access = ServiceAccess::ALL_ACCESS;
    let service = match manager.open_service(definition.name, access) {
        Ok(service) => {
            service
                .change_config(&information)
                .map_err(failed("change"))?;
            service
        }
        Err(_) => manager
            .create_service(&information, access)
            .map_err(failed("create"))?,
    };
    let _ = service.set_description(definition.description);
    if !has_state(&service, ServiceState::Running) {
        service.start::<&str>(&[]).map_err(failed("start"))?;
    }
    Ok(())
}

/// Stops the service and removes its entry. Returns whether there was one.
pub fn uninstall(name: &str) -> Result<bool, SetupError> {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT)
        .map_err(failed("reach the manager of"))?;
    let access = ServiceAccess::QUERY_STATUS | ServiceAccess::STOP | ServiceAccess::DELETE;
    let service = match manager.open_service(name, access) {
        Ok(service) => service,
        Err(windows_service::Error::Winapi(error)) if error.raw_os_error() == Some(NO_SERVICE) => {
            return Ok(false);
        }
        Err(error) => return Err(failed("open")(error)),
    };
    if !has_state(&service, ServiceState::Stopped) {
        let _ = service.stop();
        let since = Instant::now();
        while !has_state(&service, ServiceState::Stopped) {
            if since.elapsed() > STOPPED_WITHIN {
                return Err(SetupError::StillRuns);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
    service.delete().map_err(failed("delete"))?;
    Ok(true)
}

/// `ERROR_SERVICE_DOES_NOT_EXIST`.
const NO_SERVICE: i32 = 1060;

fn has_state(service: &Service, state: ServiceState) -> bool {
    service
        .query_status()
        .is_ok_and(|status| status.current_state == state)
}

/// What an installer cannot say in its tables: the service starts a while after the machine, and again after it failed. Called by
/// the service itself at its start, so that every way of installing it comes to the same. What this Windows does not know is logged
/// and left out.
pub fn settle(name: &str) -> Result<(), SetupError> {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT)
        .map_err(failed("reach the manager of"))?;
    let access = ServiceAccess::QUERY_CONFIG | ServiceAccess::CHANGE_CONFIG | ServiceAccess::START;
    let service = manager.open_service(name, access).map_err(failed("open"))?;
    let actions = START_AGAIN.map(|delay| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay,
    });
    let actions = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(FORGIVEN_AFTER),
        reboot_msg: None,
        command: None,
        actions: Some(actions.to_vec()),
    };
    let results = [
        (
            "what follows a failure",
            service.update_failure_actions(actions),
        ),
        (
            "what counts as a failure",
            service.set_failure_actions_on_non_crash_failures(true),
        ),
        ("a delayed start", service.set_delayed_auto_start(true)),
    ];
    for (what, result) in results {
        if let Err(error) = result {
            let reason = error
                .source()
                .map_or_else(|| error.to_string(), ToString::to_string);
            tracing::info!(what, %reason, "the service's entry does not take this");
        }
    }
    Ok(())
}
