//! The Windows Update agent over COM (fact sheet sections 5 and 14): whether it wants a restart, what it remembers of installations,
//! the services it knows, when it last had success.
//!
//! It may hang for minutes, so it is asked on a guarded thread only. It is never asked to search: none of the methods that do is
//! written down here.
#![expect(unsafe_code, reason = "calls Windows")]

use sickbay_diagnosis::reading::Data;
use windows_sys::Win32::Foundation::{REGDB_E_CLASSNOTREG, VARIANT_BOOL};
use windows_sys::core::{GUID, HRESULT};

use super::com::{Apartment, Getter, Indexed, Interface, Object, Text, Variant};
use crate::host::ole_date;
use crate::host::told::{
    Answer, HISTORY_ENTRIES, History, HistoryEntry, LastSuccess, SERVICES, UpdateService,
    UpdateServices,
};

/// The classes behind `Microsoft.Update.SystemInfo`, `.Session`, `.ServiceManager` and `.AutoUpdate`.
static SYSTEM_INFORMATION: GUID = GUID::from_u128(0xc01b9ba0_bea7_41ba_b604_d0a36f469133);
static SESSION: GUID = GUID::from_u128(0x4cb43d7f_7eee_4906_8698_60da1c38f2fe);
static SERVICE_MANAGER: GUID = GUID::from_u128(0xf8d253d9_89a4_4daa_87b6_1168369f0b21);
static AUTOMATIC_UPDATES: GUID = GUID::from_u128(0xbfe18e9c_6d87_4450_b37c_e02f0b373803);

/// Interfaces by their identifiers, as wuapi.idl has them.
macro_rules! interfaces {
    ($($name:ident = $id:literal,)*) => { $(
        enum $name {}
        impl Interface for $name {
            const ID: GUID = GUID::from_u128($id);
        }
    )* };
}

/// Properties by their places in the interface, as wuapi.idl orders them behind the seven of `IUnknown` and `IDispatch`.
macro_rules! properties {
    ($($name:ident: $interface:ty => $kind:ty = $place:literal,)*) => { $(
        // SAFETY: the method at this place of this interface has one argument, where to write a value of this kind.
        const $name: Getter<$interface, $kind> = unsafe { Getter::at($place) };
    )* };
}

interfaces! {
    SystemInformation = 0xade87bf7_7b56_4275_8fab_b9b0e591844b,
    Session = 0x816858a4_260d_4260_933a_2585f1abc76b,
    Searcher = 0x8f45abf1_f9ae_4b95_a933_f0f66e5056ea,
    Entries = 0xa7f04f3c_a290_435b_aadf_a116c3357a5c,
    Entry = 0xbe56a644_af0e_4e0e_a311_c1d8e695cbff,
    Identity = 0x46297823_9940_4c09_aed9_cd3ea6d05968,
    ServiceManager = 0x23857e3c_02ba_44a3_9423_b1c900805f37,
    Services = 0x9b0353aa_0e52_44ff_b8b0_1f7fa0437f88,
    Service = 0x76b3b17e_aed6_4da5_85f0_83587f81abe3,
    Service2 = 0x1518b460_6518_4172_940f_c75883b24ceb,
    AutomaticUpdates2 = 0x4a2f5c31_cfd9_410e_b7fb_29a653973a0f,
    Results = 0xe7a4d634_7942_4dd9_a111_82228ba33901,
}

properties! {
    REBOOT_REQUIRED: SystemInformation => VARIANT_BOOL = 8,
    CREATE_SEARCHER: Session => Object<Searcher> = 12,
    HISTORY_COUNT: Searcher => i32 = 22,
    ENTRIES_COUNT: Entries => i32 = 9,
    OPERATION: Entry => i32 = 7,
    RESULT_CODE: Entry => i32 = 8,
    CODE: Entry => i32 = 9,
    DATE: Entry => f64 = 10,
    IDENTITY: Entry => Object<Identity> = 11,
    TITLE: Entry => Text = 12,
    UNMAPPED_CODE: Entry => i32 = 14,
    ENTRY_SERVICE: Entry => Text = 17,
    UPDATE_ID: Identity => Text = 8,
    SERVICES_OF: ServiceManager => Object<Services> = 7,
    SERVICES_COUNT: Services => i32 = 9,
    NAME: Service => Text = 7,
    IS_MANAGED: Service => VARIANT_BOOL = 10,
    IS_REGISTERED: Service => VARIANT_BOOL = 11,
    SERVICE_ID: Service => Text = 15,
    IS_DEFAULT: Service2 => VARIANT_BOOL = 20,
    RESULTS_OF: AutomaticUpdates2 => Object<Results> = 14,
    LAST_SEARCH: Results => Variant = 7,
    LAST_INSTALLATION: Results => Variant = 8,
}

// SAFETY: the first method of either collection takes an index and where to write a member.
const ENTRY: Indexed<Entries, Entry> = unsafe { Indexed::at(7) };
// SAFETY: as above.
const SERVICE: Indexed<Services, Service> = unsafe { Indexed::at(7) };
/// Place of `QueryHistory`, which takes where to start and how many.
const QUERY_HISTORY: usize = 18;

/// Whether the agent wants a restart. Blocks for as long as the agent takes, as all that is asked here.
pub(super) fn reboot_required() -> Data {
    let asked = in_apartment(|| {
        let information = Object::<SystemInformation>::create(&SYSTEM_INFORMATION)?;
        information.get(&REBOOT_REQUIRED)
    });
    asked.map_or_else(
        |why| Data::Unreadable(why),
        |required| Data::Flag(required != 0),
    )
}

/// The newest of what the agent remembers of installations.
pub(super) fn history() -> Answer<History> {
    let asked = in_apartment(|| {
        let session = Object::<Session>::create(&SESSION)?;
        let searcher = session.object(&CREATE_SEARCHER)?;
        let total = searcher.get(&HISTORY_COUNT)?;
        let Ok(total) = u32::try_from(total) else {
            return Ok(Err(format!("it counts {total} installations")));
        };
        let mut history = History {
            total,
            ..History::default()
        };
        // Asked for more than there is, or for none, the agent answers with an error.
        let wanted = total.min(HISTORY_ENTRIES as u32) as i32;
        if wanted > 0 {
            // SAFETY: that method takes where to start, how many, and where to write a collection of entries.
            let entries: Object<Entries> = unsafe { searcher.between(QUERY_HISTORY, 0, wanted)? };
            let count = entries.get(&ENTRIES_COUNT)?;
            for index in 0..count.min(wanted) {
                match entries.item(&ENTRY, index) {
                    Ok(entry) => history.newest.push(described(&entry)),
                    Err(code) => history.incomplete = Some(failed(code)),
                }
            }
            if count < wanted && history.incomplete.is_none() {
                history.incomplete = Some(format!(
                    "the update agent gave {count} of the {wanted} installations that were asked for"
                ));
            }
        }
        Ok(Ok(history))
    });
    answer(asked)
}

fn described(entry: &Object<Entry>) -> HistoryEntry {
    let text = |property| entry.get(property).ok().and_then(|text: Text| text.text());
    HistoryEntry {
        at: entry.get(&DATE).ok().and_then(ole_date::time),
        operation: entry.get(&OPERATION).ok(),
        result: entry.get(&RESULT_CODE).ok(),
        code: entry.get(&CODE).ok(),
        unmapped_code: entry.get(&UNMAPPED_CODE).ok(),
        title: text(&TITLE),
        update: entry.object(&IDENTITY).ok().and_then(|identity| {
            let id = identity.get(&UPDATE_ID).ok()?;
            id.text()
        }),
        service: text(&ENTRY_SERVICE),
    }
}

/// The services that the agent knows.
pub(super) fn services() -> Answer<UpdateServices> {
    let asked = in_apartment(|| {
        let manager = Object::<ServiceManager>::create(&SERVICE_MANAGER)?;
        let services = manager.object(&SERVICES_OF)?;
        let count = services.get(&SERVICES_COUNT)?;
        if count < 0 {
            return Ok(Err(format!("it counts {count} services")));
        }
        let mut found = UpdateServices::default();
        for index in 0..count.min(SERVICES as i32) {
            match services.item(&SERVICE, index) {
                Ok(service) => found.known.push(named(&service)),
                Err(code) => {
                    // A count that means nothing is not worth as many questions.
                    found.incomplete = Some(failed(code));
                    break;
                }
            }
        }
        Ok(Ok(found))
    });
    answer(asked)
}

fn named(service: &Object<Service>) -> UpdateService {
    let text = |property| {
        service
            .get(property)
            .ok()
            .and_then(|text: Text| text.text())
    };
    let flag = |property| service.get(property).ok().map(|is: VARIANT_BOOL| is != 0);
    let newer = service.query::<Service2>();
    UpdateService {
        name: text(&NAME),
        id: text(&SERVICE_ID),
        managed: flag(&IS_MANAGED),
        registered: flag(&IS_REGISTERED),
        default: newer.and_then(|service| service.get(&IS_DEFAULT).ok().map(|is| is != 0)),
    }
}

/// When automatic updates last had success.
pub(super) fn last_success() -> LastSuccess {
    let asked = in_apartment(|| {
        let automatic = Object::<AutomaticUpdates2>::create(&AUTOMATIC_UPDATES)?;
        let results = automatic.object(&RESULTS_OF)?;
        Ok(LastSuccess {
            search: moment(results.get(&LAST_SEARCH)),
            installation: moment(results.get(&LAST_INSTALLATION)),
        })
    });
    asked.unwrap_or_else(|why| LastSuccess::unknown(Data::Unreadable(why)))
}

fn moment(got: Result<Variant, HRESULT>) -> Data {
    match got.map(|value| value.days()) {
        Err(code) => Data::Unreadable(failed(code)),
        Ok(Err(why)) => Data::Unreadable(format!("the update agent answers with nonsense: {why}")),
        Ok(Ok(None | Some(0.0))) => Data::Absent,
        Ok(Ok(Some(days))) => ole_date::time(days).map_or_else(
            || {
                Data::Unreadable(format!(
                    "the update agent gives {days} days since 1899 as a time"
                ))
            },
            |at| Data::Text(at.to_string()),
        ),
    }
}

fn in_apartment<T>(ask: impl FnOnce() -> Result<T, HRESULT>) -> Result<T, String> {
    let _apartment = Apartment::enter().map_err(failed)?;
    ask().map_err(failed)
}

/// What was asked may fail, or be answered with what cannot be.
fn answer<T>(asked: Result<Result<T, String>, String>) -> Answer<T> {
    match asked {
        Ok(Ok(found)) => Answer::Found(found),
        Ok(Err(what)) => {
            Answer::Unreadable(format!("the update agent answers with nonsense: {what}"))
        }
        Err(why) => Answer::Unreadable(why),
    }
}

fn failed(code: HRESULT) -> String {
    match code {
        REGDB_E_CLASSNOTREG => "this Windows has no such update agent (0x80040154)".to_owned(),
        code => format!(
            "the update agent failed with 0x{:08X}",
            code.cast_unsigned()
        ),
    }
}
