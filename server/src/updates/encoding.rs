//! How a device's profile is kept: a byte that names the form, then the profile.
//!
//! The form changes with the type; a profile of another form counts as none, and the first round of the rules job after an upgrade
//! makes all of them anew.

use sickbay_diagnosis::explanation::Profile;

/// The form that this version writes. Raised with every change of [`Profile`].
const FORM: u8 = 1;
/// What most take, in bytes.
const USUAL: usize = 512;

/// A profile as it is kept.
pub fn encode(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(USUAL);
    bytes.push(FORM);
    postcard::to_extend(profile, bytes).expect("writing to memory cannot fail")
}

/// A profile that was kept; nothing where it is of another form or none was.
pub fn decode(bytes: &[u8]) -> Option<Profile> {
    let (form, rest) = bytes.split_first()?;
    (*form == FORM).then(|| postcard::from_bytes(rest).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use sickbay_diagnosis::Time;
    use sickbay_diagnosis::explanation::{Arch, Obstacle, ObstacleKind, Scan};
    use sickbay_diagnosis::knowledge::DeviceKind;

    fn profile() -> Profile {
        Profile {
            kind: Some(DeviceKind::Server),
            build: Some(26100),
            family: Some(26100),
            ubr: Some(32230),
            release: "Windows Server 2025".to_owned(),
            arch: Some(Arch::X64),
            obstacles: vec![Obstacle {
                kind: ObstacleKind::Deferred { days: 7 },
                quality: true,
                feature: false,
                label: "group policy".to_owned(),
                at: None,
            }],
            scan: Scan::At(Time::from_millis(-5)),
            ..Profile::default()
        }
    }

    #[test]
    fn a_profile_comes_back_as_it_was_kept() {
        assert_eq!(decode(&encode(&profile())), Some(profile()));
    }

    #[test]
    fn another_form_counts_as_none_and_nothing_breaks_it() {
        let mut bytes = encode(&profile());
        bytes[0] = FORM + 1;
        assert_eq!(decode(&bytes), None);
        assert_eq!(decode(&[]), None);
        let whole = encode(&profile());
        for end in 0..whole.len() {
            let _ = decode(&whole[..end]);
        }
    }
}
