//! Error codes, searched and explained.

use sickbay_web::Nav;
use sickbay_web::pages::error_codes::{
    AreaLine, CodeLine, CodeStory, ErrorCodesPage, MessageStory,
};

use super::Sample;

impl Sample<'_> {
    fn code_line(&self, code: &str, name: &str) -> CodeLine {
        CodeLine {
            code: self.say(code),
            name: self.say(name),
            area: self.say("WU protocol"),
            meaning: self.say("Proxy or server name cannot be resolved"),
            fix: self.say("Fix DNS for the WSUS name and for the proxy name."),
        }
    }

    fn form(&self, name: &str, text: &str) -> (String, String) {
        (self.say(name), self.say(text))
    }

    /// Nothing was asked.
    pub(crate) fn error_codes(&self) -> ErrorCodesPage {
        ErrorCodesPage {
            chrome: self.chrome("Error codes", Some(Nav::ErrorCodes)),
            question: String::new(),
            trouble: None,
            message: None,
            stories: Vec::new(),
            found: Vec::new(),
            total: 0,
            areas: vec![
                AreaLine {
                    name: self.say("CBS"),
                    codes: 116,
                },
                AreaLine {
                    name: self.say("WU protocol"),
                    codes: 77,
                },
            ],
            known: 957,
            dated: self.say("2026-11-20"),
        }
    }

    /// A message with two codes, of which the table lacks one, and words that other codes have.
    pub(crate) fn error_codes_found(&self) -> ErrorCodesPage {
        ErrorCodesPage {
            question: self.say("Failed to connect to Mux: 0x8024402C and 0x80244FF0"),
            message: Some(MessageStory {
                name: self.say("Failed to connect to Mux"),
                meaning: self.say("No part of Windows Update is known to write this message."),
                fix: self.say("Go by the code beside it."),
            }),
            stories: vec![
                CodeStory {
                    code: self.say("0x8024402C"),
                    taken_as: Some(self.say("It is taken for this code")),
                    entry: Some(self.code_line("0x8024402C", "WU_E_PT_WINHTTP_NAME_NOT_RESOLVED")),
                    family: self.say("Windows Update agent: the Windows Update agent reports it"),
                    is_known: true,
                    hint: self.say("Read WindowsUpdate.log."),
                    nearest: None,
                    forms: vec![
                        self.form("hexadecimal", "0x8024402C"),
                        self.form("signed decimal", "-2145107924"),
                    ],
                },
                CodeStory {
                    code: self.say("0x80244FF0"),
                    family: self.say("Windows Update agent: the Windows Update agent reports it"),
                    is_known: true,
                    hint: self.say("Read WindowsUpdate.log."),
                    nearest: Some(self.code_line("0x80244FFF", "WU_E_PT_UNEXPECTED")),
                    forms: vec![self.form("hexadecimal", "0x80244FF0")],
                    ..CodeStory::default()
                },
            ],
            found: vec![
                self.code_line("0x8024402D", "WU_E_PT_NEXT"),
                self.code_line("0x8024402E", "WU_E_PT_OTHER"),
            ],
            total: 1234,
            areas: Vec::new(),
            ..self.error_codes()
        }
    }

    /// A question that is too long.
    pub(crate) fn error_codes_too_long(&self) -> ErrorCodesPage {
        ErrorCodesPage {
            question: self.say(&"log ".repeat(200)),
            trouble: Some(
                self.say("The question has 800 characters, and at most 500 are looked at."),
            ),
            ..self.error_codes()
        }
    }
}
