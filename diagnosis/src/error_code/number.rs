//! Numbers of Win32, Winsock, WinHTTP and HTTP, which stand bare in some places and wrapped into a code in others (fact sheet
//! sections 0 and 10).

/// Whose number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An error of Winsock.
    Winsock,
    /// An error of WinHTTP.
    WinHttp,
    /// Any other error of Win32.
    Win32,
    /// A status of HTTP.
    HttpStatus,
}

/// A number, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// Whose.
    pub kind: Kind,
    /// The number.
    pub value: u16,
}

/// What Win32's numbers are wrapped into.
const WIN32: u32 = 0x8007_0000;
/// What a status of HTTP is wrapped into.
const HTTP: u32 = 0x8019_0000;

impl Kind {
    /// The name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Winsock => "Winsock",
            Self::WinHttp => "WinHTTP",
            Self::Win32 => "Win32",
            Self::HttpStatus => "HTTP status",
        }
    }
}

impl Number {
    /// The number that is wrapped into a code.
    pub const fn in_code(code: u32) -> Option<Self> {
        let value = (code & 0xFFFF) as u16;
        match code & 0xFFFF_0000 {
            WIN32 => Some(Self {
                kind: of_win32(value),
                value,
            }),
            HTTP if matches!(value, 100..=599) => Some(Self {
                kind: Kind::HttpStatus,
                value,
            }),
            _ => None,
        }
    }

    /// What a number that stands alone is taken for, where it may also be a status of HTTP. Nothing for 0 and for what is larger than such numbers are.
    pub const fn bare(number: u32) -> Option<Self> {
        match Self::of_system(number) {
            Some(Self { value, .. }) if is_refusal(value) => Some(Self {
                kind: Kind::HttpStatus,
                value,
            }),
            other => other,
        }
    }

    /// The same where it is no status of HTTP.
    pub const fn of_system(number: u32) -> Option<Self> {
        if number == 0 || number > 0xFFFF {
            return None;
        }
        let value = (number & 0xFFFF) as u16;
        Some(Self {
            kind: of_win32(value),
            value,
        })
    }

    /// A number of Winsock or WinHTTP.
    pub(super) fn of_network(number: u32) -> Option<Self> {
        Self::of_system(number).filter(|n| matches!(n.kind, Kind::Winsock | Kind::WinHttp))
    }

    /// The code that it is wrapped into.
    pub const fn code(self) -> u32 {
        let base = match self.kind {
            Kind::HttpStatus => HTTP,
            Kind::Winsock | Kind::WinHttp | Kind::Win32 => WIN32,
        };
        base | self.value as u32
    }
}

/// A code without its wrapping, where it is one of Win32, Winsock or WinHTTP; any other code as it is.
pub(super) const fn unwrapped(code: u32) -> u32 {
    match code & 0xFFFF_0000 {
        WIN32 => code & 0xFFFF,
        _ => code,
    }
}

const fn of_win32(value: u16) -> Kind {
    match value {
        // WSAEINTR to WSAEREFUSED of winerror.h, then the resolver's.
        10_004..=10_112 | 11_001..=11_004 => Kind::Winsock,
        // ERROR_WINHTTP_OUT_OF_HANDLES to WINHTTP_ERROR_LAST of winhttp.h, further than the fact sheet goes.
        12_001..=12_193 => Kind::WinHttp,
        _ => Kind::Win32,
    }
}

/// Whether a number that stands alone is a status of HTTP: one of those that refuse. Any other is more often an error of Win32.
const fn is_refusal(value: u16) -> bool {
    matches!(value, 400..=599)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    #[test]
    fn a_number_is_wrapped_and_unwrapped_alike() {
        for number in 1..=0xFFFF {
            let bare = Number::bare(number).unwrap();
            assert_eq!(Number::in_code(bare.code()), Some(bare), "{number}");
            let system = Number::of_system(number).unwrap();
            assert_eq!(system.code(), 0x8007_0000 | number);
            assert_eq!(unwrapped(system.code()), number);
        }
        assert_eq!(Number::bare(0), None);
        assert_eq!(Number::bare(0x1_0000), None);
        assert_eq!(Number::in_code(0x8024_402C), None);
        assert_eq!(Number::in_code(0x8019_0001), None, "no status");
        assert_eq!(Number::bare(302).unwrap().kind, Kind::Win32);
        assert_eq!(
            Number::in_code(0x8019_012E).unwrap(),
            Number {
                kind: Kind::HttpStatus,
                value: 302
            }
        );
    }

    #[test]
    fn the_ranges_are_those_of_the_headers() {
        let kind = |number| Number::bare(number).unwrap().kind;
        assert_eq!(kind(10_060), Kind::Winsock);
        assert_eq!(kind(11_001), Kind::Winsock);
        assert_eq!(kind(10_112), Kind::Winsock);
        assert_eq!(kind(10_113), Kind::Win32);
        assert_eq!(kind(12_000), Kind::Win32);
        assert_eq!(kind(12_001), Kind::WinHttp);
        assert_eq!(kind(12_188), Kind::WinHttp);
        assert_eq!(kind(12_193), Kind::WinHttp);
        assert_eq!(kind(12_194), Kind::Win32);
        assert_eq!(kind(1603), Kind::Win32);
        assert_eq!(kind(404), Kind::HttpStatus);
    }
}
