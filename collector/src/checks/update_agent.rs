//! The version of the update agent's engine, and the agent's id (fact sheet section 13).

use sickbay_diagnosis::keys;
use sickbay_diagnosis::reading::Source;

use super::looking::Looking;

pub(super) fn look(looking: &mut Looking<'_>) {
    let version = looking.host().file_version(keys::UPDATE_ENGINE);
    looking.read(
        Source::File,
        keys::UPDATE_ENGINE,
        Some(keys::FILE_VERSION),
        version,
    );
    looking.value(keys::WINDOWS_UPDATE, keys::CLIENT_ID);
}
