//! COM as far as the update agent needs it: objects of which only properties are read, and the memory that their answers come in.
//!
//! An interface is a type without a value, a property of it a [`Getter`] made where the interface's layout is written down. So a
//! property cannot be asked of an object of another interface.
//!
//! COM's libraries are loaded for as long as an [`Apartment`] lasts: they and what they bring along are more than a megabyte, of no use
//! between two inspections.
#![expect(unsafe_code, reason = "calls Windows")]

use std::cell::RefCell;
use std::ffi::c_void;
use std::io;
use std::marker::PhantomData;
use std::ptr::{null, null_mut};

use sickbay_service::windows::Library;
use windows_sys::Win32::Foundation::{E_FAIL, E_POINTER};
use windows_sys::Win32::System::Com::{CLSCTX_INPROC_SERVER, COINIT_MULTITHREADED};
use windows_sys::Win32::System::Variant::{VARIANT, VT_DATE, VT_EMPTY, VT_NULL};
use windows_sys::core::{GUID, HRESULT};

/// Longest text that is taken over, in UTF-16 units; the rest is cut off.
const MAX_TEXT: u32 = 1024;
/// Places of `IUnknown`'s methods, which every interface begins with.
const QUERY_INTERFACE: usize = 0;
const RELEASE: usize = 2;

thread_local! {
    /// What of COM is called on this thread; nothing outside of an apartment.
    static COM: RefCell<Option<Com>> = const { RefCell::new(None) };
}

// SAFETY: wants what `CoInitializeEx` documents.
type Initialize = unsafe extern "system" fn(*mut c_void, u32) -> HRESULT;
// SAFETY: wants what `CoUninitialize` documents.
type Uninitialize = unsafe extern "system" fn();
// SAFETY: wants what `CoFreeUnusedLibrariesEx` documents.
type FreeUnused = unsafe extern "system" fn(u32, u32);
// SAFETY: wants what `CoCreateInstance` documents.
type Create = unsafe extern "system" fn(
    *const GUID,
    *mut c_void,
    u32,
    *const GUID,
    *mut *mut c_void,
) -> HRESULT;
// SAFETY: wants what `SysStringLen` documents.
type StringLength = unsafe extern "system" fn(*const u16) -> u32;
// SAFETY: wants what `SysFreeString` documents.
type FreeString = unsafe extern "system" fn(*const u16);
// SAFETY: wants what `VariantClear` documents.
type ClearVariant = unsafe extern "system" fn(*mut VARIANT) -> HRESULT;

/// Functions of COM, with the libraries that they stand in.
struct Com {
    initialize: Initialize,
    uninitialize: Uninitialize,
    free_unused: FreeUnused,
    create: Create,
    string_length: StringLength,
    free_string: FreeString,
    clear_variant: ClearVariant,
    // Dropped after whatever calls into them.
    _automation: Library,
    _com: Library,
}

impl Com {
    fn load() -> io::Result<Self> {
        let com = Library::load("ole32.dll")?;
        let automation = Library::load("oleaut32.dll")?;
        // SAFETY: the signatures are those of the Windows headers, and the libraries live as long as the functions.
        unsafe {
            Ok(Self {
                initialize: com.function(c"CoInitializeEx")?,
                uninitialize: com.function(c"CoUninitialize")?,
                free_unused: com.function(c"CoFreeUnusedLibrariesEx")?,
                create: com.function(c"CoCreateInstance")?,
                string_length: automation.function(c"SysStringLen")?,
                free_string: automation.function(c"SysFreeString")?,
                clear_variant: automation.function(c"VariantClear")?,
                _automation: automation,
                _com: com,
            })
        }
    }
}

/// A call into COM; nothing outside of an apartment, where no value of COM can be.
fn in_com<T>(call: impl FnOnce(&Com) -> T) -> Option<T> {
    COM.with_borrow(|com| com.as_ref().map(call))
}

/// COM on this thread, until it is dropped. One at a time.
pub(super) struct Apartment(PhantomData<*const ()>);

impl Apartment {
    pub(super) fn enter() -> Result<Self, HRESULT> {
        let com = Com::load().map_err(|error| coded(&error))?;
        // SAFETY: the reserved argument is null as required; every success is paired with a call on drop.
        let code = unsafe { (com.initialize)(null_mut(), COINIT_MULTITHREADED as u32) };
        succeeded(code)?;
        COM.set(Some(com));
        Ok(Self(PhantomData))
    }
}

impl Drop for Apartment {
    fn drop(&mut self) {
        let Some(com) = COM.take() else {
            return;
        };
        // SAFETY: entered on this thread, and every object made in it is released before (it is dropped last). The classes' libraries are
        // let go at once: where they stay, they hold COM's own in memory.
        unsafe {
            (com.free_unused)(0, 0);
            (com.uninitialize)();
        }
    }
}

/// An error of the operating system as COM spells it.
fn coded(error: &io::Error) -> HRESULT {
    /// What stands before the codes of Win32.
    const OF_WIN32: u32 = 0x8007_0000;
    let code = error.raw_os_error().map(i32::cast_unsigned);
    code.map_or(E_FAIL, |code| (OF_WIN32 | (code & 0xffff)).cast_signed())
}

/// An interface, with its identifier.
pub(super) trait Interface {
    const ID: GUID;
}

/// An object of interface `I`, released when it is dropped; null only until a call has filled it.
#[repr(transparent)]
pub(super) struct Object<I>(*mut Methods, PhantomData<I>);

/// What an object begins with: a pointer to its methods.
#[repr(C)]
struct Methods(*const usize);

/// A property of interface `I`: the place of a method whose only argument is where to write a `T`.
pub(super) struct Getter<I, T>(usize, PhantomData<(I, T)>);

impl<I, T> Getter<I, T> {
    // SAFETY: the caller vouches that the method at `place` of the interface takes a pointer to a `T`, and nothing else.
    pub(super) const unsafe fn at(place: usize) -> Self {
        Self(place, PhantomData)
    }
}

/// A member of collection `I`: the place of a method that takes an index and where to write an object of interface `J`.
pub(super) struct Indexed<I, J>(usize, PhantomData<(I, J)>);

impl<I, J> Indexed<I, J> {
    // SAFETY: the caller vouches that the method at `place` of the interface takes an index and a pointer to an object of `J`.
    pub(super) const unsafe fn at(place: usize) -> Self {
        Self(place, PhantomData)
    }
}

impl<I> Default for Object<I> {
    fn default() -> Self {
        Self(null_mut(), PhantomData)
    }
}

impl<I: Interface> Object<I> {
    /// A new object of the class, in this process.
    pub(super) fn create(class: &GUID) -> Result<Self, HRESULT> {
        let mut object: *mut c_void = null_mut();
        let code = in_com(|com| {
            // SAFETY: the identifiers outlive the call, which writes to `object` a pointer to an object of the interface asked for.
            unsafe {
                (com.create)(
                    class,
                    null_mut(),
                    CLSCTX_INPROC_SERVER,
                    &I::ID,
                    &raw mut object,
                )
            }
        });
        succeeded(code.unwrap_or(E_FAIL))?;
        Self(object.cast(), PhantomData).filled()
    }
}

impl<I> Object<I> {
    /// What a property holds.
    pub(super) fn get<T: Default>(&self, property: &Getter<I, T>) -> Result<T, HRESULT> {
        // SAFETY: wants the object that it was found in, and where to write a `T`; the getter vouches for it.
        type Get<T> = unsafe extern "system" fn(*mut Methods, *mut T) -> HRESULT;
        let mut value = T::default();
        // SAFETY: the getter was made for this interface, whose method at that place is of this type.
        let method: Get<T> = unsafe { std::mem::transmute_copy(&self.method(property.0)?) };
        // SAFETY: the object is live, and `value` may be written to.
        let code = unsafe { method(self.0, &raw mut value) };
        filled_if(code, value)
    }

    /// The object that a property holds.
    pub(super) fn object<J>(&self, property: &Getter<I, Object<J>>) -> Result<Object<J>, HRESULT> {
        self.get(property)?.filled()
    }

    /// The object at `index` of a collection.
    pub(super) fn item<J>(
        &self,
        property: &Indexed<I, J>,
        index: i32,
    ) -> Result<Object<J>, HRESULT> {
        // SAFETY: wants the object that it was found in, an index, and where to write an object; the caller of `at` vouched for it.
        type Item<J> = unsafe extern "system" fn(*mut Methods, i32, *mut Object<J>) -> HRESULT;
        let mut item = Object::default();
        // SAFETY: made for this interface, whose method at that place is of this type.
        let method: Item<J> = unsafe { std::mem::transmute_copy(&self.method(property.0)?) };
        // SAFETY: the object is live, and `item` may be written to.
        let code = unsafe { method(self.0, index, &raw mut item) };
        filled_if(code, item)?.filled()
    }

    /// The same object by another of its interfaces; nothing where it does not have it.
    pub(super) fn query<J: Interface>(&self) -> Option<Object<J>> {
        // SAFETY: wants the object that it was found in, an identifier, and where to write an object.
        type Query<J> =
            unsafe extern "system" fn(*mut Methods, *const GUID, *mut Object<J>) -> HRESULT;
        let mut other = Object::default();
        // SAFETY: the first method of every interface is of this type.
        let method: Query<J> =
            unsafe { std::mem::transmute_copy(&self.method(QUERY_INTERFACE).ok()?) };
        // SAFETY: the object is live, the identifier outlives the call, and `other` may be written to.
        let code = unsafe { method(self.0, &J::ID, &raw mut other) };
        filled_if(code, other).and_then(Object::filled).ok()
    }

    /// Calls the method at `place` with two numbers and where to write an object: the one method with arguments that is called.
    ///
    /// # Safety
    /// The interface's method at `place` must be such a one.
    // SAFETY: as above.
    pub(super) unsafe fn between<J>(
        &self,
        place: usize,
        start: i32,
        count: i32,
    ) -> Result<Object<J>, HRESULT> {
        // SAFETY: wants the object that it was found in, two numbers, and where to write an object; the caller vouches for it.
        type Between<J> =
            unsafe extern "system" fn(*mut Methods, i32, i32, *mut Object<J>) -> HRESULT;
        let mut found = Object::default();
        // SAFETY: the caller vouches for the type of the method at that place.
        let method: Between<J> = unsafe { std::mem::transmute_copy(&self.method(place)?) };
        // SAFETY: the object is live, and `found` may be written to.
        let code = unsafe { method(self.0, start, count, &raw mut found) };
        filled_if(code, found)?.filled()
    }

    fn method(&self, place: usize) -> Result<usize, HRESULT> {
        if self.0.is_null() {
            return Err(E_POINTER);
        }
        // SAFETY: a live object begins with a pointer to its methods, of which there is one at every place that is asked for.
        Ok(unsafe { *(*self.0).0.add(place) })
    }

    /// This object, unless a call that succeeded left it null.
    fn filled(self) -> Result<Self, HRESULT> {
        if self.0.is_null() {
            Err(E_POINTER)
        } else {
            Ok(self)
        }
    }
}

impl<I> Drop for Object<I> {
    fn drop(&mut self) {
        // SAFETY: wants the object that it was found in, once.
        type Release = unsafe extern "system" fn(*mut Methods) -> u32;
        if let Ok(method) = self.method(RELEASE) {
            // SAFETY: the third method of every interface is of this type.
            let release: Release = unsafe { std::mem::transmute_copy(&method) };
            // SAFETY: this value holds one reference, which a call gave it.
            unsafe { release(self.0) };
        }
    }
}

/// A text that COM allocated.
#[repr(transparent)]
pub(super) struct Text(*const u16);

impl Default for Text {
    fn default() -> Self {
        Self(null())
    }
}

impl Text {
    /// The text; nothing where there is none. Its length is stored before it, so that one without an end is no danger.
    pub(super) fn text(&self) -> Option<String> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: a text of COM is null or was made by it, with its length before it.
        let length = in_com(|com| unsafe { (com.string_length)(self.0) })?.min(MAX_TEXT);
        // SAFETY: so many units belong to it, and it is not freed as long as this value lives.
        let units = unsafe { std::slice::from_raw_parts(self.0, length as usize) };
        Some(super::wide::text(units))
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: null or made by COM for the caller to free; nothing uses it after.
        in_com(|com| unsafe { (com.free_string)(self.0) });
    }
}

/// A value that tells its own type.
#[repr(transparent)]
#[derive(Default)]
pub(super) struct Variant(VARIANT);

impl Variant {
    /// A time as days; `None` for nothing at all, an error for a value that is no time.
    pub(super) fn days(&self) -> Result<Option<f64>, String> {
        // SAFETY: every variant says its type in this place.
        let kind = unsafe { self.0.Anonymous.Anonymous.vt };
        match kind {
            VT_EMPTY | VT_NULL => Ok(None),
            // SAFETY: a variant of this type holds a floating-point number.
            VT_DATE => Ok(Some(unsafe { self.0.Anonymous.Anonymous.Anonymous.dblVal })),
            other => Err(format!("it gave a value of type {other} for a time")),
        }
    }
}

impl Drop for Variant {
    fn drop(&mut self) {
        // SAFETY: the value belongs to this one alone and is not used after.
        in_com(|com| unsafe { (com.clear_variant)(&raw mut self.0) });
    }
}

/// What a call wrote, where it succeeded. Where it failed nothing that it may have left there is touched.
fn filled_if<T>(code: HRESULT, value: T) -> Result<T, HRESULT> {
    match succeeded(code) {
        Ok(()) => Ok(value),
        Err(code) => {
            std::mem::forget(value);
            Err(code)
        }
    }
}

const fn succeeded(code: HRESULT) -> Result<(), HRESULT> {
    if code < 0 { Err(code) } else { Ok(()) }
}
