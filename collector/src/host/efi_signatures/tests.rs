//! Databases as firmware holds them, and such as none should.

use proptest::prelude::*;
use rcgen::{CertificateParams, DnType, KeyPair};
use sickbay_diagnosis::keys;
use sickbay_diagnosis::reading::Data;

use super::*;

/// `EFI_CERT_SHA256_GUID`, c1c41626-504c-4092-aca9-41f936934328.
const SHA256: [u8; 16] = [
    0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28,
];

/// A certificate of this subject, as the one that is meant looks like: other parts of the name first.
fn certificate(common_name: &str) -> Vec<u8> {
    let mut params = CertificateParams::default();
    let name = &mut params.distinguished_name;
    name.remove(DnType::CommonName);
    name.push(DnType::CountryName, "US");
    name.push(DnType::OrganizationName, "Microsoft Corporation");
    name.push(DnType::CommonName, common_name);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    certificate.der().to_vec()
}

fn list(kind: [u8; 16], own_header: &[u8], entries: &[&[u8]]) -> Vec<u8> {
    let size = |number: usize| u32::try_from(number).expect("small").to_le_bytes();
    let entry_size = OWNER + entries.first().map_or(0, |entry| entry.len());
    let whole = LIST_HEADER + own_header.len() + entry_size * entries.len();
    let mut list = kind.to_vec();
    list.extend(size(whole));
    list.extend(size(own_header.len()));
    list.extend(size(entry_size));
    list.extend(own_header);
    for entry in entries {
        list.extend([0x77; OWNER]);
        list.extend(*entry);
    }
    list
}

fn names(names: &[&str]) -> Data {
    Data::MultiText(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn certificates_are_found_among_hashes_and_others_and_named_in_one_order() {
    let database = [
        list(SHA256, &[], &[&[1; 32], &[2; 32]]),
        list(X509, &[], &[&certificate(keys::WINDOWS_PCA_2011)]),
        list(X509, &[9; 5], &[&certificate(keys::WINDOWS_CA_2023)]),
        list(X509, &[], &[&certificate("Contoso Platform Key")]),
        list(X509, &[], &[&[0x30, 0x82, 0xff, 0xff, 1]]),
    ]
    .concat();
    let both = Ok(names(&[keys::WINDOWS_CA_2023, keys::WINDOWS_PCA_2011]));
    assert_eq!(known_certificates(&database), both);
    let filled_up = [database, vec![0; 100]].concat();
    assert_eq!(known_certificates(&filled_up), both);
    assert_eq!(known_certificates(&[]), Ok(names(&[])));
}

#[test]
fn a_name_that_only_contains_a_known_one_is_another() {
    let longer = format!("{} (copy)", keys::WINDOWS_CA_2023);
    let database = list(X509, &[], &[&certificate(&longer)]);
    assert_eq!(known_certificates(&database), Ok(names(&[])));
    // Neither is a hash, or an issuer's text, that holds the bytes of the name.
    let text = list(SHA256, &[], &[keys::WINDOWS_CA_2023.as_bytes()]);
    assert_eq!(known_certificates(&text), Ok(names(&[])));
}

#[test]
fn what_breaks_off_or_contradicts_itself_is_not_taken_for_a_database_without_certificates() {
    let good = list(X509, &[], &[&certificate(keys::WINDOWS_CA_2023)]);
    for length in 1..good.len() {
        assert_eq!(
            known_certificates(&good[..length]),
            Err(Malformed::CutOff),
            "{length}"
        );
    }
    let with_size = |at: usize, size: u32| {
        let mut bad = good.clone();
        bad[at..at + 4].copy_from_slice(&size.to_le_bytes());
        known_certificates(&bad)
    };
    for (at, size, why) in [
        (16, 0, Malformed::Sizes),
        (16, u32::MAX, Malformed::CutOff),
        (20, u32::MAX, Malformed::Sizes),
        (20, 1, Malformed::Sizes),
        (24, 0, Malformed::Sizes),
        (24, 16, Malformed::Sizes),
        (24, u32::MAX, Malformed::Sizes),
    ] {
        assert_eq!(with_size(at, size), Err(why), "{size} at {at}");
    }
}

#[test]
fn a_database_of_endless_entries_is_refused() {
    assert_eq!(
        known_certificates(&vec![1; MOST_BYTES + 1]),
        Err(Malformed::TooLarge)
    );
    let entries: Vec<&[u8]> = vec![&[1]; MOST_CERTIFICATES + 1];
    let many = list(X509, &[], &entries);
    assert_eq!(known_certificates(&many), Err(Malformed::TooMany));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_name_what_is_not_known(
        head in proptest::option::of(proptest::sample::select(vec![X509, SHA256])),
        sizes in proptest::array::uniform3(prop_oneof![0..200_u32, any::<u32>()]),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut database = Vec::new();
        if let Some(kind) = head {
            database.extend(kind);
            database.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
        }
        database.extend(rest);
        if let Ok(held) = known_certificates(&database) {
            prop_assert_eq!(held, Data::MultiText(Vec::new()));
        }
    }

    #[test]
    fn a_certificate_with_any_byte_changed_is_survived(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut database = list(X509, &[], &[&certificate(keys::KEK_CA_2023)]);
        let at = at.index(database.len());
        database[at] = byte;
        // Whatever comes of it, it comes back.
        let _ = known_certificates(&database);
    }
}
