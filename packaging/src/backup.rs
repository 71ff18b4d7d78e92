//! A backup of a group policy object, in the form that `Backup-GPO` writes and `Import-GPO` reads.
//!
//! A backup belongs to a domain. This one comes from none, so that names of domain and controller are stand-ins, and its security
//! descriptor names well-known accounts only. `Import-GPO` takes over settings alone; who may read and apply the object is set
//! afterwards by the kit's script.

use std::fmt::Write as _;

use crate::quoting::xml;
use crate::registry_pol::{self, Entry};

/// Name of the domain that a backup comes from; no real one (RFC 2606).
const DOMAIN: &str = "sickbay.invalid";
const DOMAIN_GUID: &str = "{3661C686-9B8D-44CB-B5A3-570DC1A49693}";
const CONTROLLER: &str = "UNKNOWN";

const OPERATIONS: &str = "http://www.microsoft.com/GroupPolicy/GPOOperations";
const MANIFEST: &str = "http://www.microsoft.com/GroupPolicy/GPOOperations/Manifest";

/// The part of Windows that applies registry values, and the editor that made them.
const REGISTRY: &str = "{35378EAC-683F-11D2-A89A-00C04FBBCFA2}";
const REGISTRY_EDITOR: &str = "{D02B1F72-3407-48AE-BA88-E8213C6761F1}";
/// The part of Windows that runs scripts, and the editor that made them.
const SCRIPTS: &str = "{42B5FAAE-6536-11D2-AE5A-0000F87571E3}";
const SCRIPTS_EDITOR: &str = "{40B6664F-4972-11D1-A7CA-0000F87571E3}";

/// Of the directory's and of SYSVOL's half of a first version, 1 each.
const FIRST_VERSION: u32 = 0x0001_0001;
/// The user's half of the object is off.
const COMPUTER_ONLY: u32 = 1;

/// A group policy object for computers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gpo<'a> {
    /// As administrators see it.
    pub(crate) name: &'a str,
    /// Its own id; a domain gives it another one.
    pub(crate) id: &'a str,
    /// The backup's id, and the name of its folder.
    pub(crate) backup_id: &'a str,
    /// What it sets.
    pub(crate) content: Content<'a>,
}

/// What a group policy object does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content<'a> {
    /// Sets these values.
    Values(&'a [Entry]),
    /// Runs this script at every start of the computer, with these parameters.
    Startup {
        /// Its name in the folder `Scripts\Startup`.
        name: &'a str,
        /// Its text.
        script: &'a [u8],
    },
}

/// The files of these backups, by path from the folder that holds them all.
pub(crate) fn files(objects: &[Gpo<'_>], made_at: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let instances: String = objects.iter().map(|gpo| instance(gpo, made_at)).collect();
    let manifest = format!(
        "<Backups xmlns=\"{MANIFEST}\" xmlns:mfst=\"{MANIFEST}\" mfst:version=\"1.0\">{instances}</Backups>\n"
    );
    files.push(("manifest.xml".to_owned(), manifest.into_bytes()));
    for gpo in objects {
        let folder = gpo.backup_id;
        let info = instance(gpo, made_at).replacen(
            "<BackupInst>",
            &format!("<BackupInst xmlns=\"{MANIFEST}\">"),
            1,
        );
        files.push((format!("{folder}/bkupInfo.xml"), info.into_bytes()));
        files.push((format!("{folder}/Backup.xml"), scheme(gpo).into_bytes()));
        let machine = format!("{folder}/DomainSysvol/GPO/Machine");
        match gpo.content {
            Content::Values(entries) => {
                files.push((
                    format!("{machine}/registry.pol"),
                    registry_pol::write(entries),
                ));
            }
            Content::Startup { name, script } => {
                files.push((format!("{machine}/Scripts/scripts.ini"), scripts_ini(name)));
                files.push((format!("{machine}/Scripts/Startup/{name}"), script.to_vec()));
            }
        }
    }
    files
}

/// The list of scripts: UTF-16 with a byte order mark and an empty first line, as Windows' own editor writes it.
fn scripts_ini(script: &str) -> Vec<u8> {
    let text = format!("\u{feff}\r\n[Startup]\r\n0CmdLine={script}\r\n0Parameters=\r\n");
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn instance(gpo: &Gpo<'_>, made_at: &str) -> String {
    let fields = [
        ("GPOGuid", gpo.id),
        ("GPODomain", DOMAIN),
        ("GPODomainGuid", DOMAIN_GUID),
        ("GPODomainController", CONTROLLER),
        ("BackupTime", made_at),
        ("ID", gpo.backup_id),
        ("Comment", "Made by Sickbay"),
        ("GPODisplayName", gpo.name),
    ];
    let fields = fields.map(|(name, value)| format!("<{name}>{}</{name}>", xml(value)));
    format!("<BackupInst>{}</BackupInst>", fields.concat())
}

/// `Backup.xml`: what the object is, and which of the files belong to which part of Windows.
fn scheme(gpo: &Gpo<'_>) -> String {
    let pair = match gpo.content {
        Content::Values(_) => format!("[{REGISTRY}{REGISTRY_EDITOR}]"),
        Content::Startup { .. } => format!("[{SCRIPTS}{SCRIPTS_EDITOR}]"),
    };
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <GroupPolicyBackupScheme bkp:version=\"2.0\" bkp:type=\"GroupPolicyBackupTemplate\" xmlns:bkp=\"{OPERATIONS}\" xmlns=\"{OPERATIONS}\">\n\
         <GroupPolicyObject><SecurityGroups/><FilePaths/><GroupPolicyCoreSettings>\
         <ID>{id}</ID><Domain>{DOMAIN}</Domain><SecurityDescriptor>{descriptor}</SecurityDescriptor>\
         <DisplayName>{name}</DisplayName><Options>{COMPUTER_ONLY}</Options><UserVersionNumber>0</UserVersionNumber>\
         <MachineVersionNumber>{FIRST_VERSION}</MachineVersionNumber><MachineExtensionGuids>{pair}</MachineExtensionGuids>\
         <UserExtensionGuids/><WMIFilter/></GroupPolicyCoreSettings>\n",
        id = xml(gpo.id),
        descriptor = security_descriptor(),
        name = xml(gpo.name),
    );
    let mut registry = String::new();
    if let Content::Values(_) = gpo.content {
        registry += &object(gpo, "FSObjectFile", "registry.pol");
    }
    // Templates of the days before Windows Vista; there are none, and each backup says where they would be.
    let source = xml(&sysvol(gpo, r"Adm\*.*"));
    let _ = write!(
        registry,
        "<FSObjectFile bkp:Path=\"%GPO_FSPATH%\\Adm\\*.*\" bkp:SourceExpandedPath=\"{source}\"/>"
    );
    text += &extension(REGISTRY, "Registry", &registry);
    if let Content::Startup { name, .. } = gpo.content {
        let objects = [
            object(gpo, "FSObjectDir", "Scripts"),
            object(gpo, "FSObjectDir", r"Scripts\Startup"),
            object(gpo, "FSObjectFile", r"Scripts\scripts.ini"),
            object(gpo, "FSObjectFile", &format!(r"Scripts\Startup\{name}")),
        ];
        text += &extension(SCRIPTS, "Scripts", &objects.concat());
    }
    text += "</GroupPolicyObject>\n</GroupPolicyBackupScheme>\n";
    text
}

fn extension(id: &str, name: &str, objects: &str) -> String {
    format!(
        "<GroupPolicyExtension bkp:ID=\"{id}\" bkp:DescName=\"{name}\">{objects}</GroupPolicyExtension>\n"
    )
}

fn object(gpo: &Gpo<'_>, element: &str, path: &str) -> String {
    let source = sysvol(gpo, &format!(r"Machine\{path}"));
    format!(
        "<{element} bkp:Path=\"%GPO_MACH_FSPATH%\\{path}\" bkp:SourceExpandedPath=\"{source}\" bkp:Location=\"DomainSysvol\\GPO\\Machine\\{path}\"/>",
        path = xml(path),
        source = xml(&source),
    )
}

/// Where a file of the object would have been in the domain that it comes from.
fn sysvol(gpo: &Gpo<'_>, path: &str) -> String {
    format!(r"\\{CONTROLLER}\sysvol\{DOMAIN}\Policies\{}\{path}", gpo.id)
}

/// In hexadecimal, `D:(A;CI;..full..;;;SY)(A;CI;..read..;;;ED)(A;CI;..read..;;;AU)`: the system may do all, domain controllers and
/// authenticated accounts may read.
fn security_descriptor() -> String {
    const DACL_PRESENT_SELF_RELATIVE: u16 = 0x8004;
    const CONTAINER_INHERIT: u8 = 2;
    const ACE_BYTES: u16 = 20;
    const HEADER_BYTES: u32 = 20;
    let (full, read) = (0x000f_00ff_u32, 0x0002_0094_u32);
    // SYSTEM, ENTERPRISE DOMAIN CONTROLLERS, Authenticated Users.
    let entries = [(full, 18_u32), (read, 9), (read, 11)];
    let mut bytes = vec![1, 0];
    bytes.extend(DACL_PRESENT_SELF_RELATIVE.to_le_bytes());
    // No owner, no group, no audit list.
    bytes.extend([0; 12]);
    bytes.extend(HEADER_BYTES.to_le_bytes());
    let length = 8 + ACE_BYTES * entries.len() as u16;
    bytes.extend([2, 0]);
    bytes.extend(length.to_le_bytes());
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend([0; 2]);
    for (mask, account) in entries {
        bytes.extend([0, CONTAINER_INHERIT]);
        bytes.extend(ACE_BYTES.to_le_bytes());
        bytes.extend(mask.to_le_bytes());
        bytes.extend([1, 1, 0, 0, 0, 0, 0, 5]);
        bytes.extend(account.to_le_bytes());
    }
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

#[cfg(test)]
mod tests {
    use roxmltree::{Document, Node};

    use super::*;
    use crate::registry_pol::Data;

    const TIME: &str = "2026-11-25T08:00:00";

    fn gpo<'a>(name: &'a str, content: Content<'a>) -> Gpo<'a> {
        Gpo {
            name,
            id: "{AF6BEE03-221A-4C9D-B3C3-F1ECC02AAE3C}",
            backup_id: "{75022703-C2C2-4993-8C4E-690A22CD292A}",
            content,
        }
    }

    fn text<'a>(files: &'a [(String, Vec<u8>)], end: &str) -> &'a str {
        let file = files.iter().find(|(path, _)| path.ends_with(end));
        std::str::from_utf8(&file.unwrap().1).unwrap()
    }

    fn value<'a>(document: &'a Document<'a>, element: &str) -> &'a str {
        let mut nodes = document.descendants();
        let node = nodes.find(|node| node.tag_name().name() == element);
        node.unwrap().text().unwrap_or_default()
    }

    fn locations<'a>(document: &'a Document<'a>) -> Vec<&'a str> {
        let of = |node: Node<'a, 'a>| node.attribute((OPERATIONS, "Location"));
        document.descendants().filter_map(of).collect()
    }

    #[test]
    fn manifest_info_and_backup_speak_of_the_same_object() {
        let script = gpo(
            "Install",
            Content::Startup {
                name: "install.cmd",
                script: b"@echo off",
            },
        );
        let files = files(&[script], TIME);
        let manifest = Document::parse(text(&files, "manifest.xml")).unwrap();
        let info = Document::parse(text(&files, "bkupInfo.xml")).unwrap();
        for element in ["GPOGuid", "ID", "GPODomain", "BackupTime", "GPODisplayName"] {
            assert_eq!(
                value(&manifest, element),
                value(&info, element),
                "{element}"
            );
        }
        assert_eq!(info.root_element().tag_name().namespace(), Some(MANIFEST));
        let backup = Document::parse(text(&files, "Backup.xml")).unwrap();
        assert_eq!(value(&backup, "ID"), value(&info, "GPOGuid"));
        assert_eq!(value(&backup, "DisplayName"), "Install");
        assert_eq!(
            value(&backup, "MachineExtensionGuids"),
            format!("[{SCRIPTS}{SCRIPTS_EDITOR}]")
        );
    }

    /// What `Backup.xml` names is copied, and nothing else is.
    #[test]
    fn every_file_of_a_backup_is_named_in_it_and_the_other_way_round() {
        let entries = [Entry {
            key: "K".to_owned(),
            name: "N".to_owned(),
            data: Data::Number(1),
        }];
        let script = Content::Startup {
            name: "a.cmd",
            script: b"",
        };
        for content in [Content::Values(&entries), script] {
            let files = files(&[gpo("a", content)], TIME);
            let backup = Document::parse(text(&files, "Backup.xml")).unwrap();
            let there: Vec<String> = files
                .iter()
                .filter_map(|(path, _)| Some(path.split_once('/')?.1.replace('/', r"\")))
                .filter(|path| path.starts_with("DomainSysvol"))
                .collect();
            let is_folder = |path: &str| {
                there
                    .iter()
                    .any(|file| file.starts_with(&format!(r"{path}\")))
            };
            let named: Vec<&str> = locations(&backup)
                .into_iter()
                .filter(|path| !is_folder(path))
                .collect();
            assert_eq!(named, there);
        }
    }

    #[test]
    fn a_hostile_name_stays_a_name() {
        let name = "a&b</DisplayName><ID>x\"'";
        let files = files(&[gpo(name, Content::Values(&[]))], TIME);
        for file in ["manifest.xml", "bkupInfo.xml"] {
            let document = Document::parse(text(&files, file)).unwrap();
            assert_eq!(value(&document, "GPODisplayName"), name);
        }
        let backup = Document::parse(text(&files, "Backup.xml")).unwrap();
        assert_eq!(value(&backup, "DisplayName"), name);
    }

    #[test]
    fn the_list_of_scripts_is_written_as_windows_own_editor_writes_it() {
        let ini = scripts_ini("a.cmd");
        assert_eq!(ini[..6], [0xff, 0xfe, 0x0d, 0, 0x0a, 0]);
        let (units, rest) = ini.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        assert!(rest.is_empty());
        assert_eq!(
            String::from_utf16(&units).unwrap(),
            "\u{feff}\r\n[Startup]\r\n0CmdLine=a.cmd\r\n0Parameters=\r\n"
        );
    }

    #[test]
    fn the_security_descriptor_has_the_length_that_it_says() {
        let text = security_descriptor();
        let bytes: Vec<u8> = text
            .split(' ')
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect();
        let list = &bytes[20..];
        assert_eq!(
            usize::from(u16::from_le_bytes([list[2], list[3]])),
            list.len()
        );
        assert_eq!(u16::from_le_bytes([list[4], list[5]]), 3);
    }
}
