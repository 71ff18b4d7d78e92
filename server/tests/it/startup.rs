//! A server that cannot start says which thing is wrong, why, and what to do.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output};

use sickbay_server::clock::Clock;
use sickbay_server::config::Config;
use sickbay_server::server::Running;

use crate::site::{assert_says, config};

/// Why it does not start, as it is printed.
async fn refusal(config: Config) -> String {
    match Running::start(config, Clock::system()).await {
        Ok(_) => panic!("it started"),
        Err(error) => format!("{error:#}"),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("sickbay.db");
    std::fs::create_dir(&database).unwrap();
    let said = refusal(config(folder.path())).await;
    assert_says(
        &said,
        &[
            "cannot use the database",
            &shown(&database),
            "may this account read and write",
        ],
        "a folder in its place",
    );

    std::fs::remove_dir(&database).unwrap();
    std::fs::write(
        &database,
        "this is a text file, longer than the header of a database\n".repeat(100),
    )
    .unwrap();
    let said = refusal(config(folder.path())).await;
    assert_says(
        &said,
        &[
            "cannot use the database",
            &shown(&database),
            "Is it a Sickbay database",
        ],
        "a text file",
    );

    let mut elsewhere = config(folder.path());
    let missing = folder.path().join("no-such-folder").join("sickbay.db");
    elsewhere.storage.database = format!("sqlite://{}", missing.display());
    let said = refusal(elsewhere).await;
    assert_says(
        &said,
        &[&shown(&missing), "Does its folder exist"],
        "no folder",
    );

    let mut postgres = config(folder.path());
    postgres.storage.database = "postgres://user:hunter2@localhost/sickbay".to_owned();
    let said = refusal(postgres).await;
    assert_says(&said, &["Is Postgres running there"], "no Postgres");
    assert!(!said.contains("hunter2"), "the password is told: {said}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_or_of_another_program_is_left_alone() {
    for (name, bytes, says) in [
        (
            "newer",
            include_bytes!("fixtures/newer.db").as_slice(),
            &["newer Sickbay", "restore a backup"],
        ),
        (
            "foreign",
            include_bytes!("fixtures/foreign.db").as_slice(),
            &["not Sickbay's", "Name another one"],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("sickbay.db");
        std::fs::write(&database, bytes).unwrap();
        let said = refusal(config(folder.path())).await;
        assert_says(&said, &["cannot use the database", &shown(&database)], name);
        assert_says(&said, says, name);
    }
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_named_with_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let said = refusal(config(&file.join("data"))).await;
    assert_says(
        &said,
        &[
            "data folder",
            &shown(&file),
            "storage.data_dir",
            "give it to the server's account",
        ],
        "below a file",
    );
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_setting() {
    let taken = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = taken.local_addr().unwrap();
    type Take = fn(&mut Config, SocketAddr);
    let ports: [(&str, Take); 3] = [
        ("collectors.listen", |config, address| {
            config.collectors.listen = address;
        }),
        ("web.listen", |config, address| config.web.listen = address),
        ("health.listen", |config, address| {
            config.health.listen = address;
        }),
    ];
    for (setting, take) in ports {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        take(&mut config, address);
        let said = refusal(config).await;
        assert_says(
            &said,
            &[
                &address.to_string(),
                setting,
                "another program may use the port",
                "in use",
            ],
            setting,
        );
    }
}

#[tokio::test]
async fn half_a_ca_and_a_broken_one_are_named_and_never_replaced_in_silence() {
    for (lost, kept) in [("ca.pem", "ca-key.pem"), ("ca-key.pem", "ca.pem")] {
        let folder = tempfile::tempdir().unwrap();
        drop(
            Running::start(config(folder.path()), Clock::system())
                .await
                .unwrap(),
        );
        // As where only the files of the CA came out of a backup, and not all of them.
        std::fs::remove_file(folder.path().join("sickbay.db")).unwrap();
        std::fs::remove_file(folder.path().join(lost)).unwrap();
        let before = std::fs::read(folder.path().join(kept)).unwrap();
        let said = refusal(config(folder.path())).await;
        assert_says(
            &said,
            &[lost, kept, "is missing", "restore it from a backup"],
            lost,
        );
        assert_eq!(std::fs::read(folder.path().join(kept)).unwrap(), before);
    }
    for lost in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        drop(
            Running::start(config(folder.path()), Clock::system())
                .await
                .unwrap(),
        );
        let key = folder.path().join("ca-key.pem");
        if lost {
            std::fs::remove_file(&key).unwrap();
        } else {
            let another = rcgen::KeyPair::generate().unwrap().serialize_pem();
            std::fs::write(&key, another).unwrap();
        }
        let said = refusal(config(folder.path())).await;
        let what = if lost { "is missing" } else { "cannot be used" };
        assert_says(&said, &[&shown(&key), what, "from a backup"], what);
    }
    for broken in ["ca.pem", "ca-key.pem"] {
        let folder = tempfile::tempdir().unwrap();
        drop(
            Running::start(config(folder.path()), Clock::system())
                .await
                .unwrap(),
        );
        std::fs::remove_file(folder.path().join("sickbay.db")).unwrap();
        let file = folder.path().join(broken);
        std::fs::write(&file, "-----BEGIN garbage").unwrap();
        let said = refusal(config(folder.path())).await;
        assert_says(
            &said,
            &[&shown(&file), "cannot be used", "restore it from a backup"],
            broken,
        );
    }
}

#[tokio::test]
async fn a_certificate_of_the_ca_that_was_lost_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        Running::start(config(folder.path()), Clock::system())
            .await
            .unwrap()
    };
    let pin = start().await.app.ca.in_force().pin();
    let file = folder.path().join("ca.pem");
    let before = std::fs::read_to_string(&file).unwrap();
    for damage in [None, Some("-----BEGIN garbage")] {
        match damage {
            None => std::fs::remove_file(&file).unwrap(),
            Some(text) => std::fs::write(&file, text).unwrap(),
        }
        assert_eq!(start().await.app.ca.in_force().pin(), pin);
        let bytes = |text: &str| text.replace("\r\n", "\n");
        assert_eq!(
            bytes(&std::fs::read_to_string(&file).unwrap()),
            bytes(&before)
        );
    }
}

#[tokio::test]
async fn a_certificate_of_the_web_port_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (
        folder.path().join("web.pem"),
        folder.path().join("web-key.pem"),
    );
    let with_files = || {
        let mut config = config(folder.path());
        config.web.tls_certificate.clone_from(&certificate);
        config.web.tls_key.clone_from(&key);
        config
    };
    let said = refusal(with_files()).await;
    assert_says(
        &said,
        &[
            "cannot read the certificate",
            &shown(&certificate),
            "web.tls_certificate",
        ],
        "missing",
    );

    std::fs::write(&certificate, "nothing").unwrap();
    std::fs::write(&key, "nothing").unwrap();
    let said = refusal(with_files()).await;
    assert_says(
        &said,
        &[&shown(&certificate), "web.tls_certificate"],
        "no certificate in it",
    );

    let ours = rcgen::KeyPair::generate().unwrap();
    let issued = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&ours)
        .unwrap();
    std::fs::write(&certificate, issued.pem()).unwrap();
    let said = refusal(with_files()).await;
    assert_says(
        &said,
        &["holds no key", &shown(&key), "web.tls_key"],
        "no key in it",
    );

    std::fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let said = refusal(with_files()).await;
    assert_says(
        &said,
        &[&shown(&certificate), &shown(&key), "do not belong together"],
        "another key",
    );

    std::fs::write(&key, ours.serialize_pem()).unwrap();
    Running::start(with_files(), Clock::system()).await.unwrap();
}

/// Runs the real program.
pub(crate) fn sickbay_server(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sickbay-server"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SICKBAY_")) {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

/// What `serve` prints and how it ends with these settings.
fn serve(settings: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sickbay.toml");
    std::fs::write(&file, settings).unwrap();
    let output = sickbay_server(&["serve", "--config", &shown(&file)]);
    assert!(
        output.stdout.is_empty(),
        "it says that it is ready: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn the_program_that_cannot_start_says_why_once_and_exits_with_70() {
    let (status, said) = serve("[web]\nlissten = \"127.0.0.1:0\"\n");
    assert_says(
        &said,
        &["sickbay.toml", "lissten", "unknown field"],
        "an unknown key",
    );
    assert_eq!(status, Some(70));

    let (status, said) = serve("[web\n");
    assert_says(&said, &["sickbay.toml", "not valid TOML"], "no TOML");
    assert_eq!(status, Some(70));

    let (status, said) = serve("[web]\ntls_key = \"a\"\n");
    assert_says(
        &said,
        &["web.tls_certificate and web.tls_key belong together"],
        "half a pair",
    );
    assert_eq!(status, Some(70));

    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sickbay.db")).unwrap();
    let anywhere = "listen = \"127.0.0.1:0\"";
    let data = shown(folder.path());
    let settings = format!(
        "[storage]\ndata_dir = \"{data}\"\n[collectors]\n{anywhere}\n[web]\n{anywhere}\n[health]\n{anywhere}\n"
    );
    let (status, said) = serve(&settings);
    assert_says(
        &said,
        &["cannot use the database", &data],
        "a folder in its place",
    );
    assert_eq!(said.matches("cannot use the database").count(), 1, "{said}");
    assert_eq!(status, Some(70));

    let missing = sickbay_server(&["serve", "--config", "no-such-file.toml"]);
    assert_says(
        &String::from_utf8_lossy(&missing.stderr),
        &["no-such-file.toml"],
        "no file",
    );
    assert_eq!(missing.status.code(), Some(70));
    assert_eq!(sickbay_server(&["serf"]).status.code(), Some(64));
}

#[test]
fn a_command_whose_reader_has_gone_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sickbay.toml");
    let data = shown(folder.path());
    std::fs::write(&file, format!("[storage]\ndata_dir = \"{data}\"\n")).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let words = ["knowledge", "show", "--config", &shown(&file)];
    let output = command(&words).stdout(writer).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((said.as_ref(), output.status.code()), ("", Some(74)));
}
