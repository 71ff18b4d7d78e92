//! Being a service: the service control manager's orders, and what it is told.
//!
//! Promises: the manager hears that the service runs before the work begins, and that it stopped at most [`STOP_WITHIN`] after it
//! asked, whatever the work does; the handler only passes orders on.

use std::ffi::OsString;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use windows_service::service::{
    PowerEventParam, ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState,
    ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{
    self, ServiceControlHandlerResult, ServiceStatusHandle,
};
use windows_service::{define_windows_service, service_dispatcher};

/// After this the process ends, even where the work has not.
const STOP_WITHIN: Duration = Duration::from_secs(4);
/// What the manager is told of a failure: a code of the service's own.
const FAILED: u32 = 1;

/// The program was not started by the service control manager.
#[derive(Debug, thiserror::Error)]
#[error(
    "this command is for the service control manager; start the service with `net start`, or use `run` in a console"
)]
pub struct NotAService(#[source] windows_service::Error);

/// What the manager orders.
#[derive(Debug, Clone)]
pub struct Orders {
    /// Cancelled when the service has to stop.
    pub stop: CancellationToken,
    /// Notified when the machine woke up.
    pub woken: Arc<Notify>,
}

/// The work of a service: it ends soon after it is ordered to stop, or says why it cannot go on.
pub type Order = fn(Orders) -> Result<(), String>;

struct Job {
    name: &'static str,
    work: Order,
}

static JOB: OnceLock<Job> = OnceLock::new();

define_windows_service!(entry, serve);

/// Hands this thread to the service control manager; returns when the service has stopped.
pub fn run(name: &'static str, work: Order) -> Result<(), NotAService> {
    let _ = JOB.set(Job { name, work });
    service_dispatcher::start(name, entry).map_err(NotAService)
}

/// Called on a thread of Windows' own.
fn serve(_arguments: Vec<OsString>) {
    let Some(job) = JOB.get() else {
        return;
    };
    let orders = Orders {
        stop: CancellationToken::new(),
        woken: Arc::new(Notify::new()),
    };
    let status: Arc<OnceLock<ServiceStatusHandle>> = Arc::default();
    let (told, for_handler) = (Arc::clone(&status), orders.clone());
    let registered = service_control_handler::register(job.name, move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
            if !for_handler.stop.is_cancelled() {
                for_handler.stop.cancel();
                if let Some(status) = told.get() {
                    tell(
                        *status,
                        ServiceState::StopPending,
                        ServiceExitCode::NO_ERROR,
                    );
                    end_soon(*status);
                }
            }
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::PowerEvent(
            PowerEventParam::ResumeAutomatic | PowerEventParam::ResumeSuspend,
        ) => {
            for_handler.woken.notify_one();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::PowerEvent(_) | ServiceControl::Interrogate => {
            ServiceControlHandlerResult::NoError
        }
        _ => ServiceControlHandlerResult::NotImplemented,
    });
    let Ok(handle) = registered else {
        return;
    };
    let _ = status.set(handle);
    tell(handle, ServiceState::Running, ServiceExitCode::NO_ERROR);
    let exit = match (job.work)(orders) {
        Ok(()) => ServiceExitCode::NO_ERROR,
        Err(_) => ServiceExitCode::ServiceSpecific(FAILED),
    };
    tell(handle, ServiceState::Stopped, exit);
}

/// Ends the process when the work has not ended by itself.
fn end_soon(status: ServiceStatusHandle) {
    thread::spawn(move || {
        thread::sleep(STOP_WITHIN);
        tell(status, ServiceState::Stopped, ServiceExitCode::NO_ERROR);
        std::process::exit(0);
    });
}

/// What the manager cannot be told it finds out when the process ends.
fn tell(handle: ServiceStatusHandle, state: ServiceState, exit_code: ServiceExitCode) {
    let controls_accepted = if state == ServiceState::Running {
        ServiceControlAccept::STOP
            | ServiceControlAccept::SHUTDOWN
            | ServiceControlAccept::POWER_EVENT
    } else {
        ServiceControlAccept::empty()
    };
    let wait_hint = if state == ServiceState::StopPending {
        STOP_WITHIN
    } else {
        Duration::ZERO
    };
    let _ = handle.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted,
        exit_code,
        checkpoint: 0,
        wait_hint,
        process_id: None,
    });
}
