//! Files as they were before there was a ring, and what is taken for a secret.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[tokio::test]
async fn in_files_the_first_secret_of_a_name_stays_and_nobody_else_may_read_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = KeyRing::of_files(folder.path());
    let path = folder.path().join("session.key");
    assert_eq!(keys.place("session.key"), path.display().to_string());
    assert_eq!(keys.get("session.key").await.expect("read"), None);
    keys.remove("session.key").await.expect("nothing to remove");
    let made = keys.open_or_make("session.key", || "one".to_owned()).await;
    assert_eq!(made.expect("made"), "one");
    let again = keys.open_or_make("session.key", || "two".to_owned()).await;
    assert_eq!(again.expect("read"), "one");
    let said = keys.put("session.key", "three").await.expect_err("taken");
    assert!(said.to_string().contains("session.key"), "{said}");
    keys.put("ca-key.pem", "four").await.expect("kept");
    let four = keys.get("ca-key.pem").await.expect("read");
    assert_eq!(four.as_deref(), Some("four"));
    let mode = fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 2);
    keys.remove("session.key").await.expect("removed");
    assert_eq!(keys.get("session.key").await.expect("read"), None);
}

#[test]
fn no_other_file_is_taken_for_a_secret() {
    for name in [
        "audit.key",
        "session.key",
        "ca-key.pem",
        "ca-key-2-0a1b2c3d.pem",
    ] {
        assert!(is_name(name), "{name}");
    }
    for name in [
        "",
        WRAPPING_KEY,
        "ca.pem",
        "ca-2.pem",
        "web.pem",
        "ca-key/../x.pem",
        "../ca-key.pem",
        "ca-key.pem.old",
        "audit.key.7",
    ] {
        assert!(!is_name(name), "{name}");
    }
}
