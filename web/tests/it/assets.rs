//! Assets: found by the name that pages use, and by no other.

use std::process::Command;

use sickbay_web::{CONTENT_SECURITY_POLICY, asset};

#[test]
fn names_carry_the_content_so_that_browsers_may_keep_them() {
    let names: Vec<&str> = asset::all().map(|asset| asset.name).collect();
    for kept in ["sickbay-", "logo-", "favicon-"] {
        assert!(
            names.iter().any(|name| name.starts_with(kept)),
            "{kept} is missing"
        );
    }
    for found in asset::all() {
        let (stem, _) = found.name.rsplit_once('.').unwrap();
        let (_, hash) = stem.rsplit_once('-').unwrap();
        assert!(
            hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit()),
            "{}",
            found.name
        );
        assert_eq!(asset(found.name), Some(found));
        assert!(found.immutable && !found.bytes.is_empty());
    }
}

#[test]
fn nothing_else_is_found() {
    for path in [
        "",
        "sickbay.css",
        "../Cargo.toml",
        "/assets/sickbay.css",
        "sickbay-0000000000000000.css",
    ] {
        assert_eq!(asset(path), None, "{path}");
    }
    assert!(
        !asset::favicon().unwrap().immutable,
        "its address has no hash"
    );
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    for found in asset::all() {
        let text = String::from_utf8_lossy(found.bytes);
        // Names of markup languages look like addresses and are never fetched.
        for address in text.split("://").skip(1) {
            assert!(
                address.starts_with("www.w3.org/"),
                "{} names {:.40}",
                found.name,
                address
            );
        }
        if found.content_type.starts_with("text/javascript") {
            assert!(
                !text.contains("eval(") && !text.contains("new Function"),
                "{} needs unsafe-eval",
                found.name
            );
        }
    }
    assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
}

#[test]
fn scripts_are_bundled_wherever_npm_is_at_hand() {
    let npm = Command::new("npm").arg("--version").output();
    let is_wanted = npm.is_ok_and(|out| out.status.success())
        && std::env::var("SICKBAY_WEB_SCRIPTS").as_deref() != Ok("off");
    let is_there = asset::all().any(|asset| asset.content_type.starts_with("text/javascript"));
    assert!(
        is_there || !is_wanted,
        "npm is here, yet the build left the scripts out: its warning says why"
    );
}

#[test]
fn the_first_page_stays_light() {
    let bytes: usize = asset::all().map(|asset| asset.bytes.len()).sum();
    assert!(
        bytes < 160_000,
        "{bytes} bytes of assets before compression"
    );
}

#[test]
fn no_lock_file_names_a_registry() {
    for name in ["package.json", "package-lock.json"] {
        let text =
            std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(!text.contains("://"), "{name} names a host");
    }
}
