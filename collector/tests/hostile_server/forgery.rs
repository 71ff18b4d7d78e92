//! Certificates as a server issues them that holds the CA and means harm.

use std::time::Duration;

use proptest::prelude::*;
use rcgen::{CertificateParams, CertificateSigningRequestParams, CustomExtension, DnType, KeyPair};
use sickbay_proto::v1;
use time::OffsetDateTime;

use crate::dice::{self, Dice};
use crate::honest::Ca;

/// What fits into a message of the wire and not, in PEM, into a file that the collector would read again. In bytes.
const NEARLY_A_MESSAGE: usize = 900_000;

#[derive(Debug, Clone)]
enum Leaf {
    /// Over the key that was asked for.
    OfTheDevice,
    OverAnotherKey,
    BySomebodyElse,
    /// With an extension that whoever does not know it must refuse.
    WithUnknownExtension,
    NotACertificate,
    /// Correct, and followed by more than anybody may need.
    WithALongTail,
    Missing,
}

#[derive(Debug, Clone)]
enum Trust {
    SameCa,
    Nothing,
    Noise,
    SomebodyElse,
    Both,
    FarTooMuch,
}

#[derive(Debug, Clone)]
enum Life {
    Usual,
    /// More than half of it is over.
    DueForRenewal,
    Over,
    ToCome,
    Backwards,
    Everlasting,
}

/// Answers a request for a certificate. Much of it is as it should be, so that the rest is looked at.
pub(crate) fn certificate(
    dice: &mut Dice,
    ca: &Ca,
    device_id: String,
    csr: &[u8],
) -> v1::Certificate {
    let leaf = dice.throw(prop_oneof![
        12 => Just(Leaf::OfTheDevice),
        1 => Just(Leaf::OverAnotherKey),
        1 => Just(Leaf::BySomebodyElse),
        1 => Just(Leaf::WithUnknownExtension),
        1 => Just(Leaf::NotACertificate),
        1 => Just(Leaf::WithALongTail),
        1 => Just(Leaf::Missing),
    ]);
    let trust = dice.throw(prop_oneof![
        10 => Just(Trust::SameCa),
        1 => Just(Trust::Nothing),
        2 => Just(Trust::Noise),
        1 => Just(Trust::SomebodyElse),
        1 => Just(Trust::Both),
        1 => Just(Trust::FarTooMuch),
    ]);
    let somebody_else = Ca::new();
    let noise = dice.bytes(600);
    let trusted_ca_der: Vec<Vec<u8>> = match trust {
        Trust::SameCa => vec![ca.der.clone()],
        Trust::Nothing => Vec::new(),
        Trust::Noise => vec![noise, Vec::new()],
        Trust::SomebodyElse => vec![somebody_else.der.clone()],
        Trust::Both => vec![somebody_else.der.clone(), ca.der.clone()],
        Trust::FarTooMuch => vec![ca.der.clone(); NEARLY_A_MESSAGE / ca.der.len()],
    };
    v1::Certificate {
        device_id,
        chain_der: into_bytes(chain(dice, &leaf, ca, &somebody_else, csr)),
        trusted_ca_der: into_bytes(trusted_ca_der),
        identity_mark: dice.throw(dice::mark()),
    }
}

fn chain(dice: &mut Dice, leaf: &Leaf, ca: &Ca, somebody_else: &Ca, csr: &[u8]) -> Vec<Vec<u8>> {
    let mut request = CertificateSigningRequestParams::from_der(&csr.to_vec().into()).unwrap();
    let name = dice.plain_name();
    request
        .params
        .distinguished_name
        .push(DnType::CommonName, name);
    let life = dice.throw(prop_oneof![
        6 => Just(Life::Usual),
        3 => Just(Life::DueForRenewal),
        1 => Just(Life::Over),
        1 => Just(Life::ToCome),
        1 => Just(Life::Backwards),
        1 => Just(Life::Everlasting),
    ]);
    live(&mut request.params, &life);
    let signed_by = |ca: &Ca, request: &CertificateSigningRequestParams| {
        request.signed_by(&ca.issuer).unwrap().der().to_vec()
    };
    match leaf {
        Leaf::OfTheDevice => vec![signed_by(ca, &request)],
        Leaf::BySomebodyElse => vec![signed_by(somebody_else, &request)],
        Leaf::WithALongTail => {
            let mut chain = vec![signed_by(ca, &request)];
            chain.extend(vec![ca.der.clone(); NEARLY_A_MESSAGE / ca.der.len()]);
            chain
        }
        Leaf::OverAnotherKey => {
            let params: &CertificateParams = &request.params;
            let key = KeyPair::generate().unwrap();
            vec![params.signed_by(&key, &ca.issuer).unwrap().der().to_vec()]
        }
        Leaf::WithUnknownExtension => {
            let mut extension = CustomExtension::from_oid_content(&[1, 3, 9, 9, 9], vec![5, 0]);
            extension.set_criticality(true);
            request.params.custom_extensions.push(extension);
            vec![signed_by(ca, &request)]
        }
        Leaf::NotACertificate => vec![dice.bytes(600)],
        Leaf::Missing => Vec::new(),
    }
}

fn live(params: &mut CertificateParams, life: &Life) {
    let now = OffsetDateTime::now_utc();
    let hours = |n: u64| Duration::from_hours(n);
    (params.not_before, params.not_after) = match life {
        Life::Usual => (now - hours(1), now + hours(24)),
        Life::DueForRenewal => (now - hours(24), now + hours(1)),
        Life::Over => (now - hours(24), now - hours(1)),
        Life::ToCome => (now + hours(24), now + hours(48)),
        Life::Backwards => (now + hours(1), now - hours(1)),
        Life::Everlasting => (
            rcgen::date_time_ymd(1970, 1, 1),
            rcgen::date_time_ymd(9999, 12, 31),
        ),
    };
}

fn into_bytes(list: Vec<Vec<u8>>) -> Vec<prost::bytes::Bytes> {
    list.into_iter().map(Into::into).collect()
}
