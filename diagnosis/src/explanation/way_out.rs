//! How a device comes by an update by hand: where to find it, which file is the right one, what to run.

use super::package_file::{PackageFile, Product};
use super::profile::Profile;
use super::question::{Brings, Question};
use crate::kb::Kb;

/// First build whose cumulative updates rest on checkpoints (fact sheet section 9).
const FIRST_BUILD_WITH_CHECKPOINTS: u32 = 26100;

/// What to do by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayOut {
    /// The vendor's catalogue, asked for the update.
    pub catalogue: String,
    /// How the name of the right file begins; nothing where the device's release or architecture is not known.
    pub file: Option<String>,
    /// What to do, each with a command where there is one.
    pub steps: Vec<(String, Option<String>)>,
}

/// The vendor's catalogue, asked for an update.
fn catalogue(kb: Kb) -> String {
    format!("https://www.catalog.update.microsoft.com/Search.aspx?q={kb}")
}

impl WayOut {
    /// For one device that lacks the update that is asked for.
    pub fn of(question: &Question<'_>, profile: &Profile) -> Self {
        let kb = question.kb;
        let file = profile
            .build
            .and_then(Product::of_build)
            .map(|product| PackageFile {
                product,
                kb,
                arch: profile.arch,
            });
        let name = file.as_ref().map(PackageFile::to_string);
        let stem = name
            .clone()
            .unwrap_or_else(|| format!("windows-kb{}", kb.number()));
        let is_enablement = question
            .aim_for(profile)
            .is_some_and(|aim| matches!(aim.brings, Brings::Release { .. }));
        let mut steps = vec![(
            match &name {
                Some(name) => format!("Download the file whose name begins with {name} from the catalogue."),
                None => "Download the file for the device's release and architecture from the catalogue.".to_owned(),
            },
            None,
        )];
        let with_checkpoints = profile
            .family
            .is_some_and(|family| family >= FIRST_BUILD_WITH_CHECKPOINTS)
            && !is_enablement;
        if with_checkpoints {
            steps.push((
                "Put it into a folder of its own, together with every checkpoint that the catalogue lists with it, and install it from there.".to_owned(),
                Some(format!(r"DISM /Online /Add-Package /PackagePath:C:\updates\{stem}.msu")),
            ));
        } else {
            steps.push((
                "Install it on the device; the log tells why where it does not.".to_owned(),
                Some(format!("wusa {stem}.msu /quiet /norestart /log:wusa.evtx")),
            ));
            steps.push((
                "Or with DISM, from the .cab in it.".to_owned(),
                Some(format!(r"expand -F:* {stem}.msu C:\updates && DISM /Online /Add-Package /PackagePath:C:\updates\{stem}.cab")),
            ));
        }
        steps.push((
            "Restart the device.".to_owned(),
            Some("shutdown /r /t 0".to_owned()),
        ));
        Self {
            catalogue: catalogue(kb),
            file: name,
            steps,
        }
    }

    /// Where to find an update, whatever the device.
    pub fn catalogue_of(kb: Kb) -> String {
        catalogue(kb)
    }
}
