#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

/// As Windows PowerShell writes it.
const AD: &str = "#TYPE Microsoft.ActiveDirectory.Management.ADComputer\r\n\
    \"DistinguishedName\",\"DNSHostName\",\"Enabled\",\"Name\",\"ObjectClass\",\"OperatingSystem\"\r\n\
    \"CN=PC-1,OU=Büro,DC=corp,DC=example,DC=org\",\"pc-1.corp.example.org\",\"True\",\"PC-1\",\"computer\",\"Windows 11 Enterprise\"\r\n\
    \"CN=PC-2,CN=Computers,DC=corp,DC=example,DC=org\",,\"True\",\"PC-2\",\"computer\",\r\n\
    \"CN=OLD,OU=Büro,DC=corp,DC=example,DC=org\",\"old.corp.example.org\",\"False\",\"OLD\",\"computer\",\"Windows 7\"\r\n";

fn rows(list: &MachineFile) -> Vec<[&str; 4]> {
    let machines = list.machines.iter();
    machines
        .map(|m| [m.name.as_str(), &*m.domain, &*m.ou, &*m.operating_system])
        .collect()
}

fn refused(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

fn utf16(text: &str, mark: [u8; 2], unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(unit);
    mark.into_iter().chain(units).collect()
}

#[test]
fn a_list_of_active_directory_is_read_in_every_form_that_windows_writes() {
    let forms = [
        AD.as_bytes().to_vec(),
        format!("\u{feff}{AD}").into_bytes(),
        utf16(AD, [0xff, 0xfe], u16::to_le_bytes),
        utf16(AD, [0xfe, 0xff], u16::to_be_bytes),
    ];
    for (place, form) in forms.iter().enumerate() {
        let list = read(&form[..]).unwrap();
        assert_eq!(
            rows(&list),
            [
                [
                    "pc-1",
                    "corp.example.org",
                    "OU=Büro,DC=corp,DC=example,DC=org",
                    "Windows 11 Enterprise"
                ],
                [
                    "PC-2",
                    "corp.example.org",
                    "CN=Computers,DC=corp,DC=example,DC=org",
                    ""
                ],
            ],
            "form {place}"
        );
        assert_eq!(list.disabled, 1, "form {place}");
    }
}

#[test]
fn plain_columns_come_in_any_order_case_and_separator() {
    let expected = [["pc-1", "corp.example", "Lab, Berlin", ""]];
    for text in [
        "name,domain,ou\npc-1,corp.example,\"Lab, Berlin\"\n",
        "OU;NAME;Domain\nLab, Berlin;pc-1;corp.example",
        "Domain\tOu\tName\r\ncorp.example\tLab, Berlin\tpc-1\r\n",
        "sep=;\r\n\"Name\";\"OU\"\r\npc-1.corp.example;Lab, Berlin",
        "\n\nname,ou,\"a;b;c;d\"\n pc-1.corp.example ,\"Lab, Berlin\",x",
    ] {
        assert_eq!(rows(&read(text.as_bytes()).unwrap()), expected, "{text}");
    }
    assert_eq!(rows(&read(&b"name\na\nb\n"[..]).unwrap()).len(), 2);
}

#[test]
fn a_domain_is_that_of_the_row_or_of_the_name_or_of_the_directory() {
    let text = "name,dnshostname,domain,distinguishedname\n\
        a,a.dns.example,own.example,\"CN=a,DC=ad,DC=example\"\n\
        a,a.dns.example,,\"CN=a,DC=ad,DC=example\"\n\
        a,,,\"CN=a,DC=ad,DC=example\"\n\
        a,,,\n";
    let list = read(text.as_bytes()).unwrap();
    let domains: Vec<&str> = rows(&list).iter().map(|row| row[1]).collect();
    assert_eq!(domains, ["own.example", "dns.example", "ad.example", ""]);
}

#[test]
fn a_row_that_cannot_be_understood_names_line_column_and_what_to_do() {
    let long = "n".repeat(10_240);
    for (text, parts) in [
        ("name\na\n\n,\n".to_owned(), ["line 4", "2 cells", "quotes"]),
        (
            "name,ou\na,b\n ,c\n".to_owned(),
            ["line 3", "column name", "remove the line"],
        ),
        (
            format!("Name\na\n{long}\n"),
            ["line 3", "column Name", "255 are the most"],
        ),
        (
            format!("#TYPE x\r\nName,OU\r\na,{long}\r\n"),
            ["line 3", "column OU", "1024 are the most"],
        ),
        (
            "Name,Enabled\na,True\nb,maybe\n".to_owned(),
            ["line 3", "column Enabled", "True or False"],
        ),
        (
            "Name\na\u{7}b\n".to_owned(),
            ["line 2", "column Name", "control character"],
        ),
        (
            "Name\n\"a\nb\"\n".to_owned(),
            ["line 2", "column Name", "line break"],
        ),
        (
            "N\0a\0m\0e\0".to_owned(),
            ["Name", "DNSHostName", "Export-Csv"],
        ),
        (String::new(), ["first line", "Name", "Export-Csv"]),
        (
            "a,b\n1,2\n".to_owned(),
            ["first line", "Name", "DNSHostName"],
        ),
        (
            "name,Name\na,b\n".to_owned(),
            ["two columns", "Name", "remove one"],
        ),
        (
            format!("{}\n", "x".repeat(70_000)),
            ["first line", "65536", "line of its own"],
        ),
    ] {
        let said = refused(&text);
        for part in parts {
            assert!(said.contains(part), "{part:?} is not said: {said}");
        }
        assert!(said.len() < 400, "{said}");
    }
    let said = read(&b"Name\nB\xfcro\n"[..]).unwrap_err().to_string();
    assert!(said.contains("line 2") && said.contains("UTF8"), "{said}");
    let hostile = refused(&format!("name,enabled\x1b[2J{}\nx", "y".repeat(9_000)));
    assert!(!hostile.contains('\x1b'), "{hostile}");
}

#[test]
fn what_looks_like_a_formula_or_markup_is_only_a_text() {
    let text = "name,ou\n=HYPERLINK(1),<script>\n\"'; DROP TABLE device; --\",@SUM\n";
    let list = read(text.as_bytes()).unwrap();
    assert_eq!(
        rows(&list),
        [
            ["=HYPERLINK(1)", "", "<script>", ""],
            ["'; DROP TABLE device; --", "", "@SUM", ""],
        ]
    );
}

#[test]
fn more_machines_than_are_taken_are_refused() {
    let text = format!("name\n{}", "a\n".repeat(MACHINES + 1));
    assert!(matches!(read(text.as_bytes()), Err(ListError::TooMany)));
}

/// Gives few bytes at a time, so that letters and pairs are cut anywhere.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let some = self.1.min(into.len());
        self.0.read(&mut into[..some])
    }
}

#[test]
fn a_letter_that_is_cut_anywhere_stays_whole() {
    let names: Vec<String> = (0..9_000)
        .map(|n| format!("{}😀Ä", "x".repeat(n % 5)))
        .collect();
    let text = format!("name\n{}", names.join("\n"));
    for form in [
        text.clone().into_bytes(),
        utf16(&text, [0xff, 0xfe], u16::to_le_bytes),
    ] {
        for step in [1, 3, 4_096] {
            let list = read(Slow(&form, step)).unwrap();
            let found: Vec<&str> = rows(&list).iter().map(|row| row[0]).collect();
            assert_eq!(found, names, "{step}");
        }
    }
}
