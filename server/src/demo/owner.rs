//! What the demo's owner wants and puts up with: enough that every issue can arise which is none until somebody wants something.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::expectation::{BadWish, DeviceScope, ScopedWish, Wanted, Wishes};
use sickbay_store::AcceptanceRow;
use uuid::Uuid;

use super::fleet::{KIOSKS, LAPTOPS};

/// Longest deferral of quality updates that the owner wants, in days.
const LONGEST_DEFERRAL_DAYS: u32 = 14;
/// How long the owner puts up with what is accepted, in days.
const ACCEPTED_DAYS: i64 = 60;

/// What is wanted: nowhere a long deferral, laptops known to Entra ID, and kiosks left to ConfigMgr.
///
/// # Errors
/// Where a scope is none, which the tests rule out.
pub fn wishes() -> Result<Wishes, BadWish> {
    let scope = |name: &str, scope: &str, wanted| {
        Ok::<_, BadWish>(ScopedWish {
            name: name.to_owned(),
            scope: DeviceScope::parse(scope)?,
            wanted,
        })
    };
    Ok(Wishes {
        scopes: vec![
            scope(
                "Laptops are known to Entra ID",
                LAPTOPS,
                Wanted {
                    directory_registration_wanted: Some(true),
                    ..Wanted::default()
                },
            )?,
            scope(
                "Kiosks are patched by ConfigMgr",
                KIOSKS,
                Wanted {
                    managed_by: Some("Configuration Manager".to_owned()),
                    ..Wanted::default()
                },
            )?,
        ],
        fleet: Wanted {
            longest_quality_deferral_days: Some(LONGEST_DEFERRAL_DAYS),
            ..Wanted::default()
        },
    })
}

/// What is accepted: servers that are replaced before their release ends.
pub fn acceptance(now: Time) -> AcceptanceRow {
    AcceptanceRow {
        id: Uuid::now_v7(),
        issue: "end-of-service".to_owned(),
        scope: "release:\"Windows Server 2016\"".to_owned(),
        reason: "Replaced by Windows Server 2025 in December (project HARBOUR-25)".to_owned(),
        made_by: "demo".to_owned(),
        made_at: now,
        until: now.plus_days(ACCEPTED_DAYS),
        ended_at: None,
    }
}
