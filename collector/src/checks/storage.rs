//! Room on the drive of Windows (fact sheet section 13).

use sickbay_diagnosis::keys;
use sickbay_diagnosis::reading::Source;

use super::looking::Looking;

pub(super) fn look(looking: &mut Looking<'_>) {
    let room = looking.host().system_drive();
    for (name, data) in [
        (keys::FREE_BYTES, room.free),
        (keys::TOTAL_BYTES, room.total),
    ] {
        looking.read(Source::File, keys::SYSTEM_DRIVE, Some(name), data);
    }
}
