//! Where the demo's machines stand: sites, organizational units and names of a company that does not exist.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// DNS name of the AD domain, in a top-level domain that is reserved for examples.
pub const DOMAIN: &str = "corp.northharbour.example";
const DOMAIN_DN: &str = "DC=corp,DC=northharbour,DC=example";

/// A site of the company.
#[derive(Debug)]
pub(super) struct Site {
    code: &'static str,
    city: &'static str,
    directory_name: &'static str,
    /// Share among all machines.
    weight: u32,
}

const SITES: [Site; 5] = [
    site("HAM", "Hamburg", "Hamburg-HQ", 40),
    site("LIS", "Lisbon", "Lisbon", 20),
    site("GDN", "Gdansk", "Gdansk", 18),
    site("LEE", "Leeds", "Leeds", 14),
    site("BGO", "Bergen", "Bergen-Branch", 8),
];

const fn site(
    code: &'static str,
    city: &'static str,
    directory_name: &'static str,
    weight: u32,
) -> Site {
    Site {
        code,
        city,
        directory_name,
        weight,
    }
}

/// What a machine is used for.
#[derive(Debug)]
pub(super) struct Role {
    code: &'static str,
    ou: &'static str,
    weight: u32,
}

const CLIENT_ROLES: [Role; 4] = [
    role("LT", "OU=Laptops", 60),
    role("WS", "OU=Workstations", 26),
    role("MR", "OU=Meeting Rooms", 6),
    role("KI", "OU=Production Kiosks", 8),
];
const SERVER_ROLES: [Role; 6] = [
    role("FS", "OU=File Servers", 20),
    role("SQL", "OU=Databases", 20),
    role("APP", "OU=Application Servers", 30),
    role("WEB", "OU=Web Servers", 12),
    role("PRN", "OU=Print Servers", 8),
    role("DC", "OU=Domain Controllers", 10),
];

const fn role(code: &'static str, ou: &'static str, weight: u32) -> Role {
    Role { code, ou, weight }
}

/// Where one machine stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) host_name: String,
    /// Distinguished name of its OU.
    pub(super) ou: String,
    /// AD site.
    pub(super) ad_site: &'static str,
}

/// The scope of laptops, in the filter language.
pub const LAPTOPS: &str = "ou:\"OU=Laptops,*\"";
/// The scope of machines that ConfigMgr brings updates to, in the filter language.
pub const KIOSKS: &str = "ou:\"OU=Production Kiosks,*\"";

impl Place {
    /// Whether it stands among the laptops.
    pub(super) fn is_laptop(&self) -> bool {
        self.ou.starts_with("OU=Laptops,")
    }

    /// Whether ConfigMgr brings it its updates.
    pub(super) fn is_managed_elsewhere(&self) -> bool {
        self.ou.starts_with("OU=Production Kiosks,")
    }
}

/// Numbers given out so far, per site and role.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, u32>);

impl Names {
    /// Draws site and role, and gives the next free name there.
    pub(super) fn draw(&mut self, is_server: bool, chance: &mut StdRng) -> Place {
        let roles: &[Role] = if is_server {
            &SERVER_ROLES
        } else {
            &CLIENT_ROLES
        };
        let site = SITES
            .choose_weighted(chance, |site| site.weight)
            .expect("the sites have weights");
        let role = roles
            .choose_weighted(chance, |role| role.weight)
            .expect("the roles have weights");
        let stem = format!("{}-{}", site.code, role.code);
        let number = self.0.entry(stem.clone()).or_default();
        *number += 1;
        let host_name = if is_server {
            format!("{stem}-{number:02}")
        } else {
            format!("{stem}-{number:04}")
        };
        let branch = if is_server { "Servers" } else { "Clients" };
        let ou = match role.code {
            "DC" => format!("{},{DOMAIN_DN}", role.ou),
            _ => format!("{},OU={},OU={branch},{DOMAIN_DN}", role.ou, site.city),
        };
        Place {
            host_name,
            ou,
            ad_site: site.directory_name,
        }
    }
}
