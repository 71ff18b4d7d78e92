//! What a network error code or an HTTP status says of why there was no answer (fact sheet section 10).
//!
//! Codes come bare, as Winsock and WinHTTP give them, or wrapped as `0x8007xxxx`; those of the certificate check as `0x800B01xx`. A
//! code of none of these failures stays unnamed: it is shown as a number rather than guessed at.

use super::number::{Kind, Number, unwrapped};

/// A kind of failure that has one way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFailure {
    /// The name has no address.
    Name,
    /// The other side is there, and nothing listens.
    Refused,
    /// Nobody answered in time.
    Timeout,
    /// The connection was broken off.
    Reset,
    /// This machine itself did not let it out.
    BlockedLocally,
    /// There is no way to that network or host.
    Unreachable,
    /// No connection came about, and the code does not say whether it was refused, filtered, or had no way.
    NoConnection,
    /// The certificate, or the TLS that rests on it.
    Certificate,
    /// The proxy.
    Proxy,
    /// An answer came, and it was no good.
    HttpStatus,
}

impl NetworkFailure {
    /// The failure of a code.
    pub const fn of_code(code: u32) -> Option<Self> {
        Some(match unwrapped(code) {
            11001..=11004 | 12007 => Self::Name,
            10061 => Self::Refused,
            10060 | 12002 => Self::Timeout,
            10052 | 10054 | 12030 => Self::Reset,
            10013 | 10053 => Self::BlockedLocally,
            10050 | 10051 | 10064 | 10065 => Self::Unreachable,
            12029 => Self::NoConnection,
            12037
            | 12038
            | 12044
            | 12045
            | 12057
            | 12157
            | 12169
            | 12170
            | 12175
            | 12179
            | 12185..=12188
            | 0x80D0_5002
            | 0x800B_0100..=0x800B_0114 => Self::Certificate,
            12015 | 12166 | 12167 | 12178 | 12180 => Self::Proxy,
            _ => return None,
        })
    }

    /// The failure of a status that is no good answer.
    pub const fn of_status(status: u16) -> Self {
        match status {
            407 => Self::Proxy,
            _ => Self::HttpStatus,
        }
    }

    /// The failure of a code that may wrap a status of HTTP, too.
    pub const fn of_wrapped(code: u32) -> Option<Self> {
        match Number::in_code(code) {
            Some(Number {
                kind: Kind::HttpStatus,
                value,
            }) => Some(Self::of_status(value)),
            _ => Self::of_code(code),
        }
    }

    /// What it comes to, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Name => "the name has no address",
            Self::Refused => "the other side is there, and nothing listens",
            Self::Timeout => "nobody answered in time",
            Self::Reset => "the connection was broken off",
            Self::BlockedLocally => "this machine itself did not let it out",
            Self::Unreachable => "there is no way to that network or host",
            Self::NoConnection => {
                "no connection came about: it is refused, filtered, or has no way there"
            }
            Self::Certificate => "the certificate, or the TLS that rests on it, is not accepted",
            Self::Proxy => "the proxy is not found, or does not let it through",
            Self::HttpStatus => "an answer came, and it was no good",
        }
    }

    /// The public word, in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::BlockedLocally => "blocked-locally",
            Self::Unreachable => "unreachable",
            Self::NoConnection => "no-connection",
            Self::Certificate => "certificate",
            Self::Proxy => "proxy",
            Self::HttpStatus => "http-status",
        }
    }
}

/// What a code says of a step, in words that stand behind its name: "TCP *refused*".
pub const fn words(code: u32) -> Option<&'static str> {
    Some(match unwrapped(code) {
        11002 => "gets no answer from the name server",
        11004 => "finds no address",
        12015 => "refuses the sign-in",
        12037 | 0x800B_0101 => "certificate is outside its validity dates",
        12038 | 0x800B_010F => "certificate is for another name",
        12044 | 12187 => "wants a client certificate",
        12045 | 0x800B_0109 => "certificate has a root that is not trusted",
        12057 | 0x800B_010E => "certificate could not be checked for revocation",
        12152 => "gets an answer that is no HTTP",
        12157 | 12175 => "could not be set up",
        12170 | 0x800B_010C => "certificate is revoked",
        12179 | 0x800B_0110 => "certificate is not meant for a server",
        12185 | 12186 => "has no key for this device's own certificate",
        12188 => "could not be set up with the proxy",
        _ => return of_failure(code),
    })
}

const fn of_failure(code: u32) -> Option<&'static str> {
    Some(match NetworkFailure::of_code(code) {
        Some(NetworkFailure::Name) => "finds no such name",
        Some(NetworkFailure::Refused) => "refused",
        Some(NetworkFailure::Timeout) => "timed out",
        Some(NetworkFailure::Reset) => "broken off",
        Some(NetworkFailure::BlockedLocally) => "blocked on this device",
        Some(NetworkFailure::Unreachable) => "finds no way there",
        Some(NetworkFailure::NoConnection) => "could not connect",
        Some(NetworkFailure::Certificate) => "certificate is not accepted",
        Some(NetworkFailure::Proxy) => "could not be found by auto-configuration",
        Some(NetworkFailure::HttpStatus) | None => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_fact_sheet_is_in_its_family_bare_and_wrapped() {
        let sheet: [(NetworkFailure, &[u32]); 9] = [
            (NetworkFailure::Name, &[11001, 11002, 11003, 11004, 12007]),
            (NetworkFailure::Refused, &[10061]),
            (NetworkFailure::Timeout, &[10060, 12002]),
            (NetworkFailure::Reset, &[10054, 12030]),
            (NetworkFailure::BlockedLocally, &[10013, 10053]),
            (NetworkFailure::Unreachable, &[10050, 10051, 10065]),
            (NetworkFailure::NoConnection, &[12029]),
            (
                NetworkFailure::Certificate,
                &[
                    12037, 12038, 12045, 12057, 12169, 12170, 12175, 12179, 12044, 12185, 12186,
                    12187, 12188,
                ],
            ),
            (NetworkFailure::Proxy, &[12015, 12166, 12167, 12178, 12180]),
        ];
        for (failure, codes) in sheet {
            for code in codes {
                for form in [*code, 0x8007_0000 | code] {
                    assert_eq!(NetworkFailure::of_code(form), Some(failure), "{form:#x}");
                    assert!(words(form).is_some(), "{form:#x} has no words");
                }
            }
        }
        for code in [
            0x800B_0109,
            0x800B_010A,
            0x800B_010F,
            0x800B_0101,
            0x80D0_5002,
        ] {
            assert_eq!(
                NetworkFailure::of_code(code),
                Some(NetworkFailure::Certificate),
                "{code:#x}"
            );
        }
        assert_eq!(NetworkFailure::of_status(407), NetworkFailure::Proxy);
        assert_eq!(NetworkFailure::of_status(503), NetworkFailure::HttpStatus);
    }

    #[test]
    fn a_code_of_no_family_is_not_guessed_at() {
        for code in [0, 5, 9_999, 12_000, 0x8024_402C, 0x8009_0326, u32::MAX] {
            assert_eq!(NetworkFailure::of_code(code), None, "{code:#x}");
            assert_eq!(words(code), None, "{code:#x}");
        }
    }
}
