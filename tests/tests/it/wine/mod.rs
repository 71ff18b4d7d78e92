//! The Windows collector's own program, on Windows machines that Wine plays.

mod inspect;
mod run;
mod stand_ins;

/// Of the machine that a case does not describe: a fresh prefix would call itself Windows 7.
const IDENTITY: &str = "REGEDIT4\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion]\r\n\
    \"CurrentBuild\"=\"19045\"\r\n\"CurrentBuildNumber\"=\"19045\"\r\n\"DisplayVersion\"=\"22H2\"\r\n\"EditionID\"=\"Professional\"\r\n\
    \"InstallationType\"=\"Client\"\r\n\"ProductName\"=\"Windows 10 Pro\"\r\n\"CurrentMajorVersionNumber\"=dword:0000000a\r\n\
    \"UBR\"=dword:00001000\r\n";
