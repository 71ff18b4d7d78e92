//! Who may speak: certificates, revocation, retirement.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use sickbay_diagnosis::time::DAY_MS;
use sickbay_proto::v1::error_detail::Reason;
use sickbay_proto::v1::fleet_client::FleetClient;
use sickbay_proto::v1::{CollectorMessage, GoodbyeRequest, enrol_response};
use sickbay_server::identity::ca::DEVICE_DAYS;
use sickbay_server::key_ring::WRAPPING_KEY;
use sickbay_store::{Approval, AuditQuery, DeviceStatus};
use tokio::sync::mpsc;

use crate::device::{
    Device, EPOCH, Session, ask, chain, connect, hello, reason, recover, refused_in_handshake,
    report, tls,
};
use crate::readings::{client, on_the_wire};
use crate::site::{Site, assert_says};

/// A live stream that has to live through whatever others do.
struct Witness(Session, u64);

impl Witness {
    async fn of(site: &Site) -> Self {
        let device = Device::enrol(site, "WITNESS").await;
        let mut session = device.session(site).await.unwrap();
        let first = report(1, true, vec![on_the_wire(client("WITNESS"))]);
        assert_eq!(session.acknowledged(first).await, 1);
        Self(session, 1)
    }

    async fn is_well(&mut self) {
        self.1 += 1;
        let next = report(self.1, false, vec![on_the_wire(client("WITNESS"))]);
        assert_eq!(self.0.acknowledged(next).await, self.1);
    }
}

#[tokio::test]
async fn a_call_without_a_certificate_is_told_to_enrol_and_harms_nobody() {
    let site = Site::start().await;
    let mut witness = Witness::of(&site).await;
    let refused = Session::open(&site, tls(&site, None), hello(&EPOCH))
        .await
        .err()
        .unwrap();
    assert_eq!(reason(&refused), Reason::CertificateMissing);
    let (channel, _) = connect(&site, tls(&site, None)).await;
    let renewal = FleetClient::new(channel)
        .renew(sickbay_proto::v1::RenewRequest::default())
        .await;
    assert_eq!(reason(&renewal.unwrap_err()), Reason::CertificateMissing);
    witness.is_well().await;
}

#[tokio::test]
async fn a_certificate_of_a_foreign_ca_ends_in_the_handshake_and_harms_nobody() {
    let site = Site::start().await;
    let mut witness = Witness::of(&site).await;
    let device = Device::enrol(&site, "PC-1").await;
    assert_eq!(
        refused_in_handshake(&site, Arc::clone(&device.tls)).await,
        None
    );

    // Each over the very key that is enrolled; one CA pretends to be the site's own.
    for (name, alert) in [("Another CA", "UnknownCA"), ("Sickbay CA", "DecryptError")] {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let foreign = Issuer::new(params, KeyPair::generate().unwrap());
        let leaf = CertificateParams::default()
            .signed_by(&device.key, &foreign)
            .unwrap();
        let shown = [leaf.der().clone()];
        let refused = refused_in_handshake(&site, tls(&site, Some((&shown, &device.key)))).await;
        assert_says(&refused.unwrap(), &["fatal alert", alert], name);
    }

    let itself = CertificateParams::default()
        .self_signed(&device.key)
        .unwrap();
    let shown = [itself.der().clone()];
    assert!(
        refused_in_handshake(&site, tls(&site, Some((&shown, &device.key))))
            .await
            .is_some()
    );
    witness.is_well().await;
}

#[tokio::test]
async fn an_ended_certificate_serves_to_come_home_and_for_nothing_else() {
    let site = Site::start().await;
    let mut witness = Witness::of(&site).await;
    let device = Device::enrol(&site, "PC-1").await;
    site.clock.advance((DEVICE_DAYS + 100) * DAY_MS);
    let session = device.session(&site).await.err().unwrap();
    assert_eq!(reason(&session), Reason::CertificateEnded);
    let renewal = device.renew(&site).await.err().unwrap();
    assert_eq!(reason(&renewal), Reason::CertificateEnded);
    let (channel, _) = connect(&site, Arc::clone(&device.tls)).await;
    let goodbye = FleetClient::new(channel).goodbye(GoodbyeRequest {}).await;
    assert_eq!(reason(&goodbye.unwrap_err()), Reason::CertificateEnded);

    let recovered = device.recover(&site).await.unwrap();
    assert_eq!(recovered.device_id, device.id.to_string());
    let back = device.with(&site, &recovered);
    back.session(&site).await.unwrap();
    let said = site
        .store()
        .audit(&AuditQuery::of(device.id, 1))
        .await
        .unwrap();
    assert_eq!(said[0].action, "recovered");

    // The old one is good for that as long as nobody revokes the device, and for 400 days.
    device.recover(&site).await.unwrap();
    site.clock.advance(301 * DAY_MS);
    let late = device.recover(&site).await.err().unwrap();
    assert_eq!(reason(&late), Reason::KeyEnded);
    witness.is_well().await;
}

#[tokio::test]
async fn a_key_that_slept_for_too_long_or_was_revoked_does_not_come_home() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    site.clock.advance((DEVICE_DAYS + 401) * DAY_MS);
    let late = device.recover(&site).await.err().unwrap();
    assert_eq!(reason(&late), Reason::KeyEnded);
    // Nor by asking like a stranger, whatever the token.
    let (_, token) = site.token(|_| ()).await;
    let again = ask(&site, &token, &device.key, "PC-1").await.err().unwrap();
    assert_eq!(reason(&again), Reason::KeyEnded);

    let revoked = Device::enrol(&site, "PC-2").await;
    site.store()
        .set_status(&[revoked.id], DeviceStatus::Revoked, &site.deed())
        .await
        .unwrap();
    site.clock.advance(DEVICE_DAYS * 2 * DAY_MS);
    let back = revoked.recover(&site).await.err().unwrap();
    assert_eq!(reason(&back), Reason::DeviceRevoked);
    // And who shows no certificate of ours at all recovers nothing.
    let stranger = recover(&site, tls(&site, None), &device.key)
        .await
        .err()
        .unwrap();
    assert_eq!(reason(&stranger), Reason::CertificateMissing);
}

#[tokio::test]
async fn a_server_whose_clock_was_set_back_takes_the_certificates_that_it_issued() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    site.clock.advance(2 * DAY_MS);
    let ahead = device.renew(&site).await.unwrap();
    site.clock.advance(-2 * DAY_MS);
    device.with(&site, &ahead).session(&site).await.unwrap();
}

/// Revokes by `revoke` and expects the live stream to end within a second and every way back to be closed.
async fn revocation_bites(site: &Site, revoke: impl AsyncFnOnce(&Device)) {
    let mut witness = Witness::of(site).await;
    let device = Device::enrol(site, "PC-1").await;
    let mut session = device.session(site).await.unwrap();
    session
        .acknowledged(report(1, true, vec![on_the_wire(client("PC-1"))]))
        .await;

    revoke(&device).await;
    let revoked_at = Instant::now();
    assert_eq!(session.ended().await, Reason::DeviceRevoked);
    let took = revoked_at.elapsed();
    assert!(
        took < Duration::from_secs(1),
        "the live stream ended only after {took:?}"
    );

    // The same TLS settings hold whatever the first session left behind for a resumption.
    let (_, kind) = connect(site, Arc::clone(&device.tls)).await;
    assert_eq!(kind, HandshakeKind::Full);
    let back = device.session(site).await.err().unwrap();
    assert_eq!(reason(&back), Reason::DeviceRevoked);
    let renewal = device.renew(site).await.err().unwrap();
    assert_eq!(reason(&renewal), Reason::DeviceRevoked);
    let (_, token) = site.token(|_| ()).await;
    let again = ask(site, &token, &device.key, "PC-1").await.err().unwrap();
    assert_eq!(reason(&again), Reason::DeviceRevoked);
    witness.is_well().await;
}

#[tokio::test]
async fn revocation_bites_within_a_second_also_on_a_live_stream() {
    let site = Site::start().await;
    revocation_bites(&site, async |device| {
        let changed = site
            .store()
            .set_status(&[device.id], DeviceStatus::Revoked, &site.deed())
            .await;
        assert_eq!(changed.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn revocation_by_another_process_bites_within_a_second_too() {
    let site = Site::start().await;
    let other = site.other_handle().await;
    revocation_bites(&site, async |device| {
        let changed = other
            .set_status(&[device.id], DeviceStatus::Revoked, &site.deed())
            .await;
        assert_eq!(changed.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_report_on_its_way_while_its_device_is_revoked_is_told_so() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let mut session = device.session(&site).await.unwrap();
    session
        .acknowledged(report(1, true, vec![on_the_wire(client("PC-1"))]))
        .await;
    let changed = site
        .store()
        .set_status(&[device.id], DeviceStatus::Revoked, &site.deed())
        .await;
    assert_eq!(changed.unwrap().len(), 1);
    // Before the server's own look at statuses: the writer is the first to notice.
    let second = report(2, true, vec![on_the_wire(client("PC-1"))]);
    let refused = session.report(second).await.expect_err("nothing is taken");
    assert_eq!(reason(&refused), Reason::DeviceRevoked);
}

#[tokio::test]
async fn a_device_revoked_between_its_handshake_and_its_hello_does_not_slip_in() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let (channel, _) = connect(&site, Arc::clone(&device.tls)).await;
    let (up, messages) = mpsc::channel::<CollectorMessage>(4);
    let opening = tokio::spawn(Session::over(channel, up.clone(), messages));
    // Long enough for the server to have looked at the certificate, and for its job to have seen the revocation.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let revoked = site
        .store()
        .set_status(&[device.id], DeviceStatus::Revoked, &site.deed())
        .await;
    assert_eq!(revoked.unwrap().len(), 1);
    tokio::time::sleep(Duration::from_millis(600)).await;
    site.clock.advance(60_000);
    tokio::time::sleep(Duration::from_millis(600)).await;
    up.send(hello(&EPOCH)).await.unwrap();
    let refused = opening
        .await
        .unwrap()
        .err()
        .expect("a revoked device is not welcomed");
    assert_eq!(reason(&refused), Reason::DeviceRevoked);
}

#[tokio::test]
async fn a_retired_device_is_told_so_on_its_live_stream_and_when_it_comes_back() {
    let site = Site::start().await;
    let mut witness = Witness::of(&site).await;
    let device = Device::enrol(&site, "PC-1").await;
    let mut session = device.session(&site).await.unwrap();
    session
        .acknowledged(report(1, true, vec![on_the_wire(client("PC-1"))]))
        .await;
    let retired = site
        .store()
        .set_status(&[device.id], DeviceStatus::Retired, &site.deed())
        .await;
    assert_eq!(retired.unwrap().len(), 1);
    assert_eq!(session.ended().await, Reason::DeviceRetired);
    assert_eq!(
        reason(&device.session(&site).await.err().unwrap()),
        Reason::DeviceRetired
    );
    witness.is_well().await;
}

#[tokio::test]
async fn a_goodbye_retires_the_device_that_says_it_and_no_other() {
    let site = Site::start().await;
    let mut witness = Witness::of(&site).await;
    let device = Device::enrol(&site, "PC-1").await;
    let mut session = device.session(&site).await.unwrap();
    session
        .acknowledged(report(1, true, vec![on_the_wire(client("PC-1"))]))
        .await;
    let goodbye = async |tls| {
        let (channel, _) = connect(&site, tls).await;
        FleetClient::new(channel).goodbye(GoodbyeRequest {}).await
    };
    let stranger = goodbye(tls(&site, None)).await.unwrap_err();
    assert_eq!(reason(&stranger), Reason::CertificateMissing);
    goodbye(Arc::clone(&device.tls)).await.unwrap();
    assert_eq!(session.ended().await, Reason::DeviceRetired);
    let again = goodbye(Arc::clone(&device.tls)).await.unwrap_err();
    assert_eq!(reason(&again), Reason::DeviceRetired);
    witness.is_well().await;
}

#[tokio::test]
async fn a_valid_certificate_of_a_device_that_the_server_lost_is_told_to_enrol() {
    let site = Site::start().await;
    let key = KeyPair::generate().unwrap();
    let request =
        sickbay_server::identity::ca::SigningRequest::read(&crate::device::request_over(&key))
            .unwrap();
    let lost = site
        .app()
        .ca
        .in_force()
        .issue_device(uuid::Uuid::now_v7(), &request, site.now())
        .unwrap();
    let shown = [CertificateDer::from(lost.der)];
    let refused = Session::open(&site, tls(&site, Some((&shown, &key))), hello(&EPOCH)).await;
    assert_eq!(reason(&refused.err().unwrap()), Reason::DeviceUnknown);
}

#[tokio::test]
async fn a_renewed_certificate_works_and_stays_with_the_same_device() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    site.clock.advance(DEVICE_DAYS / 2 * DAY_MS);
    let renewed = device.renew(&site).await.unwrap();
    assert_eq!(renewed.device_id, device.id.to_string());
    site.clock.advance((DEVICE_DAYS / 2 + 1) * DAY_MS);
    let old = device.session(&site).await.err().unwrap();
    assert_eq!(reason(&old), Reason::CertificateEnded);
    let shown = tls(&site, Some((&chain(&renewed), &device.key)));
    let session = Session::open(&site, shown, hello(&EPOCH)).await;
    assert!(session.is_ok());
}

#[tokio::test]
async fn nobody_renews_over_the_key_of_another_device() {
    let site = Site::start().await;
    let (one, other) = (
        Device::enrol(&site, "PC-1").await,
        Device::enrol(&site, "PC-2").await,
    );
    let thief = Device {
        id: one.id,
        key: other.key,
        tls: one.tls,
    };
    assert_eq!(
        reason(&thief.renew(&site).await.err().unwrap()),
        Reason::BadRequest
    );
}

#[tokio::test]
async fn a_newer_session_of_the_same_device_takes_over() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let mut old = device.session(&site).await.unwrap();
    let mut new = device.session(&site).await.unwrap();
    assert_eq!(old.ended().await, Reason::Replaced);
    assert_eq!(
        new.acknowledged(report(1, true, vec![on_the_wire(client("PC-1"))]))
            .await,
        1
    );
}

#[tokio::test]
async fn a_pending_device_gets_its_certificate_only_after_approval() {
    let site = Site::start().await;
    let (_, token) = site.token(|token| token.approval = Approval::Person).await;
    let key = KeyPair::generate().unwrap();
    let mut ids = Vec::new();
    for _ in 0..2 {
        match ask(&site, &token, &key, "PC-1").await.unwrap() {
            enrol_response::Outcome::Pending(pending) => {
                assert!(pending.retry_after_ms > 0);
                ids.push(pending.device_id);
            }
            enrol_response::Outcome::Issued(_) => panic!("a certificate without approval"),
        }
    }
    assert_eq!(ids[0], ids[1], "asking again makes no second device");
    let id = ids[0].parse().unwrap();
    let approved = site
        .store()
        .set_status(&[id], DeviceStatus::Active, &site.deed())
        .await;
    assert_eq!(approved.unwrap().len(), 1);
    let enrol_response::Outcome::Issued(issued) = ask(&site, &token, &key, "PC-1").await.unwrap()
    else {
        panic!("approved and still pending");
    };
    let device = Device::new(&site, issued, key);
    assert_eq!(device.id, id);
    assert!(device.session(&site).await.is_ok());
}

#[tokio::test]
async fn the_database_holds_no_secret_that_opens_anything() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let device = Device::enrol(&site, "PC-1").await;
    let (_, api) = site.api_token(None).await;
    let browser = site.browser().await;
    browser.page("/").await;
    site.app()
        .ca
        .rotate(
            sickbay_server::identity::ca::Step::Announce,
            "test",
            false,
            site.now(),
        )
        .await
        .unwrap();
    let folder = site.app().config.storage.data_dir.clone();
    let mut secrets = vec![token.into_bytes(), device.key.serialize_der()];
    secrets.extend(api.secret().map(String::into_bytes));
    secrets.extend(browser.secret().map(String::into_bytes));
    assert_eq!(secrets.len(), 4, "each kind of secret is looked for");
    let (mut keys, mut files) = (0, 0);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            assert_eq!(name, "exports", "a folder that nobody looks into");
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        if name.starts_with("sickbay.db") {
            files += 1;
            for secret in &secrets {
                assert!(!has(secret), "{name} holds a secret");
            }
            assert!(!has(b"PRIVATE KEY"), "{name} holds a private key");
            for key in std::fs::read_dir(&folder).unwrap() {
                let key = key.unwrap().path();
                if key.to_string_lossy().contains("ca-key") {
                    let pem = std::fs::read_to_string(key).unwrap();
                    let der = KeyPair::from_pem(&pem).unwrap().serialize_der();
                    assert!(!has(&der), "{name} holds a key of the CA");
                }
            }
        } else if name.starts_with("ca-key") || name == WRAPPING_KEY {
            keys += 1;
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{name} is for its owner alone");
        }
    }
    let database = &site.app().config.storage.database;
    if !database.is_empty() {
        files = 2;
        let kept = site.store().secrets().await.unwrap();
        for name in kept.into_iter().map(|secret| secret.name) {
            keys += usize::from(name.starts_with("ca-key"));
            let text = site.app().ca.keys().get(&name).await.unwrap().unwrap();
            if let Ok(pem) = pem::parse(&text) {
                secrets.push(pem.into_contents());
            }
            secrets.push(text.into_bytes());
        }
        holds_none(database, &secrets).await;
        // Two of the CA in the database, and the one that wraps them beside it.
        keys -= 1;
    }
    assert!(
        keys == 2 && files >= 2,
        "{keys} keys, {files} files of the database"
    );
}

/// Fails where any row of a database that is no file holds a secret, as text or as bytes.
async fn holds_none(database: &str, secrets: &[Vec<u8>]) {
    for (table, rows) in sickbay_store::dump(database).await.unwrap() {
        for (column, value) in rows.into_iter().flatten() {
            assert!(!value.contains("PRIVATE KEY"), "{table}.{column}: {value}");
            for secret in secrets {
                let bytes = format!("{secret:02x?}");
                let text = String::from_utf8_lossy(secret);
                let has = value.contains(bytes.trim_matches(['[', ']'])) || value.contains(&*text);
                assert!(!has, "{table}.{column} holds a secret");
            }
        }
    }
}

#[tokio::test]
async fn a_ca_that_was_rotated_a_hundred_times_is_still_known_to_who_slept_through_some() {
    use sickbay_server::identity::ca::Step;
    let site = Site::start().await;
    let ca = &site.app().ca;
    let rotate = async |step| {
        ca.rotate(step, "test", true, site.now()).await.unwrap();
        site.app().follow_ca().unwrap();
    };
    // A hundred that came to nothing are in nobody's way.
    for _ in 0..100 {
        rotate(Step::Announce).await;
        rotate(Step::BackOut).await;
    }
    let sleeper = Device::enrol(&site, "PC-1").await;
    for _ in 0..5 {
        rotate(Step::Announce).await;
        rotate(Step::Switch).await;
        rotate(Step::Retire).await;
    }
    let (chain, _) = ca
        .in_force()
        .issue_server(&["localhost".to_owned()], site.now())
        .unwrap();
    let bytes: usize = chain.iter().map(|one| one.len()).sum();
    assert!(bytes < 8_000, "{bytes} bytes go with every handshake");
    // It trusts the first generation alone.
    let back = sleeper.session(&site).await.err().unwrap();
    assert_eq!(reason(&back), Reason::CertificateEnded);
    let recovered = sleeper.recover(&site).await.unwrap();
    sleeper
        .with(&site, &recovered)
        .session(&site)
        .await
        .unwrap();
}
