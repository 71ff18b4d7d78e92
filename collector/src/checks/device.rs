//! Names, release, build, edition (fact sheet section 8).

use sickbay_diagnosis::keys;

use super::looking::Looking;
use crate::host::SystemFact;

const WINDOWS_NT: &[&str] = &[
    "CurrentBuildNumber",
    "CurrentBuild",
    "UBR",
    "DisplayVersion",
    "ReleaseId",
    "EditionID",
    "ProductName",
    "InstallationType",
    "CurrentMajorVersionNumber",
    "CurrentVersion",
    "CSDVersion",
    "InstallDate",
];
const TCPIP: &[&str] = &["Hostname", "Domain", "NV Domain"];
const NETLOGON: &[&str] = &["DynamicSiteName", "SiteName"];
const SYSTEM: [SystemFact; 5] = [
    SystemFact::HostName,
    SystemFact::Domain,
    SystemFact::OrganizationalUnit,
    SystemFact::Site,
    SystemFact::Architecture,
];

pub(super) fn look(looking: &mut Looking<'_>) {
    looking.values(keys::WINDOWS_NT, WINDOWS_NT);
    looking.value(keys::PRODUCT_OPTIONS, "ProductType");
    looking.value(keys::ENVIRONMENT, "PROCESSOR_ARCHITECTURE");
    for fact in SYSTEM {
        looking.system(fact);
    }
    looking.values(keys::TCPIP_PARAMETERS, TCPIP);
    looking.value(keys::ACTIVE_COMPUTER_NAME, "ComputerName");
    looking.value(keys::COMPUTER_NAME, "ComputerName");
    looking.value(keys::GROUP_POLICY_STATE, "Distinguished-Name");
    looking.values(keys::NETLOGON_PARAMETERS, NETLOGON);
    for key in [keys::COLLECTOR_POLICY, keys::COLLECTOR] {
        looking.present_values(key, &[keys::TAGS]);
    }
}
