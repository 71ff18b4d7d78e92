use std::io::{Cursor, Read as _};

use super::*;
use crate::installer::tests::{PRODUCT, collector};
use crate::powershell_grammar::{mistakes, strings};
use crate::registry_pol::{self, Data};
use crate::settings::tests::{TOKEN, settings};

const TIME: &str = "2026-11-25T08:00:00";

fn kit(with_settings: bool) -> BTreeMap<String, Vec<u8>> {
    let (installer, settings) = (collector("1.2.3"), settings());
    let zip = build(Order {
        installer: &installer,
        settings: with_settings.then_some(&settings),
        made_at: TIME,
    })
    .unwrap();
    unpacked(&zip)
}

fn unpacked(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut files = BTreeMap::new();
    for place in 0..archive.len() {
        let mut file = archive.by_index(place).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        let name = file.name().unwrap().into_owned();
        files.insert(name, content);
    }
    files
}

fn text(files: &BTreeMap<String, Vec<u8>>, end: &str) -> String {
    let mut found = files.iter().filter(|(path, _)| path.ends_with(end));
    let (_, content) = found.next().unwrap_or_else(|| panic!("no {end}"));
    String::from_utf8(content.clone()).unwrap()
}

#[test]
fn a_kit_holds_all_that_its_page_speaks_of() {
    let files = kit(true);
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    let (settings, install, uninstall) = (
        SETTINGS_OBJECT.backup_id,
        INSTALL_OBJECT.backup_id,
        UNINSTALL_OBJECT.backup_id,
    );
    let mut wanted = vec![
        "Import-SickbayPolicy.ps1".to_owned(),
        "README.txt".to_owned(),
        "admx/Sickbay.admx".to_owned(),
        "admx/en-US/Sickbay.adml".to_owned(),
        "backups/manifest.xml".to_owned(),
        format!("backups/{settings}/DomainSysvol/GPO/Machine/registry.pol"),
        "index.html".to_owned(),
        "sickbay-collector-1.2.3-x64.msi".to_owned(),
    ];
    for (id, script) in [(install, INSTALL_SCRIPT), (uninstall, UNINSTALL_SCRIPT)] {
        let scripts = format!("backups/{id}/DomainSysvol/GPO/Machine/Scripts");
        wanted.push(format!("{scripts}/scripts.ini"));
        wanted.push(format!("{scripts}/Startup/{script}"));
    }
    for id in [settings, install, uninstall] {
        wanted.push(format!("backups/{id}/Backup.xml"));
        wanted.push(format!("backups/{id}/bkupInfo.xml"));
    }
    wanted.sort();
    assert_eq!(paths, wanted);
}

#[test]
fn the_same_order_gives_the_same_bytes() {
    let (installer, settings) = (collector("1.2.3"), settings());
    let order = Order {
        installer: &installer,
        settings: Some(&settings),
        made_at: TIME,
    };
    assert_eq!(build(order).unwrap(), build(order).unwrap());
}

#[test]
fn the_policy_sets_what_the_order_says() {
    let files = kit(true);
    let file = files
        .iter()
        .find(|(path, _)| path.ends_with("registry.pol"));
    let read = registry_pol::read(file.unwrap().1).unwrap();
    let values: Vec<(&str, &Data)> = read.iter().map(|e| (&*e.name, &e.data)).collect();
    let settings = settings();
    assert_eq!(
        values,
        [
            ("ServerUrls", &Data::List(settings.server_urls().to_vec())),
            ("EnrolmentToken", &Data::Text(TOKEN.to_owned())),
            ("ServerCaPins", &Data::List(settings.ca_pins().to_vec())),
        ]
    );
    assert!(
        read.iter()
            .all(|e| e.key == r"SOFTWARE\Policies\Sickbay\Collector")
    );
}

#[test]
fn the_token_stands_in_the_policy_alone() {
    for (path, content) in kit(true) {
        let wide: Vec<u8> = TOKEN.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let holds = |needle: &[u8]| content.windows(needle.len()).any(|part| part == needle);
        let found = holds(TOKEN.as_bytes()) || holds(&wide);
        assert_eq!(found, path.ends_with("registry.pol"), "{path}");
    }
}

#[test]
fn a_kit_without_settings_says_where_they_come_from() {
    let files = kit(false);
    assert!(!files.keys().any(|path| path.ends_with("registry.pol")));
    for file in ["index.html", "README.txt"] {
        let text = text(&files, file);
        assert!(
            text.contains("names no server and holds no token"),
            "{text}"
        );
        assert!(text.contains("sickbay-server gpo-kit"), "{text}");
    }
    assert!(!text(&files, "manifest.xml").contains(SETTINGS_OBJECT.name));
}

#[test]
fn nothing_is_left_unfilled_and_every_text_has_the_line_ends_of_windows() {
    for with_settings in [true, false] {
        let files = kit(with_settings);
        for end in [
            ".ps1",
            ".txt",
            ".html",
            "/install-sickbay-collector.cmd",
            "uninstall-sickbay-collector.cmd",
        ] {
            let text = text(&files, end);
            assert!(!text.contains("@@"), "{end}: {text}");
            assert_eq!(
                text.matches('\n').count(),
                text.matches("\r\n").count(),
                "{end}"
            );
            assert!(
                text.is_ascii(),
                "{end}: scripts are read in the code page of the machine"
            );
        }
    }
}

#[test]
fn the_script_is_powershell_and_holds_what_the_kit_holds() {
    let files = kit(true);
    let script = text(&files, ".ps1");
    assert_eq!(mistakes(&script), [""; 0]);
    let quoted = strings(&script);
    for object in [SETTINGS_OBJECT, INSTALL_OBJECT, UNINSTALL_OBJECT] {
        for text in [object.name, object.backup_id] {
            assert!(
                quoted.contains(&powershell(text)),
                "{text} is not in {quoted:?}"
            );
        }
    }
    assert!(quoted.contains(&"'sickbay-collector-1.2.3-x64.msi'".to_owned()));
    let lower = script.to_ascii_lowercase();
    for bypass in [
        "set-executionpolicy",
        "bypass",
        "invoke-expression",
        "iex ",
        "downloadstring",
        "invoke-webrequest",
    ] {
        assert!(!lower.contains(bypass), "{bypass}");
    }
}

/// Whoever makes the settings by hand looks for these words.
#[test]
fn the_page_calls_settings_as_the_policy_editor_does() {
    let files = kit(true);
    let (page, templates) = (text(&files, "index.html"), text(&files, ".adml"));
    let templates = roxmltree::Document::parse(&templates).unwrap();
    for id in ["ServerUrls", "EnrolmentToken", "ServerCaPins", "ProxyUrl"] {
        let mut nodes = templates.descendants();
        let node = nodes.find(|n| n.tag_name().name() == "string" && n.attribute("id") == Some(id));
        let name = node.unwrap().text().unwrap();
        assert!(page.contains(&format!("<em>{name}</em>")), "{name}");
    }
}

#[test]
fn the_start_up_scripts_act_on_this_product_alone() {
    let files = kit(true);
    let install = text(&files, "/install-sickbay-collector.cmd");
    assert!(
        install.contains(&format!("set \"PRODUCT={PRODUCT}\"")),
        "{install}"
    );
    assert!(
        install.contains("%~dp0sickbay-collector-1.2.3-x64.msi"),
        "{install}"
    );
    let uninstall = text(&files, "uninstall-sickbay-collector.cmd");
    assert!(
        uninstall.contains("if \"%%C\"==\"Sickbay Collector\" call :remove"),
        "{uninstall}"
    );
    for script in [&install, &uninstall] {
        let jumps = script.lines().filter_map(|line| {
            let rest = line
                .split_once("goto ")
                .or_else(|| line.split_once("call :"))?
                .1;
            rest.split([' ', '\r']).next()
        });
        for label in jumps {
            assert!(
                script.contains(&format!("\n:{label}\r\n")),
                "no label {label}"
            );
        }
    }
}

#[test]
fn an_order_for_something_else_is_refused() {
    let refused = build(Order {
        installer: b"not an installer",
        settings: None,
        made_at: TIME,
    });
    assert!(matches!(refused, Err(BadOrder::Installer(_))));
}
