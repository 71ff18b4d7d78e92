//! What can be said of an error code that somebody has in front of them: in any written form, by its name, or inside of a longer text.

use serde_json::{Value, json};

use super::{ErrorCode, Knowledge};
use crate::error_code::network::NetworkFailure;
use crate::error_code::{
    CODES_OF_A_TEXT, Family, Form, KnownMessage, Meant, forms, mentioned, spelled,
};

/// What can be said of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation<'k> {
    /// The message, where it is known by its words.
    pub message: Option<&'static KnownMessage>,
    /// The codes that it is or mentions, each once.
    pub codes: Vec<Explained<'k>>,
}

/// What can be said of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained<'k> {
    /// The code.
    pub number: u32,
    /// What the text was taken for, where it could be something else.
    pub taken_as: Option<String>,
    /// What the table knows of it.
    pub known: Option<&'k ErrorCode>,
    /// What its number says by itself.
    pub family: Family,
    /// What kind of failure of the network it is, where it is one.
    pub network: Option<NetworkFailure>,
    /// Where the table lacks it: the code closest to it, where such codes are usually about the same thing.
    pub nearest: Option<&'k ErrorCode>,
}

impl Explanation<'_> {
    /// Whether anything is known: a message, or a code by the table or its family.
    pub fn is_known(&self) -> bool {
        self.message.is_some() || self.codes.iter().any(Explained::is_known)
    }

    /// The object that `sickbay-collector explain-error --format json` prints.
    pub fn to_json(&self) -> Value {
        let message = self.message.map(|message| {
            json!({ "name": message.name, "meaning": message.meaning, "fix": message.fix })
        });
        let codes: Vec<Value> = self.codes.iter().map(Explained::to_json).collect();
        json!({ "message": message, "codes": codes })
    }
}

impl Explained<'_> {
    /// The code in its one spelling.
    pub fn spelled(&self) -> String {
        spelled(self.number)
    }

    /// Every written form of it.
    pub fn forms(&self) -> Vec<Form> {
        forms(self.number)
    }

    /// Whether the table has it, or its family is known.
    pub const fn is_known(&self) -> bool {
        self.known.is_some() || self.family.is_known
    }

    /// The object of this code, as the API tells it, too.
    pub fn to_json(&self) -> Value {
        let entry = |code: &ErrorCode| {
            json!({
                "code": spelled(code.code), "name": &*code.name, "area": &*code.area,
                "meaning": &*code.meaning, "fix": &*code.fix,
            })
        };
        let forms = self.forms();
        let forms = forms
            .iter()
            .map(|form| json!({ "name": form.name, "text": form.text }));
        json!({
            "code": self.spelled(),
            "taken_as": self.taken_as,
            "entry": self.known.map(entry),
            "family": {
                "name": self.family.name, "meaning": self.family.meaning, "hint": self.family.hint,
            },
            "network_failure": self.network.map(NetworkFailure::name),
            "nearest": self.nearest.map(entry),
            "forms": forms.collect::<Vec<_>>(),
        })
    }
}

impl Knowledge {
    /// Explains a text: a code in any written form, its symbolic name, a bare number of Winsock, WinHTTP, Win32 or HTTP, or whatever
    /// mentions such codes.
    pub fn explain(&self, text: &str) -> Explanation<'_> {
        if let Some(explained) = self.explain_code(text) {
            return Explanation {
                message: None,
                codes: vec![explained],
            };
        }
        if let Some(codes) = self.explain_each(text) {
            return Explanation {
                message: None,
                codes,
            };
        }
        let mentioned = mentioned(text, |name| Some(self.error_codes.named(name)?.code));
        Explanation {
            message: mentioned.message,
            codes: mentioned
                .codes
                .into_iter()
                .map(|meant| self.explain_meant(meant))
                .collect(),
        }
    }

    /// Explains a text that is one code as a whole, or its name; nothing where it is neither.
    pub fn explain_code(&self, text: &str) -> Option<Explained<'_>> {
        let by_name = || {
            let known = self.error_codes.named(text.trim())?;
            Some(Meant {
                code: known.code,
                taken_as: None,
            })
        };
        let meant = Meant::by(text).or_else(by_name)?;
        Some(self.explain_meant(meant))
    }

    /// Explains a text of which every word is a code by itself.
    fn explain_each(&self, text: &str) -> Option<Vec<Explained<'_>>> {
        let mut codes: Vec<Explained<'_>> = Vec::new();
        for word in text.split_whitespace() {
            let explained = self.explain_code(word)?;
            if codes.len() < CODES_OF_A_TEXT && codes.iter().all(|c| c.number != explained.number) {
                codes.push(explained);
            }
        }
        (!codes.is_empty()).then_some(codes)
    }

    fn explain_meant(&self, meant: Meant) -> Explained<'_> {
        let Meant { code, taken_as } = meant;
        let family = Family::of(code);
        let known = self.error_codes.wrapped_or_bare(code);
        let nearest = (known.is_none() && family.has_neighbours)
            .then(|| self.error_codes.nearest(code))
            .flatten();
        Explained {
            number: code,
            taken_as,
            known,
            network: NetworkFailure::of_wrapped(code),
            family,
            nearest,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use proptest::prelude::*;

    use super::super::FOUND_AT_MOST;
    use super::*;

    fn built_in() -> &'static Knowledge {
        Knowledge::built_in()
    }

    fn one(text: &str) -> Explained<'static> {
        let explained = built_in().explain(text).codes;
        assert_eq!(explained.len(), 1, "{text}: {explained:?}");
        explained.into_iter().next().unwrap()
    }

    /// Ways to write a code that [`forms`] does not tell, because nobody needs to write so.
    fn other_forms(code: u32) -> [String; 7] {
        [
            format!("0x{code:08x}"),
            format!("0X{code:08X}"),
            format!("{code:08x}"),
            format!("0x{code:08X}L"),
            format!("&H{code:08X}"),
            format!("({code:#010x})."),
            format!("[HRESULT = 0x{code:08x} - told by a log]"),
        ]
    }

    #[test]
    fn every_code_of_the_table_is_found_by_every_form_and_by_its_name() {
        let all = built_in().error_codes();
        assert!(all.len() >= 957, "{}", all.len());
        for row in all {
            let explained = one(&spelled(row.code));
            assert_eq!(explained.known, Some(row));
            let forms = explained.forms();
            assert!(forms.len() >= 3, "{forms:?}");
            let texts = forms.iter().map(|form| form.text.clone());
            for text in texts.chain(other_forms(row.code)) {
                let again = one(&text);
                assert_eq!((again.number, again.known), (row.code, Some(row)), "{text}");
            }
            let Some(symbol) = row.symbol() else { continue };
            for name in [
                symbol.to_owned(),
                symbol.to_lowercase(),
                format!("it says {symbol}."),
            ] {
                assert_eq!(one(&name).known, Some(row), "{name}");
            }
        }
    }

    #[test]
    fn signed_and_unsigned_decimals_are_among_the_forms_of_every_failure() {
        for row in built_in().error_codes() {
            let forms = one(&spelled(row.code)).forms();
            let texts: Vec<&str> = forms.iter().map(|form| form.text.as_str()).collect();
            assert!(texts.contains(&row.code.to_string().as_str()), "{forms:?}");
            if row.code & 0x8000_0000 != 0 {
                let signed = row.code.cast_signed().to_string();
                assert!(texts.contains(&signed.as_str()), "{forms:?}");
            }
        }
    }

    #[test]
    fn a_bare_number_is_told_with_the_meaning_of_its_wrapped_row() {
        let timeout = one("10060");
        assert_eq!(&*timeout.known.unwrap().name, "WSAETIMEDOUT");
        assert_eq!(timeout.network, Some(NetworkFailure::Timeout));
        assert!(timeout.taken_as.unwrap().contains("Winsock"));
        assert_eq!(
            &*one("404").known.unwrap().name,
            "BG_E_HTTP_ERROR_404",
            "as BITS has it"
        );
    }

    #[test]
    fn a_code_that_the_table_lacks_is_told_by_family_and_neighbour() {
        let unknown = one("0x8024402F");
        let known = unknown.known.or(unknown.nearest).unwrap();
        assert_eq!(&*known.area, "WU protocol");

        let lacking = (0x8024_4000..0x8024_5000)
            .find(|code| built_in().error_code(*code).is_none())
            .unwrap();
        let lacking = one(&spelled(lacking));
        assert_eq!(lacking.known, None);
        assert_eq!(lacking.family.name, "Windows Update agent");
        assert_eq!(&*lacking.nearest.unwrap().area, "WU protocol");

        let win32 = one("0x8007065D");
        assert_eq!((win32.known, win32.nearest), (None, None));
        assert!(win32.is_known());
        assert!(!one("0x8ABC0012").is_known());
    }

    #[test]
    fn the_message_about_mux_is_told_with_its_number() {
        let told =
            built_in().explain("Failed to connect to Mux due to network or cert errors: 12175");
        assert!(told.is_known() && told.message.is_some());
        assert_eq!(told.codes[0].network, Some(NetworkFailure::Certificate));
        let alone = built_in().explain("failed to connect to MUX");
        assert!(alone.is_known() && alone.codes.is_empty());
        let json = told.to_json();
        assert_eq!(json["codes"][0]["entry"]["area"], "WinHTTP");
        assert_eq!(json["codes"][0]["network_failure"], "certificate");
    }

    #[test]
    fn several_codes_side_by_side_are_told_each_even_bare_numbers() {
        let told = built_in().explain("404 10060, wu_e_no_service 404");
        let numbers: Vec<u32> = told.codes.iter().map(|code| code.number).collect();
        assert_eq!(numbers, [0x8019_0194, 0x8007_274C, 0x8024_0001]);
    }

    #[test]
    fn a_text_without_a_code_says_nothing() {
        for text in ["", "  ", "soon", "the update failed", "KB5034441"] {
            assert_eq!(built_in().explain(text), Explanation::default(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_form_of_every_number_is_read_as_the_same_number(number: u32) {
            let explained = one(&spelled(number));
            if number == 0 || number > 0xFFFF {
                prop_assert_eq!(explained.number, number);
            }
            for form in explained.forms() {
                prop_assert_eq!(one(&form.text).number, explained.number, "{:?}", form);
            }
        }

        #[test]
        fn small_numbers_too(number in 0_u32..0x2_0000) {
            let explained = one(&number.to_string());
            for form in explained.forms() {
                prop_assert_eq!(one(&form.text).number, explained.number, "{:?}", form);
            }
        }

    }

    proptest! {
        // A search goes through the whole table, which takes its time without optimisation.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn no_text_breaks_it(text in ".{0,300}") {
            let _ = built_in().explain(&text).to_json();
            prop_assert!(built_in().search_errors(&text).codes.len() <= FOUND_AT_MOST);
        }
    }
}
