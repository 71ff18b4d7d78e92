use std::fs;

use super::*;

const HEADER: &str = "Windows Registry Editor Version 5.00\r\n\r\n";

fn recording_of(body: &str) -> Recording {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("one.reg");
    fs::write(&file, format!("{HEADER}{body}")).expect("the folder is ours");
    let (recording, problems) = Recording::load(&[file], None).expect("it can be read");
    assert_eq!(problems, []);
    recording
}

#[test]
fn absent_is_not_the_same_as_never_exported() {
    let recording = recording_of("[HKEY_LOCAL_MACHINE\\SOFTWARE\\A]\r\n\"v\"=dword:1\r\n");
    assert_eq!(
        recording.registry_value(r"HKLM\SOFTWARE\A", "V"),
        Data::Dword(1)
    );
    assert_eq!(
        recording.registry_value(r"HKLM\SOFTWARE\A", "w"),
        Data::Absent
    );
    assert_eq!(
        recording.registry_value(r"HKLM\SOFTWARE\B", "w"),
        Data::Absent
    );
    assert_eq!(recording.registry_key(r"HKLM\SOFTWARE\B"), Data::Absent);
    assert_eq!(
        recording.registry_subkeys(r"HKLM\SOFTWARE\B"),
        Listing::Absent
    );
    assert_eq!(
        recording.registry_values(r"HKLM\SOFTWARE\B"),
        Listing::Absent
    );
    assert_eq!(recording.registry_key(r"HKLM\SOFTWARE\A"), Data::Key(None));
    let system = r"HKLM\SYSTEM\CurrentControlSet\Services";
    assert_eq!(recording.registry_value(system, "v"), Data::NotRecorded);
    assert_eq!(recording.registry_key(system), Data::NotRecorded);
    assert_eq!(recording.registry_subkeys(system), Listing::NotRecorded);
    assert_eq!(recording.registry_values(system), Listing::NotRecorded);
}

#[test]
fn what_a_registry_cannot_tell_is_not_recorded_without_a_host_toml() {
    let recording = recording_of("[HKEY_LOCAL_MACHINE\\SOFTWARE]\r\n");
    for fact in SystemFact::ALL {
        assert_eq!(recording.system(fact), Data::NotRecorded);
    }
    assert_eq!(recording.service_running("wuauserv"), Data::NotRecorded);
    assert_eq!(recording.update_agent_reboot_required(), Data::NotRecorded);
    assert_eq!(
        recording.file(r"%windir%\WinSxS\pending.xml"),
        Data::NotRecorded
    );
}

#[test]
fn an_offline_hive_is_read_as_the_current_control_set() {
    let recording = recording_of(
        "[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Services\\BITS]\r\n\"Start\"=dword:4\r\n",
    );
    assert_eq!(
        recording.registry_value(r"HKLM\SYSTEM\CurrentControlSet\Services\BITS", "Start"),
        Data::Dword(4)
    );
}

#[test]
fn a_folder_is_one_device_and_says_what_it_did_not_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("the folder is ours");
    };
    let value = |n: u32| {
        format!(
            "{HEADER}[HKEY_LOCAL_MACHINE\\SOFTWARE\\A]\r\n\"v\"=dword:{n}\r\n\"n{n}\"=dword:{n}\r\n"
        )
    };
    write("b.REG", &value(2));
    write("a.reg", &value(1));
    write("System.evtx", "ElfFile");
    write(
        "host.toml",
        "now = 2026-11-23T08:00:00Z\nhost_name = 'PC'\n[[keys]]\npath = 'HKLM\\SOFTWARE\\A'\nlast_write = 2026-11-01T00:00:00Z\n",
    );
    let (recording, problems) = Recording::load(&[folder.path()], None).expect("it can be read");
    assert_eq!(
        recording.registry_value(r"HKLM\SOFTWARE\A", "v"),
        Data::Dword(2)
    );
    assert_eq!(
        recording.registry_value(r"HKLM\SOFTWARE\A", "n1"),
        Data::Dword(1)
    );
    assert_eq!(recording.now().to_string(), "2026-11-23T08:00:00Z");
    assert_eq!(
        recording.registry_key(r"HKLM\SOFTWARE\A"),
        Data::Key(Some(Time::parse("2026-11-01T00:00:00Z").expect("a time")))
    );
    assert_eq!(problems.len(), 1);
    assert!(problems[0].file.ends_with("System.evtx"), "{}", problems[0]);

    let as_of = Time::parse("2026-12-01T00:00:00Z").expect("a time");
    let (recording, _) = Recording::load(&[folder.path()], Some(as_of)).expect("it can be read");
    assert_eq!(
        recording.now(),
        as_of,
        "the caller's time goes before the recording's"
    );
}

#[test]
fn a_broken_host_toml_names_its_line_and_the_registry_is_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let reg = folder.path().join("a.reg");
    fs::write(
        &reg,
        format!("{HEADER}[HKEY_LOCAL_MACHINE\\SOFTWARE\\A]\r\n"),
    )
    .expect("ours");
    fs::write(
        folder.path().join("host.toml"),
        "host_name = 'PC'\nhostname = 'PC'\n",
    )
    .expect("ours");
    let (recording, problems) = Recording::load(&[folder.path()], None).expect("it can be read");
    assert_eq!(recording.registry_key(r"HKLM\SOFTWARE\A"), Data::Key(None));
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].line, Some(2), "{}", problems[0]);
}

#[test]
fn what_is_no_recording_at_all_is_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = folder.path().join("notes.txt");
    fs::write(&text, "root:x:0:0\n").expect("ours");
    let missing = folder.path().join("missing.reg");
    assert!(matches!(
        Recording::load(&[&missing], None),
        Err(LoadError::Open { .. })
    ));
    assert!(matches!(
        Recording::load(&[&text], None),
        Err(LoadError::NotRegFile { .. })
    ));
    assert!(matches!(
        Recording::load(&[folder.path()], None),
        Err(LoadError::NothingInFolder { .. })
    ));
}

#[test]
fn a_clone_keeps_what_it_saw_when_the_original_changes() {
    let mut recording = recording_of("[HKEY_LOCAL_MACHINE\\SOFTWARE\\A]\r\n\"v\"=dword:1\r\n");
    let before = recording.clone();
    recording
        .registry_mut()
        .set_value(r"HKLM\SOFTWARE\A", "v", Data::Dword(2));
    recording.description_mut().host_name = Some("PC".into());
    assert_eq!(
        before.registry_value(r"HKLM\SOFTWARE\A", "v"),
        Data::Dword(1)
    );
    assert_eq!(before.system(SystemFact::HostName), Data::NotRecorded);
    assert_eq!(
        recording.registry_value(r"HKLM\SOFTWARE\A", "v"),
        Data::Dword(2)
    );
}
