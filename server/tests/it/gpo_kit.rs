//! `sickbay-server gpo-kit`: what it packs, and what it refuses to pack.

use std::io::{Cursor, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use msi::{Column, Insert, Package, PackageType, Value};
use sickbay_packaging::{Data, UPGRADE_CODE, read_registry_pol};

use crate::site::assert_says;
use crate::startup::sickbay_server;

/// A server's folder, its settings, and an installer.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let settings = format!(
            "[storage]\ndata_dir = \"{}\"\n[collectors]\nnames = [\"localhost\", \"sickbay.example.com\"]\nlisten = \"127.0.0.1:7555\"\n",
            desk.path("data").display()
        );
        std::fs::create_dir(desk.path("data")).unwrap();
        std::fs::write(desk.path("sickbay.toml"), settings).unwrap();
        std::fs::write(desk.path("collector.msi"), installer(UPGRADE_CODE)).unwrap();
        desk.run(&["migrate"]).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a command prints, or says of its failure.
    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let config = self.path("sickbay.toml").display().to_string();
        let output = sickbay_server(&[arguments, &["--config", &config]].concat());
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8(output.stderr).unwrap())
        }
    }

    fn token(&self, more: &[&str]) -> String {
        let made = self.run(&[&["token", "create", "--name", "domain"], more].concat());
        made.unwrap().trim().to_owned()
    }

    fn kit(&self, token: &str, more: &[&str]) -> Result<String, String> {
        let (msi, out) = (self.path("collector.msi"), self.path("kit.zip"));
        let arguments = [
            "gpo-kit",
            "--token",
            token,
            "--msi",
            text(&msi),
            "--out",
            text(&out),
        ];
        self.run(&[&arguments, more].concat())
    }

    /// The file of the kit whose path ends so.
    fn packed(&self, end: &str) -> Vec<u8> {
        let kit = std::fs::read(self.path("kit.zip")).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(kit)).unwrap();
        let mut names = archive.file_names().map(|name| name.unwrap().into_owned());
        let name = names.find(|name| name.ends_with(end));
        let name = name.unwrap_or_else(|| panic!("no {end}"));
        drop(names);
        let mut content = Vec::new();
        let mut file = archive.by_name(&name).unwrap();
        file.read_to_end(&mut content).unwrap();
        content
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A package of Windows Installer with the properties that a kit asks for.
fn installer(upgrade_code: &str) -> Vec<u8> {
    let mut package = Package::create(PackageType::Installer, Cursor::new(Vec::new())).unwrap();
    let columns = vec![
        Column::build("Property").primary_key().id_string(72),
        Column::build("Value").text_string(0),
    ];
    package.create_table("Property", columns).unwrap();
    let rows = [
        ("ProductCode", "{0F0E0D0C-0B0A-0908-0706-050403020100}"),
        ("ProductName", "Some program"),
        ("ProductVersion", "1.2.3"),
        ("UpgradeCode", upgrade_code),
    ];
    let rows = rows.map(|(name, value)| vec![Value::from(name), Value::from(value)]);
    let insert = Insert::into("Property").rows(rows.to_vec());
    package.insert_rows(insert).unwrap();
    package.flush().unwrap();
    package.into_inner().unwrap().into_inner()
}

#[test]
fn a_kit_tells_collectors_this_server_its_pin_and_the_token() {
    let desk = Desk::new();
    let token = desk.token(&["--expires", "30d"]);
    let said = desk.kit(&token, &[]).unwrap();
    let pin = desk.run(&["ca", "show"]).unwrap().trim().to_owned();
    assert_says(
        &said,
        &["1.2.3", "https://sickbay.example.com:7555", &pin, "expires"],
        "what was packed",
    );
    assert!(!said.contains(&token), "the token is told: {said}");
    let values = read_registry_pol(&desk.packed("registry.pol")).unwrap();
    let values: Vec<(&str, &Data)> = values.iter().map(|v| (&*v.name, &v.data)).collect();
    let url = "https://sickbay.example.com:7555".to_owned();
    assert_eq!(
        values,
        [
            ("ServerUrls", &Data::List(vec![url])),
            ("EnrolmentToken", &Data::Text(token)),
            ("ServerCaPins", &Data::List(vec![pin])),
        ]
    );
    let msi = desk.packed("sickbay-collector-1.2.3-x64.msi");
    assert_eq!(msi, std::fs::read(desk.path("collector.msi")).unwrap());
    let mode = std::fs::metadata(desk.path("kit.zip"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "others can read the token");
}

#[test]
fn what_is_given_wins_over_what_the_server_is_called() {
    let desk = Desk::new();
    let token = desk.token(&[]);
    let pin = "ab".repeat(32);
    let urls = ["https://a.example:1", "https://b.example:2"];
    let more = [
        "--server-url",
        urls[0],
        "--server-url",
        urls[1],
        "--ca-pin",
        &pin,
    ];
    let said = desk.kit(&token, &more).unwrap();
    assert_says(&said, &[urls[0], urls[1], &pin, "never expires"], "given");
    assert!(!said.contains("sickbay.example.com"), "{said}");
    let page = String::from_utf8(desk.packed("index.html")).unwrap();
    assert_says(&page, &[urls[0], urls[1], &pin], "the page");
    assert!(!page.contains(&token), "the page tells the token");
}

#[test]
fn no_kit_is_made_that_cannot_work_or_lets_strangers_in() {
    let desk = Desk::new();
    let refused = |token: &str, more: &[&str], says: &str| {
        let said = desk.kit(token, more).unwrap_err();
        assert_says(&said, &[says], "the refusal");
        assert!(!desk.path("kit.zip").exists(), "{says}: there is a kit");
    };
    refused("sbe_never-made", &[], "knows no such token");
    refused(&desk.token(&["--approve"]), &[], "without a person");
    let revoked = desk.token(&[]);
    let list = desk.run(&["token", "list"]).unwrap();
    let newest = list.lines().nth(1).unwrap().split('\t').next().unwrap();
    desk.run(&["token", "revoke", newest]).unwrap();
    refused(&revoked, &[], "is revoked");
    let good = desk.token(&[]);
    refused(
        &good,
        &["--server-url", "http://a.example:1"],
        "https://HOST:PORT",
    );
    refused(&good, &["--ca-pin", "abc"], "64 hexadecimal digits");
    std::fs::write(desk.path("collector.msi"), installer("{0}")).unwrap();
    refused(&good, &[], "Some program");
    std::fs::write(desk.path("collector.msi"), "MZ").unwrap();
    refused(&good, &[], "no package of Windows Installer");
    std::fs::remove_file(desk.path("collector.msi")).unwrap();
    refused(&good, &[], "collector.msi");
}
