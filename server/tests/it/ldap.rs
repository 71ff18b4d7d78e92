//! Signing in through a real directory: names, passwords, groups in groups, what is taken away there.

use reqwest::Response;
use sickbay_server::access::groups::GroupRole;
use sickbay_server::access::ldap::LdapSettings;
use sickbay_server::config::Config;
use sickbay_store::{AccountSource, AuditQuery};

use crate::site::{Site, assert_says};
use crate::slapd::{BASE, READER, Slapd};

fn line(group: &str, role: &str, scope: &str) -> GroupRole {
    GroupRole {
        group: group.to_owned(),
        role: role.to_owned(),
        scope: scope.to_owned(),
    }
}

fn settings(slapd: &Slapd) -> LdapSettings {
    LdapSettings {
        url: slapd.url(),
        ca: slapd.file("ca.pem"),
        bind_name: READER.to_owned(),
        bind_password_file: slapd.file("reader.password"),
        base: BASE.to_owned(),
        // Also by what people are called, to try what has to be escaped.
        user_filter: "(&(objectClass=person)(|(uid={})(cn={})))".to_owned(),
        ..LdapSettings::default()
    }
}

async fn site(slapd: &Slapd, with: impl FnOnce(&mut Config)) -> Site {
    let ldap = settings(slapd);
    Site::start_with(|config| {
        config.sign_in.ldap = ldap;
        config.sign_in.groups = vec![
            line("CN=Admins,OU=Groups,DC=example,DC=org", "admin", ""),
            line("helpdesk", "operator", "tag:berlin"),
        ];
        with(config);
    })
    .await
}

async fn sign_in(site: &Site, name: &str, password: &str) -> Response {
    let fields = [("name", name), ("password", password)];
    site.stranger().post_form("/sign-in", &fields).await
}

/// Why the last sign-in was refused, as the record says.
async fn refusal(site: &Site) -> String {
    let query = AuditQuery {
        action: "sign-in-refused".to_owned(),
        ..AuditQuery::newest(1)
    };
    site.store().audit(&query).await.unwrap().remove(0).detail
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_of_a_directory_get_what_their_groups_give() {
    let slapd = Slapd::start().await;
    let site = site(&slapd, |_| ()).await;
    let answer = sign_in(&site, "ALICE", "alice-secret").await;
    assert_eq!(answer.status(), 303);
    let alice = site.with_cookie_of(&answer);
    assert_says(
        &alice.page("/account").await,
        &["Alice Example", "ldap account", "admin of all devices"],
        "hers",
    );
    assert_eq!(alice.get("/people").await.status(), 200);
    // By a group in a group, whose name needs escaping in a filter.
    let answer = sign_in(&site, "Bob (the) *Builder*, Jr", "bob-secret").await;
    assert_eq!(answer.status(), 303);
    let bob = site.with_cookie_of(&answer);
    assert_says(
        &bob.page("/account").await,
        &["operator of devices that match tag:berlin"],
        "his",
    );
    assert_eq!(bob.get("/people").await.status(), 403);
    // However they spell their name, they are one account.
    sign_in(&site, "alice", "alice-secret").await;
    let accounts = site.store().accounts().await.unwrap();
    assert_eq!(accounts.len(), 2);
    assert!(
        accounts
            .iter()
            .all(|account| account.source == AccountSource::Ldap && account.password.is_empty())
    );
    let people = alice.page("/people").await;
    assert_says(
        &people,
        &["ldap account", "only <code>tag:berlin</code>"],
        "people",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_the_directory_does_not_know_is_not_let_in_and_the_record_says_why() {
    let slapd = Slapd::start().await;
    let site = site(&slapd, |_| ()).await;
    for (name, password, why) in [
        ("alice", "wrong", "the password is another one"),
        ("alice", "", "the password is empty"),
        ("*", "alice-secret", "no such account"),
        ("alice)(uid=*", "alice-secret", "no such account"),
        ("nobody", "x", "no such account"),
        ("a\u{1}b\\", "x", "no such account"),
        ("carol", "carol-secret", "no group of theirs gives a role"),
    ] {
        let answer = sign_in(&site, name, password).await;
        assert_eq!(answer.status(), 401, "{name:?}");
        assert!(answer.headers().get("set-cookie").is_none(), "{name:?}");
        assert_says(&refusal(&site).await, &[why], name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_directory_takes_away_is_gone_at_the_next_look() {
    let slapd = Slapd::start().await;
    let site = site(&slapd, |_| ()).await;
    let alice = site.with_cookie_of(&sign_in(&site, "alice", "alice-secret").await);
    let bob = site.with_cookie_of(&sign_in(&site, "bob", "bob-secret").await);
    let next_look = || site.clock.advance(60_000);
    slapd.member("admins", "alice", false).await;
    // Not before it is looked: a directory is not asked at each click.
    assert_eq!(alice.get("/people").await.status(), 200);
    next_look();
    let refused = alice.get("/people").await;
    assert_eq!(refused.status(), 401);
    assert_says(
        &refused.text().await.unwrap(),
        &["no role, or none any more"],
        "the refusal",
    );
    // Given back, it is there again, in the same session.
    slapd.member("admins", "alice", true).await;
    next_look();
    assert_eq!(alice.get("/people").await.status(), 200);
    // Another role by another group; renamed meanwhile, they are still the same.
    slapd.member("admins", "bob", true).await;
    slapd.rename("bob", "robert").await;
    next_look();
    assert_eq!(bob.get("/people").await.status(), 200);
    slapd.delete("robert").await;
    next_look();
    assert_eq!(bob.get("/").await.status(), 401);
    let query = AuditQuery {
        action: "access-changed".to_owned(),
        ..AuditQuery::newest(10)
    };
    let told = site.store().audit(&query);
    let told: Vec<String> = told
        .await
        .unwrap()
        .into_iter()
        .map(|line| line.detail)
        .collect();
    assert_eq!(
        told,
        [
            "no role",
            "admin of all devices",
            "admin of all devices",
            "no role"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_away_keeps_nobody_out_for_an_hour_and_nobody_in_after_it() {
    let mut slapd = Slapd::start().await;
    let site = site(&slapd, |_| ()).await;
    let alice = site.with_cookie_of(&sign_in(&site, "alice", "alice-secret").await);
    slapd.stop();
    let answer = sign_in(&site, "bob", "bob-secret").await;
    assert_eq!(answer.status(), 503);
    assert_says(
        &answer.text().await.unwrap(),
        &["The directory does not answer"],
        "the page",
    );
    // A link of the command line still lets in.
    assert_eq!(site.browser().await.get("/people").await.status(), 200);
    site.clock.advance(59 * 60_000);
    assert_eq!(alice.get("/people").await.status(), 200);
    site.clock.advance(60_000);
    assert_eq!(alice.get("/people").await.status(), 401);
    slapd.run();
    crate::site::within(
        std::time::Duration::from_secs(40),
        "the directory is asked again",
        async || match alice.get("/people").await.status().as_u16() {
            200 => Ok(()),
            other => Err(other.to_string()),
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_goes_over_tls_alone_and_to_no_other_directory() {
    let slapd = Slapd::start().await;
    let plain = slapd.plain_url();
    let started = site(&slapd, |config| {
        config.sign_in.ldap.url = plain;
        config.sign_in.ldap.start_tls = true;
    })
    .await;
    assert_eq!(
        sign_in(&started, "alice", "alice-secret").await.status(),
        303
    );
    // A CA that is not the directory's.
    let other = Slapd::start().await;
    let misled = site(&slapd, |config| {
        config.sign_in.ldap.ca = other.file("ca.pem");
    })
    .await;
    assert_eq!(
        sign_in(&misled, "alice", "alice-secret").await.status(),
        503
    );
    // A local account of the same name stands before it.
    let local = misled.person("alice", sickbay_store::Access::ALL).await;
    assert_eq!(local.get("/").await.status(), 200);
    assert_eq!(
        sign_in(&misled, "alice", "alice-secret").await.status(),
        401
    );
}

#[tokio::test]
async fn settings_that_cannot_work_say_so_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "x\n").unwrap();
    let usable = || LdapSettings {
        url: "ldaps://dc.example.org".to_owned(),
        ca: "/no/such/file".into(),
        bind_name: READER.to_owned(),
        bind_password_file: password.clone(),
        base: BASE.to_owned(),
        ..LdapSettings::default()
    };
    for (bad, why) in [
        (
            LdapSettings {
                url: "ldap://dc.example.org".to_owned(),
                ..usable()
            },
            "speaks no TLS",
        ),
        (
            LdapSettings {
                user_filter: "(uid=x)".to_owned(),
                ..usable()
            },
            "user_filter",
        ),
        (
            LdapSettings {
                base: String::new(),
                ..usable()
            },
            "sign_in.ldap.base",
        ),
        (
            LdapSettings {
                bind_name: String::new(),
                ..usable()
            },
            "bind_name",
        ),
        (
            LdapSettings {
                bind_password_file: "/no/such/file".into(),
                ..usable()
            },
            "bind_password_file",
        ),
        (usable(), "sign_in.ldap.ca"),
    ] {
        let error = sickbay_server::access::ldap::Directory::open(&bad).expect_err(why);
        assert_says(&format!("{error:#}"), &[why], &bad);
    }
}
