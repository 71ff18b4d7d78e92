//! A folder for SYSTEM and administrators alone.
#![expect(unsafe_code, reason = "calls Windows")]

use std::fs::{self, File};
use std::io;
use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::os::windows::io::AsRawHandle as _;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_SUCCESS, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1,
    SE_FILE_OBJECT, SetSecurityInfo,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, EqualSid, GetSecurityDescriptorDacl, GetTokenInformation,
    IsWellKnownSid, OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION,
    PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER, TokenUser,
    WinBuiltinAdministratorsSid, WinLocalSystemSid,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateDirectoryW, FILE_ATTRIBUTE_REPARSE_POINT, FILE_FLAG_BACKUP_SEMANTICS,
    FILE_FLAG_OPEN_REPARSE_POINT, FILE_READ_ATTRIBUTES, FILE_SHARE_READ, FILE_SHARE_WRITE,
    READ_CONTROL, WRITE_DAC,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};
use windows_sys::core::w;

use super::wide;

/// Full access for SYSTEM and administrators, handed down, nothing inherited from above.
const RIGHTS: windows_sys::core::PCWSTR = w!("D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)");

/// Why a folder cannot be kept private.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Windows refused.
    #[error("{what} the folder {path}")]
    Windows {
        /// What was tried.
        what: &'static str,
        /// The folder.
        path: PathBuf,
        /// What Windows says.
        source: io::Error,
    },
}

/// Makes `path`, or takes it over, so that SYSTEM and administrators alone may enter.
///
/// Anybody may make folders under `%ProgramData%`. One that an ordinary user made before us may hold a key that the user knows, so
/// that it is set aside under another name, which is returned; so is a link to elsewhere. What is found is opened once, without following
/// a link, and keeps its name as long as it is open: what was looked at is what gets the rights.
pub fn keep_private(path: &Path) -> Result<Option<PathBuf>, FolderError> {
    let failed = |what| {
        move |source| FolderError::Windows {
            what,
            path: path.to_owned(),
            source,
        }
    };
    if let Some(above) = path.parent() {
        fs::create_dir_all(above).map_err(failed("make what is above"))?;
    }
    let rights = Rights::new().map_err(failed("think of rights for"))?;
    let mut aside = None;
    let found = match open(path) {
        Ok(found) if is_folder_of_ours(&found).map_err(failed("ask for the owner of"))? => found,
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("look at")(error));
        }
        unusable => {
            if let Ok(others) = unusable {
                drop(others);
                aside = Some(set_aside(path).map_err(failed("set aside"))?);
            }
            rights.make(path).map_err(failed("make"))?;
            open(path).map_err(failed("look at"))?
        }
    };
    rights.set(&found).map_err(failed("set the rights of"))?;
    Ok(aside)
}

/// Opens what stands at `path` itself, be it a link, and keeps others from renaming or removing it.
fn open(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new()
        .access_mode(FILE_READ_ATTRIBUTES | READ_CONTROL | WRITE_DAC)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)
}

fn is_folder_of_ours(found: &File) -> io::Result<bool> {
    let metadata = found.metadata()?;
    let is_link = metadata.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0;
    Ok(!is_link && metadata.is_dir() && is_ours(found)?)
}

/// Renames what nobody should trust, so that it can still be looked at.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    for attempt in 1..1_000 {
        let to = path.with_file_name(format!("{name}.not-ours-{attempt}"));
        if fs::symlink_metadata(&to).is_err() {
            fs::rename(path, &to)?;
            return Ok(to);
        }
    }
    Err(io::Error::other(
        "too many folders were set aside already; remove them",
    ))
}

/// Whether SYSTEM, the administrators, or whoever runs this program own it.
fn is_ours(found: &File) -> io::Result<bool> {
    let mut owner: PSID = null_mut();
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the handle is open; the call writes the descriptor and a pointer into it; what is null is not wanted.
    let code = unsafe {
        GetSecurityInfo(
            found.as_raw_handle(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    if code != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(code.cast_signed()));
    }
    let _freed = Freed(descriptor);
    let is = |who| {
        // SAFETY: the owner lies in the descriptor, which lives until the end of this function.
        unsafe { IsWellKnownSid(owner, who) != 0 }
    };
    if owner.is_null() {
        return Ok(false);
    }
    Ok(is(WinLocalSystemSid) || is(WinBuiltinAdministratorsSid) || is_this_account(owner)?)
}

/// Whether this program runs as `owner`.
fn is_this_account(owner: PSID) -> io::Result<bool> {
    let mut token: HANDLE = null_mut();
    // SAFETY: the pseudo handle of this process is always valid; the token's handle is written.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // A structure with a pointer to what stands behind it, so that the memory must be aligned for it.
    let mut user = [0_u64; 32];
    let mut needed = 0;
    // SAFETY: the token is open; at most as many bytes as `user` has are written to it.
    let done = unsafe {
        GetTokenInformation(
            token,
            TokenUser,
            user.as_mut_ptr().cast(),
            u32::try_from(size_of_val(&user)).unwrap_or(0),
            &raw mut needed,
        )
    };
    let error = io::Error::last_os_error();
    // SAFETY: the handle is open and not used after.
    unsafe { CloseHandle(token) };
    if done == 0 {
        return Err(error);
    }
    // SAFETY: the call above wrote this structure, whose pointer leads into the same memory; both identifiers are valid.
    let same = unsafe {
        let user: *const TOKEN_USER = user.as_ptr().cast();
        EqualSid((*user).User.Sid, owner)
    };
    Ok(same != 0)
}

/// Memory that Windows allocated; given back when it is dropped.
struct Freed(PSECURITY_DESCRIPTOR);

impl Drop for Freed {
    fn drop(&mut self) {
        // SAFETY: Windows allocated it for the caller to free, and this value alone holds it.
        unsafe { LocalFree(self.0) };
    }
}

/// [`RIGHTS`] in Windows' own form.
struct Rights(Freed);

impl Rights {
    fn new() -> io::Result<Self> {
        let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
        // SAFETY: the text ends with a zero; the call writes a descriptor of its own.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                RIGHTS,
                SDDL_REVISION_1,
                &raw mut descriptor,
                null_mut(),
            )
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(Freed(descriptor)))
    }

    /// Makes a folder that never had other rights.
    fn make(&self, path: &Path) -> io::Result<()> {
        let name = wide(path.as_os_str());
        let attributes = SECURITY_ATTRIBUTES {
            nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or(0),
            lpSecurityDescriptor: self.0.0,
            bInheritHandle: 0,
        };
        // SAFETY: the name ends with a zero; the attributes and their descriptor outlive the call.
        if unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Sets the rights of a folder, and by inheritance of all in it.
    fn set(&self, found: &File) -> io::Result<()> {
        let (mut present, mut defaulted) = (0, 0);
        let mut list: *mut ACL = null_mut();
        // SAFETY: the descriptor is valid; the three results are written.
        let done = unsafe {
            GetSecurityDescriptorDacl(
                self.0.0,
                &raw mut present,
                &raw mut list,
                &raw mut defaulted,
            )
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is open, the list lies in the descriptor that lives as long as `self`; what is null stays.
        let code = unsafe {
            SetSecurityInfo(
                found.as_raw_handle(),
                SE_FILE_OBJECT,
                DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                null_mut(),
                null_mut(),
                list,
                null(),
            )
        };
        if code != ERROR_SUCCESS {
            return Err(io::Error::from_raw_os_error(code.cast_signed()));
        }
        Ok(())
    }
}
