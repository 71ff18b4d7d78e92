use proptest::prelude::*;

use super::super::reg_write::write_reg;
use super::*;

const V5: &str = "Windows Registry Editor Version 5.00\r\n\r\n";

fn read(text: &str) -> (Registry, RegFileRead) {
    let mut registry = Registry::new();
    let read = read_reg("test.reg", text.as_bytes(), &mut registry);
    (registry, read)
}

/// The data of value `v` in a version 5 file, which must be read without a problem.
fn data(assignment: &str) -> Data {
    let (registry, read) = read(&format!(
        "{V5}[HKEY_LOCAL_MACHINE\\SOFTWARE]\r\n\"v\"={assignment}\r\n"
    ));
    assert_eq!(read.problems, []);
    registry
        .value(r"HKLM\SOFTWARE", "v")
        .expect("the value was read")
        .clone()
}

fn reasons(read: &RegFileRead) -> Vec<(Option<usize>, &str)> {
    read.problems
        .iter()
        .map(|problem| (problem.line, problem.reason.as_str()))
        .collect()
}

#[test]
fn every_value_type_is_read() {
    assert_eq!(data("dword:0000013e"), Data::Dword(318));
    assert_eq!(data("dword:FF ; a comment"), Data::Dword(255));
    assert_eq!(data(r#""C:\\a \"b\"""#), Data::Text(r#"C:\a "b""#.into()));
    assert_eq!(
        data("\"two\r\nlines\" ; c"),
        Data::Text("two\r\nlines".into())
    );
    assert_eq!(data("hex:01,ab"), Data::Binary(vec![1, 0xab]));
    assert_eq!(data("hex:"), Data::Binary(vec![]));
    assert_eq!(data("hex(1):61,00,00,00"), Data::Text("a".into()));
    assert_eq!(
        data("hex(2):25,00,61,00,25,00,00,00"),
        Data::ExpandText("%a%".into())
    );
    assert_eq!(
        data("hex(7):61,00,00,\\\r\n  ; between\r\n  00,62,00,00,00,\\\r\n  00,00"),
        Data::MultiText(vec!["a".into(), "b".into()])
    );
    assert_eq!(
        data("hex(7):00,00,00,00"),
        Data::MultiText(vec![String::new()])
    );
    assert_eq!(data("hex(4):01,00,00,00"), Data::Dword(1));
    assert_eq!(
        data("hex(b):80,4b,0d,c9,a9,d5,d7,01"),
        Data::Qword(0x01d7_d5a9_c90d_4b80)
    );
    for (kind, form) in [
        (0, "hex(0):01"),
        (5, "hex(5):01"),
        (0xffff_0012, "hex(ffff0012):01"),
    ] {
        assert_eq!(
            data(form),
            Data::Other {
                kind,
                bytes: vec![1]
            }
        );
    }
}

#[test]
fn default_values_deletions_and_comments_are_understood() {
    let (registry, read) = read(&format!(
        "{V5}; a comment\n  [HKLM\\SOFTWARE\\A]\n@=\"default\"\n\"gone\"=dword:1\n\"gone\"=-\n\n\
         [HKEY_LOCAL_MACHINE\\SOFTWARE\\B\\C]\n[-HKEY_LOCAL_MACHINE\\SOFTWARE\\B] ; with all below\n\"lost\"=dword:1\n"
    ));
    assert_eq!(
        read.problems,
        [],
        "values under a deleted key are no problem"
    );
    assert_eq!(
        registry.value(r"HKLM\SOFTWARE\A", ""),
        Some(&Data::Text("default".into()))
    );
    assert_eq!(registry.value(r"HKLM\SOFTWARE\A", "gone"), None);
    assert!(!registry.has_key(r"HKLM\SOFTWARE\B"));
}

#[test]
fn regedit4_texts_are_ansi() {
    let text =
        b"REGEDIT4\n[HKEY_LOCAL_MACHINE\\SOFTWARE]\n\"v\"=hex(2):4d,fc,00\n\"w\"=\"M\xfcller\"\n";
    let mut registry = Registry::new();
    let read = read_reg("old.reg", text, &mut registry);
    assert_eq!(read.problems, []);
    assert_eq!(
        registry.value(r"HKLM\SOFTWARE", "v"),
        Some(&Data::ExpandText("Mü".into()))
    );
    assert_eq!(
        registry.value(r"HKLM\SOFTWARE", "w"),
        Some(&Data::Text("Müller".into()))
    );
}

#[test]
fn a_malformed_line_names_file_line_and_reason_and_the_rest_is_kept() {
    let (registry, read) = read(
        "Windows Registry Editor Version 5.00\n\
         \"early\"=dword:1\n\
         [HKEY_LOCAL_MACHINE\\SOFTWARE\\A]\n\
         \"long\"=dword:123456789\n\
         \"bad\"=hex:01,\\\n  0x,02\n\
         \"open\"=\"no end\n\
         \"good\"=dword:00000001\n\
         nonsense\n\
         \"junk\"=\"a\" b\n\
         \"form\"=qword:1\n\
         \"none\"=\n\
         \"bare\"\n\
         [HKEY_FOO\\BAR]\n\"under\"=dword:1\n\
         [HKEY_LOCAL_MACHINE\\SOFTWARE\\B\n\
         [HKEY_LOCAL_MACHINE\\SOFTWARE\\C]\n\"last\"=dword:2\n\"cut\"=hex:00,\\\n",
    );
    assert_eq!(
        reasons(&read),
        [
            (Some(2), "a value stands before any key"),
            (
                Some(4),
                "dword \"123456789\" is not one to eight hexadecimal digits"
            ),
            (Some(5), "\"0x\" is no byte in hexadecimal"),
            (Some(7), "something follows where the line should end"),
            (Some(9), "this is neither a key, a value nor a comment"),
            (Some(10), "something follows where the line should end"),
            (Some(11), "\"qword\" is no form of data"),
            (Some(12), "the value has no data"),
            (Some(13), "the name of the value is not followed by ="),
            (Some(14), "\"HKEY_FOO\" is no root of the registry"),
            (Some(16), "the name of the key has no closing bracket"),
            (Some(19), "the data is cut off: a continued line is missing"),
        ]
    );
    assert_eq!(
        read.problems[0].to_string(),
        "test.reg:2: a value stands before any key"
    );
    assert_eq!(
        registry.value(r"HKLM\SOFTWARE\A", "good"),
        Some(&Data::Dword(1))
    );
    assert_eq!(
        registry.value(r"HKLM\SOFTWARE\C", "last"),
        Some(&Data::Dword(2))
    );
    assert_eq!(
        registry.values(r"HKLM\SOFTWARE\A").map(Iterator::count),
        Some(1)
    );
}

#[test]
fn a_needless_backslash_is_reported_and_kept() {
    let (registry, read) = read(&format!(
        "{V5}[HKEY_LOCAL_MACHINE\\SOFTWARE]\n\"p\"=\"C:\\new\"\n"
    ));
    assert_eq!(
        registry.value(r"HKLM\SOFTWARE", "p"),
        Some(&Data::Text(r"C:\new".into()))
    );
    assert_eq!(read.problems.len(), 1);
    assert_eq!(read.problems[0].line, Some(4));
}

#[test]
fn limits_hold_and_the_rest_is_kept() {
    let name = "n".repeat(MAX_NAME_CHARS + 1);
    let long = "00,".repeat(MAX_VALUE_BYTES + 1);
    let deep = r"\k".repeat(MAX_DEPTH);
    let (registry, read) = read(&format!(
        "{V5}[HKEY_LOCAL_MACHINE\\SOFTWARE]\n\"{name}\"=dword:1\n\"v\"=hex:{long}\n[HKEY_LOCAL_MACHINE{deep}]\n\
         [HKEY_LOCAL_MACHINE\\SOFTWARE]\n\"good\"=dword:1\n"
    ));
    let lines: Vec<_> = read.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [Some(4), Some(5), Some(6)]);
    assert_eq!(
        registry.values(r"HKLM\SOFTWARE").map(Iterator::count),
        Some(1)
    );
}

#[test]
fn a_file_full_of_rubbish_gives_a_bounded_list() {
    let (_, read) = read(&format!("{V5}{}", "x\n".repeat(MAX_PROBLEMS + 5)));
    assert_eq!(read.problems.len(), MAX_PROBLEMS + 1);
    assert_eq!(
        read.problems[MAX_PROBLEMS].reason,
        "5 further problems are not listed"
    );
}

#[test]
fn a_file_without_header_is_read_and_said_to_be_none() {
    let (registry, read) = read("[HKEY_LOCAL_MACHINE\\SOFTWARE]\n\"v\"=dword:1\n");
    assert!(!read.has_header);
    assert_eq!(read.problems.len(), 1);
    assert_eq!(registry.value(r"HKLM\SOFTWARE", "v"), Some(&Data::Dword(1)));
}

fn any_text() -> impl Strategy<Value = String> {
    // What breaks readers: quotes, backslashes, line breaks, brackets, and anything else but NUL, which ends a text.
    prop_oneof![
        r#"[a-zA-Z0-9 \\"\[\];=,@\r\n-]{0,12}"#,
        any::<String>().prop_map(|s| s.replace('\0', " ")),
    ]
}

fn any_data() -> impl Strategy<Value = Data> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..12);
    prop_oneof![
        any::<u32>().prop_map(Data::Dword),
        any::<u64>().prop_map(Data::Qword),
        any_text().prop_map(Data::Text),
        any_text().prop_map(Data::ExpandText),
        proptest::collection::vec(any_text(), 0..4).prop_map(Data::MultiText),
        bytes().prop_map(Data::Binary),
        (
            prop_oneof![Just(0), Just(5), Just(6), 8_u32..11, 12_u32..],
            bytes()
        )
            .prop_map(|(kind, bytes)| Data::Other { kind, bytes }),
    ]
}

prop_compose! {
    fn any_registry()(
        entries in proptest::collection::vec(
            (
                prop_oneof![Just("HKLM"), Just("HKU"), Just("HKCU")],
                proptest::collection::vec(any_text().prop_map(|s| s.replace('\\', "/")), 1..4),
                proptest::option::of((any_text(), any_data())),
            ),
            0..8,
        )
    ) -> Registry {
        let mut registry = Registry::new();
        for (root, path, value) in entries {
            let key = format!(r"{root}\{}", path.join("\\"));
            match value {
                Some((name, data)) => registry.set_value(&key, &name, data),
                None => registry.create_key(&key),
            }
        }
        registry
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_the_same(registry in any_registry()) {
        let mut back = Registry::new();
        let read = read_reg("written.reg", &write_reg(&registry), &mut back);
        prop_assert_eq!(read.problems, []);
        prop_assert_eq!(back, registry);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_reg("any.reg", &bytes, &mut Registry::new());
    }

    #[test]
    fn no_text_of_reg_like_pieces_makes_the_reader_panic(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("[HKEY_LOCAL_MACHINE\\S"), Just("]"), Just("\n"), Just("\r\n"), Just("\"a\""), Just("="), Just("hex("),
                Just("7)"), Just(":"), Just("00,"), Just("\\\n"), Just("\\"), Just("\""), Just("-"), Just("@"), Just(";"),
                Just("dword:"), Just("ffffffff"), Just("ü"), Just("\0"),
            ],
            0..60,
        )
    ) {
        read_reg("pieces.reg", format!("{V5}{}", pieces.concat()).as_bytes(), &mut Registry::new());
    }
}
