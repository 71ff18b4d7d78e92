//! Registry keys that checks read and facts interpret, in one place so that both sides mean the same.
//!
//! Paths as evidence shows them, from the hive's short name. Sources: fact sheet sections named beside each.

/// Group policy of Windows Update (sections 1 to 3).
pub const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate";
/// Group policy of automatic updates (section 3).
pub const POLICY_AU: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU";
/// What the client keeps of pauses (section 1).
pub const UPDATE_POLICY_SETTINGS: &str =
    r"HKLM\SOFTWARE\Microsoft\WindowsUpdate\UpdatePolicy\Settings";
/// What the client concluded from all policies (section 3).
pub const UPDATE_POLICY_STATE: &str =
    r"HKLM\SOFTWARE\Microsoft\WindowsUpdate\UpdatePolicy\PolicyState";
/// What the user set on the update page (section 1).
pub const UX_SETTINGS: &str = r"HKLM\SOFTWARE\Microsoft\WindowsUpdate\UX\Settings";
/// State of the update page (section 5).
pub const UX_STATE: &str = r"HKLM\SOFTWARE\Microsoft\WindowsUpdate\UX\StateVariables";
/// Update policies from MDM (sections 1 to 3).
pub const MDM_UPDATE: &str = r"HKLM\SOFTWARE\Microsoft\PolicyManager\current\device\Update";
/// Release, build and edition (section 8).
pub const WINDOWS_NT: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
/// Verdicts of the compatibility appraiser per target release (section 2).
pub const APPRAISER_TARGETS: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\AppCompatFlags\TargetVersionUpgradeExperienceIndicators";
/// Program compatibility, of which the appraiser's verdicts are a part (section 2).
pub const APP_COMPAT: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\AppCompatFlags";
/// The update agent's own key (section 5).
pub const WINDOWS_UPDATE: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate";
/// Component based servicing (sections 5, 7, 9).
pub const CBS: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing";
/// Packages of component based servicing (section 9).
pub const CBS_PACKAGES: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages";
/// Versions of the servicing stack (section 7).
pub const CBS_VERSION: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Version";
/// Automatic update state (section 5).
pub const AUTO_UPDATE: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update";
/// The last search of older clients, and how it ended (section 3).
pub const DETECT_RESULTS: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\Results\Detect";
/// The last searches of newer clients, by the service asked and the kind of program (section 3).
pub const ONLINE_SCANS: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\LastOnlineScanTimeForAppCategory";
/// Registrations with Entra ID, one key each, named by the thumbprint of the device's certificate (section 11).
pub const JOIN_INFO: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo";
/// Where those stand.
pub const CLOUD_DOMAIN_JOIN: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin";
/// The machine's own certificates, one key each, named by thumbprint.
pub const MACHINE_CERTIFICATES: &str =
    r"HKLM\SOFTWARE\Microsoft\SystemCertificates\MY\Certificates";
/// The id by which the update agent makes itself known to WSUS (section 13).
pub const CLIENT_ID: &str = "SusClientId";
/// Services of the update client that wait for registration (section 5).
pub const SERVICES_PENDING: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Services\Pending";
/// Old installers (section 5).
pub const UPDATE_EXE: &str = r"HKLM\SOFTWARE\Microsoft\Updates";
/// Programs to run once (section 5).
pub const RUN_ONCE: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\RunOnce";
/// Roles and features (section 5); scripts spell it both ways.
pub const SERVER_MANAGER_REBOOT: [&str; 2] = [
    r"HKLM\SOFTWARE\Microsoft\ServerManager\CurrentRebootAttempts",
    r"HKLM\SOFTWARE\Microsoft\ServerManager\CurrentRebootAttemps",
];
/// Where those stand.
pub const SERVER_MANAGER: &str = r"HKLM\SOFTWARE\Microsoft\ServerManager";
/// File renames at the next start (section 5).
pub const SESSION_MANAGER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager";
/// Environment of the machine; tells the architecture (section 8).
pub const ENVIRONMENT: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment";
/// Workstation or server (section 8).
pub const PRODUCT_OPTIONS: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions";
/// Services (section 13).
pub const SERVICES: &str = r"HKLM\SYSTEM\CurrentControlSet\Services";
/// Domain join (section 5).
pub const NETLOGON: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Netlogon";
/// AD site as the machine found it.
pub const NETLOGON_PARAMETERS: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Netlogon\Parameters";
/// Host name and primary DNS domain.
pub const TCPIP_PARAMETERS: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
/// The names of the machine.
pub const COMPUTER_NAMES: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName";
/// Name in force.
pub const ACTIVE_COMPUTER_NAME: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName";
/// Name after the next start.
pub const COMPUTER_NAME: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName";
/// Where the last group policy run left the machine's distinguished name.
pub const GROUP_POLICY_STATE: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Group Policy\State\Machine";
/// Installed programs, 64-bit view (section 4).
pub const UNINSTALL: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
/// Installed programs, 32-bit view (section 4).
pub const UNINSTALL_32: &str =
    r"HKLM\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall";
/// Current version of Windows itself: where program files are.
pub const WINDOWS_CURRENT: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion";
/// A restart that servicing asks for (section 5).
pub const CBS_REBOOT_PENDING: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending";
/// A restart that servicing is in the midst of (section 5).
pub const CBS_REBOOT_IN_PROGRESS: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootInProgress";
/// Packages that wait for a restart (section 5).
pub const CBS_PACKAGES_PENDING: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\PackagesPending";
/// Servicing sessions that are half done (section 5).
pub const CBS_SESSIONS_PENDING: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\SessionsPending";
/// A restart that the update agent asks for; a key, never a value (section 5).
pub const AUTO_UPDATE_REBOOT: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired";
/// A report that the update agent still owes after a restart (section 5).
pub const AUTO_UPDATE_POST_REBOOT: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\PostRebootReporting";
/// Old installers, 32-bit view (section 5).
pub const UPDATE_EXE_32: &str = r"HKLM\SOFTWARE\Wow6432Node\Microsoft\Updates";
/// The servicing transaction that waits for a restart (section 5).
pub const PENDING_XML: &str = r"%windir%\WinSxS\pending.xml";
/// The service of Update Health Tools (section 4).
pub const UHSSVC: &str = "uhssvc";
/// Folder of Update Health Tools under the program files (section 4).
pub const UHT_PROGRAM: &str = r"Microsoft Update Health Tools\uhssvc.exe";
/// The name under which Update Health Tools are installed (section 4).
pub const UHT_DISPLAY_NAME: &str = "Microsoft Update Health Tools";
/// Path of readings that the operating system itself gives.
pub const SYSTEM: &str = "system";
/// Path of what the update agent's system information object gives (section 5).
pub const UPDATE_AGENT: &str = "Microsoft.Update.SystemInfo";
/// Name of the update agent's answer whether a restart is needed (section 5).
pub const UPDATE_AGENT_REBOOT: &str = "RebootRequired";
/// Path of the update agent's memory of installations (section 14).
pub const UPDATE_HISTORY: &str = "Microsoft.Update.Session";
/// Name of the number of entries in it.
pub const HISTORY_TOTAL: &str = "total";
/// Name of the reading that says why entries are missing.
pub const INCOMPLETE: &str = "incomplete";
/// Path of the services that the update agent knows (section 3).
pub const UPDATE_SERVICES: &str = "Microsoft.Update.ServiceManager";
/// Path of the results of automatic updates.
pub const UPDATE_RESULTS: &str = "Microsoft.Update.AutoUpdate";
/// Name of the time of the last successful search in them.
pub const LAST_SEARCH: &str = "LastSearchSuccessDate";
/// Name of the time of the last successful installation in them.
pub const LAST_INSTALLATION: &str = "LastInstallationSuccessDate";
/// Path of what servicing says of the component store (section 6).
pub const DISM: &str = "dism";
/// Name of the component store's state.
pub const IMAGE_HEALTH: &str = "ImageHealth";
/// Name of the time at which servicing was asked for it.
pub const CHECKED_AT: &str = "checked_at";
/// The drive of Windows (section 13).
pub const SYSTEM_DRIVE: &str = r"%SystemDrive%\";
/// Name of its free bytes.
pub const FREE_BYTES: &str = "free_bytes";
/// Name of its size in bytes.
pub const TOTAL_BYTES: &str = "total_bytes";
/// The update agent's engine (section 13).
pub const UPDATE_ENGINE: &str = r"%windir%\System32\wuaueng.dll";
/// Path of what was seen on the way to the update server (section 10).
pub const UPDATE_ENDPOINT: &str = "update_endpoint";
/// Name of whether the way was gone.
pub const PROBED: &str = "probed";
/// Name of why it was, or was not.
pub const PROBE_REASON: &str = "reason";
/// Name of the URL that is asked for on it.
pub const ENDPOINT_ADDRESS: &str = "address";
/// Name of the host and port that it leads to.
pub const ENDPOINT_HOST: &str = "host";
/// Names of its steps, in order.
pub const ENDPOINT_STEPS: [&str; 5] = ["proxy", "dns", "tcp", "tls", "http"];
/// What the step that looks for a proxy finds where there is none.
pub const DIRECT: &str = "direct";
/// What every WSUS server gives to everybody (section 10).
pub const WSUS_VERSION_FILE: &str = "/ClientWebService/wusserverversion.xml";
/// Windows Update, as it is asked where no WSUS server is in use (section 10).
pub const WINDOWS_UPDATE_SERVICE: &str = "https://fe2.update.microsoft.com/";
/// Secure Boot, and which of its updates Windows has yet to make (KB5068202).
pub const SECURE_BOOT: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\SecureBoot";
/// Whether it is on.
pub const SECURE_BOOT_STATE: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\SecureBoot\State";
/// How far Windows came with the certificates of 2023 (KB5068202).
pub const SECURE_BOOT_SERVICING: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecureBoot\Servicing";
/// Path of what the firmware's variables hold.
pub const FIRMWARE: &str = "firmware";
/// Name of the certificates that may sign what starts, and of the variable that holds them.
pub const FIRMWARE_DB: &str = "db";
/// Name of the certificates that may change `db`, and of the variable that holds them.
pub const FIRMWARE_KEK: &str = "KEK";
/// Signs Windows' boot manager from 2023 on (KB5062710).
pub const WINDOWS_CA_2023: &str = "Windows UEFI CA 2023";
/// Signed Windows' boot manager before (KB5062710).
pub const WINDOWS_PCA_2011: &str = "Microsoft Windows Production PCA 2011";
/// Signs changes of `db` and `dbx` from 2023 on (KB5062710).
pub const KEK_CA_2023: &str = "Microsoft Corporation KEK 2K CA 2023";
/// The certificates of which it is told whether a firmware holds them, by the common name of their subject (KB5062710).
pub const SECURE_BOOT_CERTIFICATES: [&str; 7] = [
    WINDOWS_CA_2023,
    WINDOWS_PCA_2011,
    KEK_CA_2023,
    "Microsoft Corporation KEK CA 2011",
    "Microsoft UEFI CA 2023",
    "Microsoft Option ROM UEFI CA 2023",
    "Microsoft Corporation UEFI CA 2011",
];
/// The service behind which the Store stands; its programs are no updates of Windows (section 3).
pub const STORE_SERVICE: &str = "855e8a7c-ecb4-4ca3-b045-1dfa50104289";
/// Name of a file's version.
pub const FILE_VERSION: &str = "FileVersion";
/// The channel that Windows itself writes to (section 14).
pub const SYSTEM_CHANNEL: &str = "System";
/// The update client's own channel (section 14).
pub const UPDATE_CHANNEL: &str = "Microsoft-Windows-WindowsUpdateClient/Operational";
/// The channel of servicing (section 14).
pub const SETUP_CHANNEL: &str = "Setup";
/// The channels that are read.
pub const CHANNELS: [&str; 3] = [SYSTEM_CHANNEL, UPDATE_CHANNEL, SETUP_CHANNEL];
/// The update client among those who write events (section 14).
pub const UPDATE_PROVIDER: &str = "Microsoft-Windows-WindowsUpdateClient";
/// Servicing among them (section 14).
pub const SERVICING_PROVIDER: &str = "Microsoft-Windows-Servicing";
/// Name of the reading that says whether a channel is enabled.
pub const CHANNEL_ENABLED: &str = "enabled";
/// Name of the number of events that could not be understood.
pub const LEFT_OUT: &str = "left_out";
/// Settings of this collector by policy.
pub const COLLECTOR_POLICY: &str = r"HKLM\SOFTWARE\Policies\Sickbay\Collector";
/// Settings of this collector on the machine itself.
pub const COLLECTOR: &str = r"HKLM\SOFTWARE\Sickbay\Collector";
/// Name of the device's tags among either.
pub const TAGS: &str = "Tags";
/// Name of a reading that says whether a service runs.
pub const RUNNING: &str = "running";
/// A service that every Windows has. Where it is missing, the list of services is not whole.
pub const WITNESS_SERVICE: &str = "RpcSs";
/// The services that checks look at (sections 3, 4 and 13).
pub const WATCHED_SERVICES: [&str; 10] = [
    "wuauserv",
    "UsoSvc",
    "BITS",
    "CryptSvc",
    "TrustedInstaller",
    "DoSvc",
    "WaaSMedicSvc",
    "wlidsvc",
    "msiserver",
    UHSSVC,
];
/// The values that send a class of updates to a source, in the order of `UpdateClass::ALL` (section 3).
pub const CLASS_SOURCE_VALUES: [&str; 4] = [
    "SetPolicyDrivenUpdateSourceForQualityUpdates",
    "SetPolicyDrivenUpdateSourceForFeatureUpdates",
    "SetPolicyDrivenUpdateSourceForDriverUpdates",
    "SetPolicyDrivenUpdateSourceForOtherUpdates",
];
/// Keys that every Windows has. Where one is missing although its hive is there, it was never recorded: what lies under it is
/// not known rather than absent.
pub const ANCHORS: [&str; 9] = [
    SERVICES,
    SESSION_MANAGER,
    UNINSTALL,
    CBS,
    CBS_PACKAGES,
    CBS_VERSION,
    WINDOWS_NT,
    APP_COMPAT,
    WINDOWS_UPDATE,
];

/// The key of a service.
pub fn service(name: &str) -> String {
    format!(r"{SERVICES}\{name}")
}
