//! The kit: which files it holds, and what is written into them.

use std::collections::BTreeMap;

use crate::archive;
use crate::backup::{self, Content, Gpo};
use crate::installer::{Installer, NotAnInstaller, PRODUCT_NAME};
use crate::quoting::{fill, powershell, windows_lines, xml};
use crate::settings::Settings;

const ADMX: &[u8] = include_bytes!("../admx/Sickbay.admx");
const ADML: &[u8] = include_bytes!("../admx/en-US/Sickbay.adml");
const IMPORT: &str = include_str!("../kit/Import-SickbayPolicy.ps1");
const INSTALL: &str = include_str!("../kit/install.cmd");
const UNINSTALL: &str = include_str!("../kit/uninstall.cmd");
const PAGE: &str = include_str!("../kit/index.html");
const README: &str = include_str!("../kit/README.txt");

/// Folder of the backups.
const BACKUPS: &str = "backups";
const INSTALL_SCRIPT: &str = "install-sickbay-collector.cmd";
const UNINSTALL_SCRIPT: &str = "uninstall-sickbay-collector.cmd";

/// A group policy object of the kit. Names and ids are the same in every kit, so that a newer one brings the same objects up to date.
struct Object {
    name: &'static str,
    id: &'static str,
    backup_id: &'static str,
}

const SETTINGS_OBJECT: Object = Object {
    name: "Sickbay Collector - Settings",
    id: "{0B2D7020-B8CB-40B9-B273-9FB986329046}",
    backup_id: "{EF460CD2-9AC3-43C6-BC40-A3921C803FF3}",
};
const INSTALL_OBJECT: Object = Object {
    name: "Sickbay Collector - Install",
    id: "{B0B88C3E-8527-414B-A36E-7A1FBF1FD6EA}",
    backup_id: "{AF6BEE03-221A-4C9D-B3C3-F1ECC02AAE3C}",
};
const UNINSTALL_OBJECT: Object = Object {
    name: "Sickbay Collector - Uninstall",
    id: "{96976F6E-6BFB-43C5-8031-A970384103C0}",
    backup_id: "{75022703-C2C2-4993-8C4E-690A22CD292A}",
};

/// What a kit is made from.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The collector's installer, whole.
    pub installer: &'a [u8],
    /// What collectors are told; a kit without leaves it to the policy editor.
    pub settings: Option<&'a Settings>,
    /// When it is made, as `2026-11-25T08:00:00`: what the console shows of a backup.
    pub made_at: &'a str,
}

/// Why there is no kit.
#[derive(Debug, thiserror::Error)]
pub enum BadOrder {
    /// The installer is none.
    #[error("the file is no installer of the {PRODUCT_NAME}")]
    Installer(#[from] NotAnInstaller),
    /// It is too large to be packed.
    #[error("cannot pack the kit")]
    Pack(#[from] zip::result::ZipError),
}

/// The kit, a zip.
pub fn build(order: Order<'_>) -> Result<Vec<u8>, BadOrder> {
    Ok(archive::pack(&files(order)?)?)
}

/// The kit's files, by their path with `/`.
pub fn files(order: Order<'_>) -> Result<BTreeMap<String, Vec<u8>>, BadOrder> {
    let installer = &Installer::read(order.installer)?;
    let file_name = installer.file_name();
    let script_values = [
        ("PRODUCT_CODE", &*installer.product_code),
        ("INSTALLER", &file_name),
        ("VERSION", &installer.version),
        ("PRODUCT_NAME", PRODUCT_NAME),
    ];
    let install = windows_lines(&fill(INSTALL, &script_values));
    let uninstall = windows_lines(&fill(UNINSTALL, &script_values));
    let entries = order.settings.map(Settings::entries);

    let mut objects = Vec::new();
    if let Some(entries) = &entries {
        objects.push(gpo(&SETTINGS_OBJECT, Content::Values(entries)));
    }
    let startup = |name, script| Content::Startup { name, script };
    objects.push(gpo(&INSTALL_OBJECT, startup(INSTALL_SCRIPT, &install)));
    objects.push(gpo(
        &UNINSTALL_OBJECT,
        startup(UNINSTALL_SCRIPT, &uninstall),
    ));

    let mut files: BTreeMap<String, Vec<u8>> = backup::files(&objects, order.made_at)
        .into_iter()
        .map(|(path, content)| (format!("{BACKUPS}/{path}"), content))
        .collect();
    let texts = [
        ("Import-SickbayPolicy.ps1", import_script(&file_name)),
        ("README.txt", readme(installer, order.settings.is_some())),
        ("index.html", page(installer, order.settings)),
    ];
    for (name, text) in texts {
        files.insert(name.to_owned(), windows_lines(&text));
    }
    files.insert("admx/Sickbay.admx".to_owned(), ADMX.to_vec());
    files.insert("admx/en-US/Sickbay.adml".to_owned(), ADML.to_vec());
    files.insert(file_name, order.installer.to_vec());
    Ok(files)
}

fn gpo<'a>(object: &Object, content: Content<'a>) -> Gpo<'a> {
    Gpo {
        name: object.name,
        id: object.id,
        backup_id: object.backup_id,
        content,
    }
}

fn import_script(file_name: &str) -> String {
    let values = [
        ("INSTALLER", file_name),
        ("SETTINGS_NAME", SETTINGS_OBJECT.name),
        ("SETTINGS_BACKUP", SETTINGS_OBJECT.backup_id),
        ("INSTALL_NAME", INSTALL_OBJECT.name),
        ("INSTALL_BACKUP", INSTALL_OBJECT.backup_id),
        ("INSTALL_SCRIPT", INSTALL_SCRIPT),
        ("UNINSTALL_NAME", UNINSTALL_OBJECT.name),
        ("UNINSTALL_BACKUP", UNINSTALL_OBJECT.backup_id),
        ("UNINSTALL_SCRIPT", UNINSTALL_SCRIPT),
    ];
    let quoted = values.map(|(name, value)| (name, powershell(value)));
    fill(IMPORT, &borrowed(&quoted))
}

fn readme(installer: &Installer, with_settings: bool) -> String {
    let mut contents = Vec::new();
    if with_settings {
        contents.push(format!(
            "      {}\n        servers, token, pins",
            SETTINGS_OBJECT.name
        ));
    }
    for (object, what) in [
        (
            INSTALL_OBJECT,
            "a start-up script that installs and upgrades",
        ),
        (UNINSTALL_OBJECT, "a start-up script that removes"),
    ] {
        contents.push(format!("      {}\n        {what}", object.name));
    }
    let secret = if with_settings {
        "The enrolment token stands in the settings' registry.pol. Whoever has it can make\n\
         machines appear on your server as pending, and nothing else. Keep this kit where\n\
         administrators can read it alone."
    } else {
        "This kit names no server and holds no token. `sickbay-server gpo-kit` on your server\n\
         makes one that does; or make the settings in the policy editor."
    };
    fill(
        README,
        &[
            ("VERSION", &installer.version),
            ("INSTALLER", &installer.file_name()),
            ("CONTENTS", &contents.join("\n")),
            ("SECRET", secret),
        ],
    )
}

fn page(installer: &Installer, settings: Option<&Settings>) -> String {
    let told = settings.map_or_else(
        || {
            "<div class=\"note\"><p><strong>This kit names no server and holds no token.</strong> \
             <code>sickbay-server gpo-kit --token TOKEN --msi FILE</code> on your server makes one that does. With this one, leave \
             <code>-Policy Settings</code> out and make the settings by hand, as step 2 says.</p></div>"
                .to_owned()
        },
        |settings| {
            let rows = [
                ("Servers", settings.server_urls()),
                ("Pins of the server's certificate authority", settings.ca_pins()),
            ];
            let rows = rows.map(|(name, values)| {
                let values: Vec<String> = values.iter().map(|v| format!("<code>{}</code>", xml(v))).collect();
                format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", xml(name), values.join("<br>"))
            });
            format!("<table>{}</table>", rows.concat())
        },
    );
    let file_name = installer.file_name();
    let texts = [
        ("VERSION", &*installer.version),
        ("INSTALLER", &file_name),
        ("SETTINGS_NAME", SETTINGS_OBJECT.name),
        ("INSTALL_NAME", INSTALL_OBJECT.name),
        ("INSTALL_SCRIPT", INSTALL_SCRIPT),
    ];
    let mut values: Vec<(&str, String)> = texts.map(|(name, text)| (name, xml(text))).into();
    values.push(("SETTINGS", told));
    fill(PAGE, &borrowed(&values))
}

fn borrowed<'a>(values: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    values
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect()
}

#[cfg(test)]
mod tests;
