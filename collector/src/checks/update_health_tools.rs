//! Microsoft Update Health Tools among the installed programs, their file and their service (fact sheet section 4).
//!
//! Only their own entries become readings; what else is installed is looked at by name and not reported.

use sickbay_diagnosis::keys;
use sickbay_diagnosis::reading::Data;

use super::looking::Looking;

const PROGRAM_FILES: &str = r"C:\Program Files";
const VALUES: &[&str] = &["DisplayName", "DisplayVersion", "InstallDate"];

pub(super) fn look(looking: &mut Looking<'_>) {
    for list in [keys::UNINSTALL, keys::UNINSTALL_32] {
        for product in looking.subkeys(list) {
            let key = format!(r"{list}\{product}");
            let name = looking.peek(&key, "DisplayName");
            if name
                .string()
                .is_some_and(|n| n.trim().eq_ignore_ascii_case(keys::UHT_DISPLAY_NAME))
            {
                looking.values(&key, VALUES);
            }
        }
    }
    let service = keys::service(keys::UHSSVC);
    if looking.key(&service).is_present() {
        looking.value(&service, "Start");
    }
    let folder = match looking.peek(keys::WINDOWS_CURRENT, "ProgramFilesDir") {
        Data::Text(folder) => folder,
        _ => PROGRAM_FILES.to_owned(),
    };
    looking.file(&format!(r"{folder}\{}", keys::UHT_PROGRAM));
}
