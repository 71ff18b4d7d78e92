//! Registration with Entra ID (fact sheet section 11), as far as the machine itself knows.
//!
//! What is read is the machine's own note and whether the certificate that it names is there. Whether the directory still knows the
//! device, only the directory can tell.

use serde_json::{Value, json};

use super::valued::{Reader, children};
use crate::keys;
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::Data;

/// What was found of the registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryFacts {
    /// How it stands.
    pub state: Registration,
    /// The readings that tell.
    pub evidence: Vec<EvidenceRef>,
}

/// How a registration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// The machine is registered with this tenant.
    Registered {
        /// The tenant's id.
        tenant: String,
    },
    /// It is not.
    NotRegistered,
    /// It says that it is, and what belongs to that is missing.
    Broken(Fault),
    /// It could not be told: why.
    Unknown(String),
}

/// What is wrong with a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The certificate that the registration names is not among the machine's.
    CertificateMissing,
    /// It names no tenant.
    TenantMissing,
    /// There are several.
    Several,
}

impl Fault {
    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CertificateMissing => "certificate-missing",
            Self::TenantMissing => "tenant-missing",
            Self::Several => "several-registrations",
        }
    }

    /// In words.
    pub const fn told(self) -> &'static str {
        match self {
            Self::CertificateMissing => "the certificate that it names is not on the device",
            Self::TenantMissing => "it names no tenant",
            Self::Several => "there is more than one",
        }
    }
}

impl DirectoryFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        Self {
            state: state(&reader),
            evidence: reader.all().map(|f| f.at).collect(),
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let (state, tenant, reason) = match &self.state {
            Registration::Registered { tenant } => ("registered", Some(tenant.as_str()), None),
            Registration::NotRegistered => ("not-registered", None, None),
            Registration::Broken(fault) => ("broken", None, Some(fault.told())),
            Registration::Unknown(why) => ("unknown", None, Some(why.as_str())),
        };
        json!({ "state": state, "tenant": tenant, "reason": reason })
    }
}

fn state(reader: &Reader<'_>) -> Registration {
    let list = reader.key(keys::JOIN_INFO);
    match list.as_ref().map(Found::data) {
        Some(Data::Key(_)) => {}
        Some(Data::Absent) => return Registration::NotRegistered,
        Some(Data::Unreadable(why)) => {
            return Registration::Unknown(format!("{} could not be read: {why}", keys::JOIN_INFO));
        }
        _ => return Registration::Unknown("it was not recorded".to_owned()),
    }
    let registrations = children(reader, keys::JOIN_INFO);
    let [thumbprint] = registrations.as_slice() else {
        return if registrations.is_empty() {
            Registration::NotRegistered
        } else {
            Registration::Broken(Fault::Several)
        };
    };
    let own = format!(r"{}\{thumbprint}", keys::JOIN_INFO);
    let certificate = reader.key(&format!(r"{}\{thumbprint}", keys::MACHINE_CERTIFICATES));
    let tenant = reader.text(&own, "TenantId").map(|f| f.value);
    match (certificate.as_ref().map(Found::data), tenant) {
        (Some(Data::Absent), _) => Registration::Broken(Fault::CertificateMissing),
        (_, None) if reader.unreadable(&[own.as_str()]).is_none() => {
            Registration::Broken(Fault::TenantMissing)
        }
        (Some(Data::Key(_)), Some(tenant)) => Registration::Registered { tenant },
        (Some(Data::Unreadable(why)), _) => Registration::Unknown(format!(
            "whether the certificate of the registration is there could not be read: {why}"
        )),
        _ => Registration::Unknown("the registration could not be read in full".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;
    use crate::testing::Machine;

    const THUMBPRINT: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

    fn own() -> String {
        format!(r"{}\{THUMBPRINT}", keys::JOIN_INFO)
    }

    fn certificate() -> String {
        format!(r"{}\{THUMBPRINT}", keys::MACHINE_CERTIFICATES)
    }

    fn state(machine: &Machine) -> Registration {
        machine.facts().directory.expect("the check looked").state
    }

    #[test]
    fn a_registration_is_whole_with_its_tenant_and_certificate() {
        let machine = Machine::new()
            .on(Check::Directory)
            .key(keys::JOIN_INFO)
            .sz(&own(), "TenantId", "11111111-2222")
            .key(&certificate());
        assert_eq!(
            state(&machine),
            Registration::Registered {
                tenant: "11111111-2222".to_owned()
            }
        );
    }

    #[test]
    fn what_is_missing_is_named_and_what_could_not_be_read_is_not_missing() {
        let base = || Machine::new().on(Check::Directory).key(keys::JOIN_INFO);
        let cleaned = base()
            .sz(&own(), "TenantId", "11111111-2222")
            .absent_key(&certificate());
        assert_eq!(
            state(&cleaned),
            Registration::Broken(Fault::CertificateMissing)
        );
        let no_tenant = base()
            .data(&own(), Some("TenantId"), Data::Absent)
            .key(&certificate());
        assert_eq!(
            state(&no_tenant),
            Registration::Broken(Fault::TenantMissing)
        );
        let denied = base()
            .sz(&own(), "TenantId", "11111111-2222")
            .unreadable_key(&certificate());
        assert!(matches!(state(&denied), Registration::Unknown(_)));
        let nothing = Machine::new()
            .on(Check::Directory)
            .absent_key(keys::JOIN_INFO);
        assert_eq!(state(&nothing), Registration::NotRegistered);
    }
}
