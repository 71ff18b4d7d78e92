//! `secure-boot-certificates-outdated` (KB5062710, KB5062713, KB5068202).

use super::{device_evidence, not_known};
use crate::facts::secure_boot::{Certificates, Enabled, SecureBootFacts, Status};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::keys;
use crate::time::Time;
use crate::verdict::{Cause, Severity, Verdict};

/// When Microsoft Windows Production PCA 2011 ends, 2026-10-19T18:51:42Z, as the certificate itself says.
const PCA_2011_ENDS: Time = Time::from_millis(1_792_435_902_000);
/// The first build of Windows 10.
const WINDOWS_10: u32 = 10_240;

/// Firmware and boot manager still rest on the certificates of 2011.
pub(super) const ISSUE: Issue = Issue {
    id: "secure-boot-certificates-outdated",
    title: "Secure Boot still rests on the certificates of 2011",
    meaning: "The firmware does not trust Windows UEFI CA 2023 yet, or Windows does not start from a boot manager that it signed. The \
              certificates of 2011 ended in June 2026, and the one that signs boot managers, Microsoft Windows Production PCA 2011, \
              on 2026-10-19. The device goes on starting, but gets no further fixes for what runs before Windows, and no further \
              revocations.",
    severity: Severity::Serious,
    groups_by: "state",
    fix: &[
        FixStep {
            text: "See how far Windows came: UEFICA2023Status, UEFICA2023Error and WindowsUEFICA2023Capable (1: the certificate is in \
                   db, 2: Windows also started from the new boot manager).",
            command: Some(
                r"Get-ItemProperty HKLM:\SYSTEM\CurrentControlSet\Control\SecureBoot\Servicing; Confirm-SecureBootUEFI",
            ),
        },
        FixStep {
            text: "Install the newest updates of Windows and of the firmware, and have the BitLocker recovery key at hand: some firmware \
                   asks for it afterwards. Try one device of each model first.",
            command: Some("manage-bde -protectors -get C:"),
        },
        FixStep {
            text: "Not started, or certificates only: tell Windows to add the certificates, the new KEK and the new boot manager, as \
                   KB5068202 says. For many devices use the policy \"Enable Secure Boot Certificate Deployment\" under Windows \
                   Components, Secure Boot.",
            command: Some(
                r"reg add HKLM\SYSTEM\CurrentControlSet\Control\SecureBoot /v AvailableUpdates /t REG_DWORD /d 0x5944 /f",
            ),
        },
        FixStep {
            text: "Begin at once rather than within 12 hours; restart, and repeat until UEFICA2023Status is Updated. The boot manager \
                   follows the certificates only after a restart.",
            command: Some(
                r#"Start-ScheduledTask -TaskName "\Microsoft\Windows\PI\Secure-Boot-Update""#,
            ),
        },
        FixStep {
            text: "Failed, or in progress for weeks: read what Windows says of it. 1795 means that the firmware refused, 1803 that the \
                   manufacturer has given Microsoft no KEK for this model: only newer firmware helps.",
            command: Some(
                "Get-WinEvent -FilterHashtable @{ LogName = 'System'; ProviderName = 'Microsoft-Windows-TPM-WMI' } -MaxEvents 20",
            ),
        },
        FixStep {
            text: "Certificates lost: the firmware was set back to its factory keys, or has an option for the certificates of 2023 that \
                   is off. Turn it on in the firmware's setup and begin again; do not turn Secure Boot off and on.",
            command: None,
        },
    ],
    links: &[
        Link {
            title: "Windows Secure Boot key creation and management guidance",
            url: "https://learn.microsoft.com/windows-hardware/manufacture/desktop/windows-secure-boot-key-creation-and-management-guidance",
        },
        Link {
            title: "Secure Boot",
            url: "https://learn.microsoft.com/windows-hardware/design/device-experiences/oem-secure-boot",
        },
    ],
    explains: &[],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    if let Some(build) = case.facts.windows().build.filter(|b| *b < WINDOWS_10) {
        return Verdict::not_applicable(format!(
            "Windows of build {build} is older than Windows 10 and gets no certificates of 2023."
        ))
        .with_evidence(device_evidence(case));
    }
    let facts = match &case.facts.secure_boot {
        Ok(facts) => facts,
        Err(why) => return not_known(why),
    };
    let verdict = match (&facts.enabled, &facts.db) {
        (Enabled::Off, _) => {
            Verdict::not_applicable("Secure Boot is off, so nothing that starts is checked.")
        }
        (Enabled::Unknown(_), Certificates::NoUefi) => {
            Verdict::not_applicable("Windows was started by a BIOS, which has no Secure Boot.")
        }
        (Enabled::Unknown(why), _) => {
            Verdict::unknown(format!("Whether Secure Boot is on: {why}."))
        }
        (Enabled::On, _) => match Standing::of(facts) {
            Standing::Renewed(how) => Verdict::clear(format!("{how}.{}", beside(facts))),
            Standing::Untold(why) => {
                Verdict::unknown(format!("How far Secure Boot's certificates came: {why}."))
            }
            Standing::Outdated(state) => open(&state, facts, case.now),
        },
    };
    verdict.with_evidence(facts.evidence.iter().copied())
}

fn open(state: &Outdated, facts: &SecureBootFacts, now: Time) -> Verdict {
    let (severity, pca) = if now < PCA_2011_ENDS {
        (Severity::Warning, "ends on 2026-10-19")
    } else {
        (Severity::Serious, "ended on 2026-10-19")
    };
    let summary = format!(
        "{}. {} {pca}.{}",
        state.told(),
        keys::WINDOWS_PCA_2011,
        beside(facts)
    );
    let cause = Cause::new(state.key(), state.label());
    Verdict::open(severity, vec![cause], summary)
        .until((now < PCA_2011_ENDS).then_some(PCA_2011_ENDS))
}

/// What else is worth telling, as sentences behind the summary.
fn beside(facts: &SecureBootFacts) -> String {
    let lacks = facts.kek.hold(keys::KEK_CA_2023) == Some(false);
    let kek = lacks.then(|| {
        format!(
            " The KEK lacks {}, so that the firmware takes no updates of db and dbx that it signs.",
            keys::KEK_CA_2023
        )
    });
    let steps = (facts.steps_left != 0).then(|| {
        format!(
            " Windows has steps left to make (AvailableUpdates=0x{:X}).",
            facts.steps_left
        )
    });
    kek.into_iter().chain(steps).collect()
}

/// Where a device stands that has Secure Boot on.
enum Standing {
    /// It rests on the certificates of 2023: how that is known.
    Renewed(String),
    Outdated(Outdated),
    /// It could not be told: why.
    Untold(String),
}

/// What is missing.
enum Outdated {
    NotStarted,
    CertificatesOnly,
    InProgress,
    Failed(u64),
    CertificatesLost,
}

impl Standing {
    fn of(facts: &SecureBootFacts) -> Self {
        let is_new = facts.db.hold(keys::WINDOWS_CA_2023);
        let is_old = facts.db.hold(keys::WINDOWS_PCA_2011);
        let says_done = facts.status == Some(Status::Updated) || facts.capable == Some(2);
        match (is_new, is_old) {
            // What starts with Secure Boot on is signed by something in db, and nothing older is there.
            (Some(true), Some(false)) => Self::Renewed(format!(
                "The firmware trusts {} and no longer {}",
                keys::WINDOWS_CA_2023,
                keys::WINDOWS_PCA_2011
            )),
            (Some(true) | None, _) if says_done => Self::Renewed(says_how(facts)),
            (Some(false), Some(false)) => Self::Untold(format!(
                "db holds neither {} nor {}, so that somebody's own keys are in use",
                keys::WINDOWS_CA_2023,
                keys::WINDOWS_PCA_2011
            )),
            (Some(false), _) if says_done || facts.capable == Some(1) => {
                Self::Outdated(Outdated::CertificatesLost)
            }
            _ => Self::under_way(facts, is_new),
        }
    }

    fn under_way(facts: &SecureBootFacts, is_new: Option<bool>) -> Self {
        let state = match (facts.error, facts.status, is_new) {
            (Some(code), ..) => Outdated::Failed(code),
            (None, Some(Status::InProgress), _) => Outdated::InProgress,
            (None, _, Some(true)) => Outdated::CertificatesOnly,
            (None, _, Some(false)) => Outdated::NotStarted,
            (None, _, None) if facts.capable == Some(1) => Outdated::CertificatesOnly,
            (None, Some(Status::NotStarted), None) => Outdated::NotStarted,
            (None, _, None) if facts.capable == Some(0) => Outdated::NotStarted,
            (None, _, None) => {
                return Self::Untold(match &facts.db {
                    Certificates::Unknown(why) => why.clone(),
                    Certificates::NoUefi | Certificates::Held(_) => {
                        "Windows says that Secure Boot is on, and that its firmware has no variables"
                            .to_owned()
                    }
                });
            }
        };
        Self::Outdated(state)
    }
}

fn says_how(facts: &SecureBootFacts) -> String {
    if facts.status == Some(Status::Updated) {
        "Windows says that certificates and boot manager are those of 2023 (UEFICA2023Status=Updated)"
    } else {
        "Windows started from a boot manager that Windows UEFI CA 2023 signed (WindowsUEFICA2023Capable=2)"
    }
    .to_owned()
}

impl Outdated {
    fn key(&self) -> String {
        match self {
            Self::NotStarted => "not started".to_owned(),
            Self::CertificatesOnly => "certificates only".to_owned(),
            Self::InProgress => "in progress".to_owned(),
            Self::Failed(code) => format!("failed 0x{code:08X}"),
            Self::CertificatesLost => "certificates lost".to_owned(),
        }
    }

    fn label(&self) -> String {
        match self {
            Self::NotStarted => "Not started".to_owned(),
            Self::CertificatesOnly => "Certificates there, boot manager old".to_owned(),
            Self::InProgress => "In progress".to_owned(),
            Self::Failed(code) => format!("Failed with 0x{code:08X}"),
            Self::CertificatesLost => "Certificates gone from the firmware".to_owned(),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::NotStarted => {
                "The certificates of 2023 have not been brought into the firmware".to_owned()
            }
            Self::CertificatesOnly => {
                "The firmware trusts Windows UEFI CA 2023, but nothing says that Windows starts from a boot manager signed by it"
                    .to_owned()
            }
            Self::InProgress => "Windows is replacing the certificates of 2011".to_owned(),
            Self::Failed(code) => {
                format!("Replacing the certificates of 2011 failed with 0x{code:08X}")
            }
            Self::CertificatesLost => {
                "Windows says that the certificates of 2023 are in the firmware, but its db lacks Windows UEFI CA 2023"
                    .to_owned()
            }
        }
    }
}
