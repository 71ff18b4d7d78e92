//! What a code's number says by itself: which part of Windows made it, and which number it wraps.
//!
//! This is how Windows makes numbers, not what a single code means. A number of no family that is known here is taken apart into
//! severity, facility and code, and nothing more is claimed of it.

use std::ops::RangeInclusive;

use super::network::NetworkFailure;
use super::number::{Kind, Number};
use super::spelled;

/// What a code's number says by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Its name, `WinHTTP`, or `unknown`.
    pub name: &'static str,
    /// What the number says.
    pub meaning: String,
    /// Where to look on.
    pub hint: &'static str,
    /// Whether a part of Windows was recognised.
    pub is_known: bool,
    /// Whether codes whose numbers are close to each other are about the same thing.
    pub has_neighbours: bool,
}

/// A facility whose codes are met where updates fail.
struct Facility {
    number: u32,
    name: &'static str,
    meaning: &'static str,
    hint: &'static str,
    has_neighbours: bool,
    /// Whether codes of it that tell a success are met, too: otherwise such a number is more likely none of Windows at all.
    tells_success: bool,
}

const HELPMSG: &str = "On a Windows machine `net helpmsg NUMBER` tells it in words.";
const NETWORK: &str = "Check name, port, proxy and certificate on the way to the update server; the facts of the check update_endpoint tell them where scans fail.";
const PROXY: &str = "Look at the machine's proxy: netsh winhttp show proxy.";
const CERTIFICATE: &str =
    "Check the clock, the root certificates, and whether something on the way breaks TLS open.";
const SETUP_LOGS: &str = "Read setuperr.log and setupact.log in $WINDOWS.~BT\\Sources\\Panther; SetupDiag.exe reads them for you.";

const FACILITIES: &[Facility] = &[
    Facility {
        number: 0x24,
        name: "Windows Update agent",
        meaning: "the Windows Update agent reports it",
        hint: "Get-WindowsUpdateLog: WindowsUpdate.log says around that time which step it was.",
        has_neighbours: true,
        tells_success: true,
    },
    Facility {
        number: 0xD0,
        name: "Delivery Optimization",
        meaning: "Delivery Optimization reports it, which downloads updates",
        hint: "Get-DeliveryOptimizationLog says more. Proxies and filters must let HTTP Range requests pass.",
        has_neighbours: true,
        tells_success: false,
    },
    Facility {
        number: 0x20,
        name: "BITS",
        meaning: "the Background Intelligent Transfer Service reports it",
        hint: "bitsadmin /list /allusers /verbose shows the job and its error.",
        has_neighbours: true,
        tells_success: true,
    },
    Facility {
        number: 0x0B,
        name: "Trust",
        meaning: "a certificate or a signature was not accepted",
        hint: CERTIFICATE,
        has_neighbours: true,
        tells_success: false,
    },
    Facility {
        number: 0x09,
        name: "Crypto",
        meaning: "cryptography, TLS or sign-in reports it",
        hint: CERTIFICATE,
        has_neighbours: true,
        tells_success: false,
    },
    Facility {
        number: 0x19,
        name: "HTTP",
        meaning: "an answer over HTTP was no good; the number is no status",
        hint: NETWORK,
        has_neighbours: false,
        tells_success: false,
    },
    Facility {
        number: 0x04,
        name: "COM, interface-specific",
        meaning: "only the program that returned it knows what it means",
        hint: "Look up which program or component reported it.",
        has_neighbours: false,
        tells_success: true,
    },
    Facility {
        number: 0x01,
        name: "RPC and COM",
        meaning: "the call between two programs failed",
        hint: "Check that the service which was called runs.",
        has_neighbours: false,
        tells_success: false,
    },
    Facility {
        number: 0x00,
        name: "COM",
        meaning: "a general failure, told by any component",
        hint: "Look for a more exact code beside it in the log.",
        has_neighbours: false,
        tells_success: false,
    },
    Facility {
        number: 0x03,
        name: "Structured storage",
        meaning: "reading or writing a structured file failed",
        hint: "Check the disk and the file that is named beside it.",
        has_neighbours: false,
        tells_success: false,
    },
    Facility {
        number: 0x0C,
        name: "Internet",
        meaning: "WinINet or a URL moniker reports it",
        hint: NETWORK,
        has_neighbours: false,
        tells_success: false,
    },
    Facility {
        number: 0x13,
        name: ".NET",
        meaning: "the .NET runtime reports it",
        hint: "Repair .NET, or look at the program that is written in it.",
        has_neighbours: false,
        tells_success: false,
    },
    Facility {
        number: 0x31,
        name: "BitLocker",
        meaning: "drive encryption reports it",
        hint: "manage-bde -status shows the volumes.",
        has_neighbours: false,
        tells_success: false,
    },
];

impl Family {
    /// The family of a code.
    pub fn of(code: u32) -> Self {
        if code == 0 {
            return Self::named("Success", "no error: it succeeded", "");
        }
        if let Some(number) = Number::in_code(code) {
            return of_number(number);
        }
        match code >> 24 {
            0xC0 => Self::named(
                "NTSTATUS",
                "a status of the Windows kernel or of a driver, as programs that crash also leave it",
                "Look up NTSTATUS values; where a program ended with it, the Application event log names program and module.",
            ),
            0xC1 => Self {
                has_neighbours: true,
                ..Self::named(
                    "Feature update setup",
                    "Windows Setup reports it while it installs a feature update",
                    SETUP_LOGS,
                )
            },
            0xD0 => {
                let wrapped = spelled(code & !0x1000_0000);
                let meaning = format!("wraps the NTSTATUS {wrapped}");
                Self::named("NTSTATUS", meaning, "Look up that NTSTATUS value.")
            }
            _ => of_facility(code),
        }
    }

    /// Name and meaning in one line, `CBS: component-based servicing reports it, ...`.
    pub fn told(&self) -> String {
        if self.meaning.starts_with(self.name) {
            self.meaning.clone()
        } else {
            format!("{}: {}", self.name, self.meaning)
        }
    }

    fn named(name: &'static str, meaning: impl Into<String>, hint: &'static str) -> Self {
        Self {
            name,
            meaning: meaning.into(),
            hint,
            is_known: true,
            has_neighbours: false,
        }
    }
}

fn of_number(number: Number) -> Family {
    let Number { kind, value } = number;
    let mut meaning = match kind {
        Kind::HttpStatus => format!("HTTP status {value}"),
        Kind::Win32 | Kind::Winsock | Kind::WinHttp => format!("{} error {value}", kind.name()),
    };
    let failure = NetworkFailure::of_wrapped(number.code());
    if kind == Kind::HttpStatus {
        meaning += ": ";
        meaning += of_status(value);
    } else if let Some(failure) = failure {
        meaning += ": ";
        meaning += failure.meaning();
    }
    let hint = match (kind, failure) {
        (Kind::Win32, _) => HELPMSG,
        (_, Some(NetworkFailure::Proxy)) => PROXY,
        (_, Some(NetworkFailure::Certificate)) => CERTIFICATE,
        (Kind::HttpStatus, _) if value >= 500 => {
            "Look at the update server itself and its log, or at the proxy in front of it."
        }
        _ => NETWORK,
    };
    Family::named(kind.name(), meaning, hint)
}

/// What a class of status says (RFC 9110); 407 apart, because the proxy gives it.
const fn of_status(status: u16) -> &'static str {
    match status {
        407 => "the proxy wants a sign-in",
        ..300 => "the answer was good, and what asked could not use it",
        300..400 => "it leads elsewhere, as a portal or a filter on the way does",
        500.. => "the server, or a proxy in front of it, fails",
        _ => "the server, or a proxy in front of it, refuses the request",
    }
}

fn of_facility(code: u32) -> Family {
    /// Customer, NTSTATUS and reserved bits: set, the rest is no number of a facility of Windows.
    const NOT_OF_WINDOWS: u32 = 0x7800_0000;
    /// These numbers of facility 15 are servicing's; below and above they are those of installing devices.
    const SERVICING: RangeInclusive<u32> = 0x800..=0xFFF;

    let (facility, number) = (code >> 16 & 0x7FF, code & 0xFFFF);
    let is_failure = code & 0x8000_0000 != 0;
    if code & NOT_OF_WINDOWS != 0 {
        return unknown(code, is_failure, facility, number);
    }
    let mut family = if facility == 0x0F && SERVICING.contains(&number) {
        Family {
            has_neighbours: true,
            ..Family::named(
                "CBS",
                "component-based servicing reports it, which installs updates",
                "Read %windir%\\Logs\\CBS\\CBS.log around that time: it names the package or component.",
            )
        }
    } else if facility == 0x0F && is_failure {
        Family::named(
            "Device setup",
            "the installation of a driver or device reports it",
            "Read %windir%\\INF\\setupapi.dev.log around that time.",
        )
    } else if let Some(known) = FACILITIES.iter().find(|f| f.number == facility)
        && (is_failure || known.tells_success)
    {
        Family {
            has_neighbours: known.has_neighbours,
            ..Family::named(known.name, known.meaning, known.hint)
        }
    } else {
        return unknown(code, is_failure, facility, number);
    };
    if !is_failure {
        family.meaning += "; the number says that it went well, perhaps with a remark";
    }
    family
}

fn unknown(code: u32, is_failure: bool, facility: u32, number: u32) -> Family {
    let severity = if is_failure { "failure" } else { "success" };
    Family {
        name: "unknown",
        meaning: format!(
            "of no family that is known here; taken apart as an HRESULT {} is a {severity} with facility {facility} and code {number}",
            spelled(code)
        ),
        hint: "Look for another code beside it in the log.",
        is_known: false,
        has_neighbours: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_no_table_has_still_says_who_made_it() {
        for (code, name, says) in [
            (0x8007_2EE6, "WinHTTP", "WinHTTP error 12006"),
            (
                0x8007_274C,
                "Winsock",
                "Winsock error 10060: nobody answered",
            ),
            (0x8007_0652, "Win32", "Win32 error 1618"),
            (0x8019_01AD, "HTTP status", "HTTP status 429: the server"),
            (0x8019_0197, "HTTP status", "HTTP status 407: the proxy"),
            (
                0x8019_0133,
                "HTTP status",
                "HTTP status 307: it leads elsewhere",
            ),
            (
                0x8019_00C8,
                "HTTP status",
                "HTTP status 200: the answer was good",
            ),
            (0x8019_0001, "HTTP", "no status"),
            (
                0x8007_2F9C,
                "WinHTTP",
                "WinHTTP error 12188: the certificate",
            ),
            (0x8007_2EFD, "WinHTTP", "refused, filtered"),
            (0x800F_1000, "Device setup", "driver"),
            (0x0004_0154, "COM, interface-specific", "went well"),
            (0x800F_0FFF, "CBS", "servicing"),
            (0x800F_0203, "Device setup", "driver"),
            (0x8024_FFFF, "Windows Update agent", "agent"),
            (0x0024_00FF, "Windows Update agent", "went well"),
            (0x80D0_5FFF, "Delivery Optimization", "downloads"),
            (0xC190_0FFF, "Feature update setup", "Setup"),
            (0x8020_0FFF, "BITS", "Transfer"),
            (0x800B_0FFF, "Trust", "certificate"),
            (0x8009_0FFF, "Crypto", "TLS"),
            (0xC000_0005, "NTSTATUS", "kernel"),
            (0xD000_0034, "NTSTATUS", "0xC0000034"),
            (0x8000_4005, "COM", "general"),
            (0, "Success", "no error"),
        ] {
            let family = Family::of(code);
            assert_eq!(family.name, name, "{code:#x}");
            assert!(family.meaning.contains(says), "{code:#x}: {family:?}");
            assert!(family.is_known, "{code:#x}");
        }
    }

    #[test]
    fn a_number_of_no_family_is_taken_apart_and_no_more() {
        let family = Family::of(0x8ABC_0012);
        assert!(!family.is_known);
        assert!(family.told().starts_with("unknown: of no family"));
        assert_eq!(Family::of(0x8007_065D).told(), "Win32 error 1629");
        assert!(
            family
                .meaning
                .ends_with("0x8ABC0012 is a failure with facility 700 and code 18"),
            "{}",
            family.meaning
        );
        // A decimal number of middling size is most often no code at all.
        for code in [80_244, 0x1_0001, 0x9_0001, 0xB_0001, 0xF_0001, 0x13_0001] {
            assert!(!Family::of(code).is_known, "{code:#x}");
        }
        for code in [1, 0xFFFF, 0x1234_5678, 0xE06D_7363, 0xA000_0001] {
            assert!(!Family::of(code).is_known, "{code:#x}");
        }
    }
}
