//! The last long listing of subkeys, for the next check of the same inspection.
//!
//! Two checks go through the thousands of packages of component based servicing, and enumerating those is most of an inspection's
//! time. A listing is used again for [`FRESH`] at most, and only while the key says that it was not written since and has as many
//! subkeys, so that no change that has settled is missed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::registry::{self, Stamp};
use crate::host::Listing;

/// For so long a listing is used again.
const FRESH: Duration = Duration::from_secs(1);
/// A shorter one costs less than remembering it.
const LONG: usize = 256;

/// Remembers one listing.
#[derive(Debug, Default)]
pub(super) struct Listings(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    path: String,
    stamp: Stamp,
    at: Instant,
    names: Vec<String>,
}

impl Listings {
    /// Names of the direct subkeys of the key at `path`.
    pub(super) fn subkeys(&self, path: &str) -> Listing<String> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept
            .as_ref()
            .filter(|kept| kept.path == path && kept.at.elapsed() < FRESH);
        if let Some(known) = known
            && registry::stamp(path) == Some(known.stamp)
        {
            return Listing::Found(known.names.clone());
        }
        // Taken before the listing: a key that is written meanwhile has another one afterwards.
        let stamp = registry::stamp(path);
        let listing = registry::subkeys(path);
        if let (Some(stamp), Listing::Found(names)) = (stamp, &listing)
            && names.len() >= LONG
        {
            *kept = Some(Kept {
                path: path.to_owned(),
                stamp,
                at: Instant::now(),
                names: names.clone(),
            });
        }
        listing
    }
}
