//! The program itself: `enrol`, `run`, `status`.

use std::path::Path;
use std::process::{Child, Command, Output};

use sickbay_collector::host::recording::write_reg;

use crate::server::{Server, TOKEN};
use crate::{recording, until_device};

fn program(state: &Path, command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sickbay-collector"));
    program.arg(command).arg("--state-dir").arg(state);
    program
}

fn output(mut program: Command) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = program.output().unwrap();
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8(text).unwrap())
}

/// Ends with the test, however that goes.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_enrols_reports_what_changes_in_its_recording_and_tells_its_status() {
    let server = Server::start().await;
    let (state, played) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let reg = played.path().join("machine.reg");
    std::fs::write(&reg, write_reg(recording("https://first").registry())).unwrap();
    let pin = server.shared.ca.pin().to_string();

    let mut enrol = program(state.path(), "enrol");
    enrol.args([
        "--server",
        &server.url(),
        "--token",
        TOKEN,
        "--ca-pin",
        &pin,
    ]);
    let (status, text) = tokio::task::spawn_blocking(move || output(enrol))
        .await
        .unwrap();
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("Enrolled as device-of-"), "{text}");

    let mut run = program(state.path(), "run");
    run.args(["--server", &server.url(), "--recording"])
        .arg(played.path());
    let mut started = Started(run.spawn().unwrap());
    until_device(&server, "the first report", |device| {
        device.has_text("https://first")
    })
    .await;
    std::fs::write(&reg, write_reg(recording("https://second").registry())).unwrap();
    until_device(&server, "the change", |device| {
        device.has_text("https://second")
    })
    .await;

    let (status, text) = output(program(state.path(), "status"));
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("enrolled as") && text.contains("last error          none"),
        "{text}"
    );

    #[cfg(unix)]
    {
        let id = started.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        let ended = tokio::task::spawn_blocking(move || started.0.wait().unwrap())
            .await
            .unwrap();
        assert_eq!(ended.code(), Some(0), "SIGTERM ends it cleanly");
    }
}

#[test]
fn a_wrong_call_ends_with_64_and_a_failure_with_65() {
    let state = tempfile::tempdir().unwrap();
    let (status, text) = output(program(state.path(), "run"));
    assert_eq!(status, Some(64), "{text}");
    assert!(text.contains("--server"), "{text}");
    let (status, text) = output(program(&state.path().join("none"), "status"));
    assert_eq!(status, Some(65), "{text}");
    assert!(text.contains("--state-dir"), "{text}");
}
