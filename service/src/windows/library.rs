//! System libraries that are needed for a moment. One that is linked stays in memory as long as the process, and brings others along;
//! a service that waits for years should not hold what it used once.
#![expect(unsafe_code, reason = "calls Windows")]

use std::ffi::CStr;
use std::io;
use std::mem::{size_of, transmute_copy};
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{ERROR_INVALID_PARAMETER, FreeLibrary, HMODULE};
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};
use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;

/// A library that is loaded; let go when it is dropped.
#[derive(Debug)]
pub struct Library(HMODULE);

// SAFETY: the handle belongs to the process, and loading counts references.
unsafe impl Send for Library {}
// SAFETY: as above; looking up a function changes nothing.
unsafe impl Sync for Library {}

impl Library {
    /// Loads `name`, such as `winhttp.dll`, from the system folder and from nowhere else: a library of that name beside the program,
    /// or on the path, would run with the service's rights.
    pub fn load(name: &str) -> io::Result<Self> {
        let wide = |text: &str| -> Vec<u16> { text.encode_utf16().chain([0]).collect() };
        let plain = wide(name);
        // SAFETY: the name ends with a zero; the reserved handle is null as required.
        let mut found =
            unsafe { LoadLibraryExW(plain.as_ptr(), null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
        if found.is_null()
            && io::Error::last_os_error().raw_os_error()
                == Some(ERROR_INVALID_PARAMETER.cast_signed())
        {
            // A Windows 7 without update KB2533623 does not know that flag; a full path says the same.
            let path = wide(&format!(r"{}\{name}", system_folder()?));
            // SAFETY: as above.
            found = unsafe { LoadLibraryExW(path.as_ptr(), null_mut(), 0) };
        }
        if found.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(found))
    }

    /// The function of that name.
    ///
    /// # Safety
    /// `F` must be a function pointer of the signature that Windows documents for it, and must not be called once this is dropped.
    // SAFETY: what the caller has to vouch for stands above.
    pub unsafe fn function<F: Copy>(&self, name: &CStr) -> io::Result<F> {
        const { assert!(size_of::<F>() == size_of::<usize>(), "a function pointer") };
        // SAFETY: the library is loaded, and the name ends with a zero.
        let found = unsafe { GetProcAddress(self.0, name.as_ptr().cast()) };
        let found = found.ok_or_else(io::Error::last_os_error)?;
        // SAFETY: both are function pointers; the caller vouches for the signature.
        Ok(unsafe { transmute_copy(&found) })
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: the handle was loaded by this value, once.
        unsafe { FreeLibrary(self.0) };
    }
}

fn system_folder() -> io::Result<String> {
    let mut path = [0_u16; 260];
    // SAFETY: at most as many units as `path` has are written to it.
    let length = unsafe { GetSystemDirectoryW(path.as_mut_ptr(), 260) } as usize;
    let path = path.get(..length).filter(|path| !path.is_empty());
    path.map(String::from_utf16_lossy)
        .ok_or_else(io::Error::last_os_error)
}
