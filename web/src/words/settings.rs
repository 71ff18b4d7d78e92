//! The page of settings.

use crate::pages::settings::Origin;

/// Where a setting comes from.
pub(crate) const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Default => "default",
        Origin::Set => "set",
    }
}
