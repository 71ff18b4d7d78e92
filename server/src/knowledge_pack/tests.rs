#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::LazyLock;

use proptest::prelude::*;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::knowledge::{Knowledge, TableName};
use sickbay_store::{ImportedPack, PackMark};

use super::*;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().0);

fn trusted() -> TrustedKeys {
    TrustedKeys::of([KEY.public()])
}

/// The table of holds with one row that the built-in one lacks.
fn holds() -> String {
    let built_in = TableName::Holds.built_in();
    let mut lines = built_in.lines();
    let (_, header) = (lines.next(), lines.next().unwrap());
    format!("# dated 2096-12-01\n{header}\n99999999\tA printer driver\t\tSomebody\tGatedBlock\n")
}

fn draft(holds: &str) -> Draft<'_> {
    Draft {
        version: "2026.12",
        dated: "2096-12-01",
        tables: vec![(TableName::Holds, holds)],
    }
}

fn pack() -> Vec<u8> {
    draft(&holds()).sign(&KEY).unwrap()
}

/// The pack with something else in its place, signed as if it were right.
fn signed_after(change: impl Fn(String) -> String) -> Vec<u8> {
    let whole = String::from_utf8(pack()).unwrap();
    let (body, _) = whole.rsplit_once(SIGNATURE).unwrap();
    let mut bytes = change(body.to_owned()).into_bytes();
    let signature = signature_to_text(&KEY.sign(&bytes));
    bytes.extend(format!("{SIGNATURE}{signature}\n").into_bytes());
    bytes
}

fn refused(bytes: &[u8]) -> String {
    let error = Pack::verify(bytes, &trusted()).unwrap_err();
    crate::ingest::chain(&error)
}

#[test]
fn what_was_signed_is_read_back_and_what_is_missing_is_built_in() {
    let bytes = pack();
    let read = Pack::verify(&bytes, &trusted()).unwrap();
    assert_eq!((read.version, read.dated), ("2026.12", "2096-12-01"));
    assert_eq!(read.signer, KEY.public());
    assert_eq!(read.tables, [(TableName::Holds, holds().as_str())]);
    let hold = read.knowledge.hold(99_999_999).unwrap();
    assert_eq!(&*hold.affected, "A printer driver");
    assert_eq!(read.knowledge.hold(40_667_045), None, "the table is whole");
    assert_eq!(
        read.knowledge.releases(),
        Knowledge::built_in().releases(),
        "what the pack lacks is what came with the program"
    );
}

#[test]
fn a_pack_of_all_built_in_tables_fits_many_times_over() {
    let all = TableName::ALL.iter().map(|name| (*name, name.built_in()));
    let draft = Draft {
        version: "1",
        dated: newest(Knowledge::built_in()),
        tables: all.collect(),
    };
    let bytes = draft.sign(&KEY).unwrap();
    assert!(bytes.len() * 20 < MAX_BYTES, "{}", bytes.len());
    let read = Pack::verify(&bytes, &trusted()).unwrap();
    assert_eq!(read.knowledge.about(), Knowledge::built_in().about());
}

#[test]
fn each_refusal_says_what_is_wrong() {
    let whole = pack();
    let text = String::from_utf8(whole.clone()).unwrap();
    for (bytes, expected) in [
        (b"PK\x03\x04".to_vec(), "no knowledge pack"),
        (Vec::new(), "no knowledge pack"),
        (vec![b'x'; MAX_BYTES + 1], "more than 8388608 bytes"),
        (text.replace('\n', "\r\n").into_bytes(), "line ends"),
        (
            text.replacen("knowledge 1", "knowledge 2", 1).into_bytes(),
            "version \"2\" of the format",
        ),
        (whole[..whole.len() - 1].to_vec(), "cut off or changed"),
        ([&whole[..], b"\n"].concat(), "cut off or changed"),
        (
            text.replace("printer", "plotter").into_bytes(),
            "signature is wrong",
        ),
        (
            text.replace("2096-12-01", "2097-12-01").into_bytes(),
            "signature is wrong",
        ),
        (
            text.replace("2026.12\n", "2036.12\n").into_bytes(),
            "signature is wrong",
        ),
    ] {
        let said = refused(&bytes);
        assert!(said.contains(expected), "{said:?} lacks {expected:?}");
    }
}

#[test]
fn what_is_signed_and_still_wrong_is_refused_with_the_line() {
    let row = "99999999\tA printer";
    type Change = fn(String) -> String;
    let cases: [(Change, &str); 8] = [
        (
            |body| body.replace("version 2026.12", "version "),
            "line 2 of it is wrong: a version has",
        ),
        (
            |body| body.replace("dated 2096-12-01\nkey", "dated 2096-13-01\nkey"),
            "line 3 of it is wrong",
        ),
        (
            |body| body.replace("key ed25519:", "key rsa:"),
            "line 4 of it is wrong",
        ),
        (
            |body| body.replace("table safe", "table ../safe"),
            "line 5 of it is wrong",
        ),
        (
            |body| {
                let line = body.lines().nth(4).unwrap().to_owned();
                body.replace(&line, &format!("{line}\n{line}"))
            },
            "stands in it twice",
        ),
        (
            |body| body.replace("holds.tsv ", "holds.tsv 0"),
            "line 5 of it is wrong",
        ),
        (
            |body| body.replace("99999999\tA", "9999999x\tA"),
            "safeguard-holds.tsv, line 3: \"9999999x\"",
        ),
        (
            |body| body.replace("# dated 2096-12-01", "# dated 2096-99-01"),
            "safeguard-holds.tsv, line 1: ",
        ),
    ];
    assert!(holds().contains(row));
    for (change, expected) in cases {
        let said = refused(&signed_after(change));
        assert!(said.contains(expected), "{said:?} lacks {expected:?}");
    }
}

#[test]
fn a_table_of_a_later_version_is_left_out_and_named() {
    let bytes = signed_after(|body| {
        let (head, tables) = body.split_once("\n\n").unwrap();
        format!("{head}\ntable later.tsv 5\n\n{tables}later")
    });
    let read = Pack::verify(&bytes, &trusted()).unwrap();
    assert_eq!(read.unknown, ["later.tsv"]);
    assert!(read.knowledge.hold(99_999_999).is_some());
}

#[test]
fn a_stranger_is_refused_by_name_and_a_damaged_pack_recommends_nobody() {
    let stranger = SigningKey::generate().0;
    let bytes = draft(&holds()).sign(&stranger).unwrap();
    let said = refused(&bytes);
    assert!(said.contains(&stranger.public().to_string()), "{said}");
    assert!(said.contains("trusted_keys"), "{said}");
    let mut damaged = bytes;
    let last = damaged.len() - TRAILER_BYTES - 2;
    damaged[last] ^= 1;
    let said = refused(&damaged);
    assert!(!said.contains("trusted_keys"), "{said}");
    // Another's name on it does not make it theirs.
    let text = String::from_utf8(draft(&holds()).sign(&stranger).unwrap()).unwrap();
    let renamed = text.replace(&stranger.public().to_string(), &KEY.public().to_string());
    assert!(refused(renamed.as_bytes()).contains("signature is wrong"));
}

#[test]
fn a_key_survives_its_file_and_has_one_spelling() {
    let (key, pem) = SigningKey::generate();
    assert_eq!(SigningKey::from_pem(&pem).unwrap().public(), key.public());
    let text = key.public().to_string();
    assert_eq!(text.parse(), Ok(key.public()));
    for bad in [
        "",
        "ed25519:",
        &text[..text.len() - 1],
        &format!("{text}="),
        &text[8..],
    ] {
        assert!(bad.parse::<PublicKey>().is_err(), "{bad}");
    }
    // As `openssl genpkey -algorithm ed25519` writes it (the key of RFC 8032, test 1).
    let openssl = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let key = SigningKey::from_pem(openssl).unwrap();
    assert_eq!(
        key.public().to_string(),
        "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    );
    assert!(SigningKey::from_pem("no key").is_err());
    let settings = ["ed25519:nonsense".to_owned()];
    assert!(TrustedKeys::read(&settings).is_err());
}

/// A kept pack. What stands beside its bytes is made up.
fn kept(bytes: Vec<u8>) -> ImportedPack {
    ImportedPack {
        mark: PackMark {
            version: "made up".to_owned(),
            dated: "2099-01-01".to_owned(),
            imported_at: Time::from_millis(5),
            imported_by: "operator".to_owned(),
        },
        bytes,
    }
}

#[test]
fn what_is_kept_is_verified_again_and_what_stands_beside_it_is_not_believed() {
    let known = InForce::of(kept(pack()), &trusted());
    assert_eq!(known.knowledge.version(), "2026.12");
    assert_eq!(known.dated(), "2096-12-01");
    let now = Time::parse("2096-12-31T12:00:00Z").unwrap();
    let about = known.about(now);
    assert_eq!((about.version.as_str(), about.age_days), ("2026.12", 30));
    assert!(!about.is_old() && about.refused.is_none());
    assert_eq!(about.overtaken().count(), 0);
    let own = about.tables.iter().filter(|table| table.imported);
    assert_eq!(
        own.map(|table| table.name).collect::<Vec<_>>(),
        [TableName::Holds]
    );
    assert!(known.about(now.plus_days(31)).is_old());

    for (bytes, keys, expected) in [
        (pack(), TrustedKeys::default(), "trusted_keys"),
        (b"something else".to_vec(), trusted(), "no knowledge pack"),
    ] {
        let known = InForce::of(kept(bytes), &keys);
        assert!(Arc::ptr_eq(&known.knowledge, Knowledge::built_in()));
        let about = known.about(now);
        assert_eq!(about.source, Source::BuiltIn);
        let (mark, reason) = about.refused.unwrap();
        assert_eq!(mark.imported_by, "operator");
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn a_pack_that_the_program_has_overtaken_is_told() {
    let table = holds().replace("2096-12-01", "2020-01-01");
    let old = Draft {
        dated: "2020-01-01",
        ..draft(&table)
    };
    let known = InForce::of(kept(old.sign(&KEY).unwrap()), &trusted());
    let about = known.about(Time::parse("2020-01-01T00:00:00Z").unwrap());
    let overtaken: Vec<TableName> = about.overtaken().map(|table| table.name).collect();
    assert_eq!(overtaken, [TableName::Holds], "and no other");
    assert_eq!(about.age_days, 0);
}

proptest! {
    #[test]
    fn any_flipped_bit_is_refused(place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = pack();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        prop_assert!(Pack::verify(&bytes, &trusted()).is_err(), "bit {bit} of byte {place}");
    }

    #[test]
    fn any_part_of_a_pack_is_refused(cut in any::<prop::sample::Index>()) {
        let bytes = pack();
        let cut = cut.index(bytes.len());
        prop_assert!(Pack::verify(&bytes[..cut], &trusted()).is_err());
        prop_assert!(Pack::verify(&bytes[cut + 1..], &trusted()).is_err());
    }

    /// Whatever a trusted key signed: a head whose lines and lengths are nearly right, and tables of anything.
    #[test]
    fn what_verifies_is_what_was_signed_and_nothing_breaks(
        version in "[ -~]{0,70}",
        dated in prop_oneof![Just("2096-12-01".to_owned()), "[0-9-]{8,12}"],
        tables in prop::collection::vec((
            prop_oneof![prop::sample::select(TableName::ALL).prop_map(|n| n.file().to_owned()), "[a-z./]{0,12}"],
            prop_oneof![Just(holds().into_bytes()), any::<Vec<u8>>(), Just(Vec::new())],
            prop_oneof![9 => Just(0_i64), 1 => -3..4_i64, 1 => any::<i64>()],
        ), 0..4),
        extra in "[ -~\n]{0,20}",
        head_extra in any::<bool>(),
    ) {
        let mut bytes = format!("{FORMAT} {FORMAT_VERSION}\nversion {version}\ndated {dated}\nkey {}\n", KEY.public());
        for (file, table, off) in &tables {
            let length = i64::try_from(table.len()).unwrap().wrapping_add(*off);
            bytes.extend(["table ", file, " ", &length.to_string(), "\n"]);
        }
        if head_extra {
            bytes.push_str(&extra);
        }
        bytes.push('\n');
        let mut bytes = bytes.into_bytes();
        for (_, table, _) in &tables {
            bytes.extend(table);
        }
        let signature = signature_to_text(&KEY.sign(&bytes));
        bytes.extend(format!("{SIGNATURE}{signature}\n").into_bytes());
        if let Ok(read) = Pack::verify(&bytes, &trusted()) {
            prop_assert_eq!(read.version, version.as_str());
            prop_assert_eq!(read.dated, dated.as_str());
            for (name, text) in &read.tables {
                let own = tables.iter().find(|(file, ..)| file == name.file());
                prop_assert_eq!(text.as_bytes(), own.unwrap().1.as_slice());
            }
            prop_assert_eq!(read.tables.len() + read.unknown.len(), tables.len());
        }
    }

    #[test]
    fn bytes_from_anywhere_are_refused_and_harm_nothing(head in "(sickbay-knowledge 1\n)?(version .{0,9}\n)?.{0,80}", rest in any::<Vec<u8>>()) {
        let bytes = [head.into_bytes(), rest].concat();
        prop_assert!(Pack::verify(&bytes, &trusted()).is_err());
    }

    #[test]
    fn what_is_signed_verifies_and_holds_every_row(ids in prop::collection::btree_set(10_000_000..99_999_999_u32, 0..20), version in "[!-~]([ -~]{0,20}[!-~])?") {
        let mut table = holds();
        table.extend(ids.iter().map(|id| format!("{id}\tÜber {id}\n")));
        let bytes = Draft { version: &version, ..draft(&table) }.sign(&KEY).unwrap();
        let read = Pack::verify(&bytes, &trusted()).unwrap();
        prop_assert_eq!(read.version, version.as_str());
        prop_assert!(ids.iter().all(|id| read.knowledge.hold(*id).is_some()));
    }
}
