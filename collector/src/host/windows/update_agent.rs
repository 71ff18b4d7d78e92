//! The Windows Update agent over COM: whether it wants a restart (fact sheet section 5, signal 1).
//!
//! It may hang for minutes, so it is asked on a guarded thread only. It is never asked to search.
#![expect(unsafe_code, reason = "calls Windows")]

use std::ffi::c_void;
use std::ptr::null_mut;

use sickbay_diagnosis::reading::Data;
use windows_sys::Win32::Foundation::{REGDB_E_CLASSNOTREG, VARIANT_BOOL};
use windows_sys::Win32::System::Com::{
    CLSCTX_INPROC_SERVER, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx, CoUninitialize,
};
use windows_sys::core::{GUID, HRESULT};

/// The class behind `Microsoft.Update.SystemInfo`.
static SYSTEM_INFORMATION: GUID = GUID::from_u128(0xc01b9ba0_bea7_41ba_b604_d0a36f469133);
/// `ISystemInformation`.
static I_SYSTEM_INFORMATION: GUID = GUID::from_u128(0xade87bf7_7b56_4275_8fab_b9b0e591844b);

/// The methods of `ISystemInformation` in their order; those that are not called keep their places.
#[repr(C)]
struct Methods {
    query_interface: usize,
    add_ref: usize,
    // SAFETY: wants the object that it was found in, once.
    release: unsafe extern "system" fn(*mut Object) -> u32,
    dispatch: [usize; 4],
    oem_hardware_support_link: usize,
    // SAFETY: wants the object that it was found in, and a number to write to.
    reboot_required: unsafe extern "system" fn(*mut Object, *mut VARIANT_BOOL) -> HRESULT,
}

#[repr(C)]
struct Object {
    methods: *const Methods,
}

/// Asks the agent. Blocks for as long as the agent takes.
pub(super) fn reboot_required() -> Data {
    match ask() {
        Ok(required) => Data::Flag(required),
        Err(REGDB_E_CLASSNOTREG) => {
            Data::Unreadable("this Windows has no update agent (0x80040154)".to_owned())
        }
        Err(code) => Data::Unreadable(format!("the update agent failed with {code:#010X}")),
    }
}

fn ask() -> Result<bool, HRESULT> {
    let _apartment = Apartment::enter()?;
    let information = Information::create()?;
    information.reboot_required()
}

/// COM on this thread, until it is dropped.
struct Apartment;

impl Apartment {
    fn enter() -> Result<Self, HRESULT> {
        // SAFETY: the reserved argument is null as required; every success is paired with a call on drop.
        let code = unsafe { CoInitializeEx(null_mut(), COINIT_MULTITHREADED as u32) };
        succeeded(code).map(|()| Self)
    }
}

impl Drop for Apartment {
    fn drop(&mut self) {
        // SAFETY: entered on this thread, and every object made in it is released before (it is dropped last).
        unsafe { CoUninitialize() };
    }
}

/// The agent's object; released when it is dropped.
struct Information(*mut Object);

impl Information {
    fn create() -> Result<Self, HRESULT> {
        let mut object: *mut c_void = null_mut();
        // SAFETY: the identifiers outlive the call, which writes to `object` a pointer to an object of the interface asked for.
        let code = unsafe {
            CoCreateInstance(
                &raw const SYSTEM_INFORMATION,
                null_mut(),
                CLSCTX_INPROC_SERVER,
                &raw const I_SYSTEM_INFORMATION,
                &raw mut object,
            )
        };
        succeeded(code).map(|()| Self(object.cast()))
    }

    fn reboot_required(&self) -> Result<bool, HRESULT> {
        let mut required: VARIANT_BOOL = 0;
        // SAFETY: a live object of the interface begins with a pointer to its methods, in the order that the interface fixes.
        let code = unsafe { ((*(*self.0).methods).reboot_required)(self.0, &raw mut required) };
        succeeded(code).map(|()| required != 0)
    }
}

impl Drop for Information {
    fn drop(&mut self) {
        // SAFETY: this value holds the one reference that creating the object gave.
        unsafe { ((*(*self.0).methods).release)(self.0) };
    }
}

const fn succeeded(code: HRESULT) -> Result<(), HRESULT> {
    if code < 0 { Err(code) } else { Ok(()) }
}
