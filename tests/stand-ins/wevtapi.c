/* A stand-in for wevtapi.dll: the seven functions that the collector calls.
 *
 * Its word is "EventLog":
 *   good       what a machine has that installs updates and once failed
 *   disabled   as good, but the update client's channel is switched off
 *   absent     no such channel
 *   denied     access denied
 *   crooked    XML that breaks off, events of other ids, names without an end
 *   endless    events without end, always new
 *   oversize   an event of ten megabytes among others
 *   silent     success, and nothing given
 *   hang       no answer
 * A subscription signals whenever the word, or anything beside it, is written again.
 */
#include "mode.h"
#include <stdio.h>
#include <winevt.h>

#define UPDATE_CHANNEL L"Microsoft-Windows-WindowsUpdateClient/Operational"
#define HANDLES 4096
#define OVERSIZE 9999

enum kind { FREE, CONFIG, RESULTS, EVENT, SUBSCRIPTION };

struct object {
    LONG kind;
    WCHAR channel[128];
    WCHAR query[2048];
    int next;
    int number;
    volatile LONG news;
};

static struct object objects[HANDLES];

static EVT_HANDLE made(enum kind kind, struct object **object)
{
    int at;
    for (at = 1; at < HANDLES; at++)
        if (InterlockedCompareExchange(&objects[at].kind, kind, FREE) == FREE) {
            *object = &objects[at];
            (*object)->next = (*object)->number = 0;
            return (EVT_HANDLE)(ULONG_PTR)at;
        }
    SetLastError(ERROR_OUTOFMEMORY);
    return NULL;
}

static struct object *of(EVT_HANDLE handle, enum kind kind)
{
    ULONG_PTR at = (ULONG_PTR)handle;
    return at > 0 && at < HANDLES && objects[at].kind == (LONG)kind ? &objects[at] : NULL;
}

static BOOL failed(DWORD code)
{
    SetLastError(code);
    return FALSE;
}

static BOOL refused(const struct mode *mode)
{
    misbehave_if_told(mode);
    if (is(mode, L"absent"))
        return !failed(ERROR_EVT_CHANNEL_NOT_FOUND);
    if (is(mode, L"denied"))
        return !failed(ERROR_ACCESS_DENIED);
    if (error_of(mode))
        return !failed(error_of(mode));
    return FALSE;
}

BOOL WINAPI EvtClose(EVT_HANDLE handle)
{
    ULONG_PTR at = (ULONG_PTR)handle;
    if (at == 0 || at >= HANDLES || InterlockedExchange(&objects[at].kind, FREE) == FREE)
        return failed(ERROR_INVALID_HANDLE);
    return TRUE;
}

EVT_HANDLE WINAPI EvtOpenChannelConfig(EVT_HANDLE session, const WCHAR *channel, DWORD flags)
{
    struct mode mode = mode_of(L"EventLog");
    struct object *config;
    EVT_HANDLE handle;
    if (session || flags || refused(&mode))
        return NULL;
    handle = made(CONFIG, &config);
    if (handle)
        lstrcpynW(config->channel, channel, 128);
    return handle;
}

BOOL WINAPI EvtGetChannelConfigProperty(EVT_HANDLE handle, EVT_CHANNEL_CONFIG_PROPERTY_ID id, DWORD flags, DWORD size,
                                        EVT_VARIANT *value, DWORD *used)
{
    struct mode mode = mode_of(L"EventLog");
    struct object *config = of(handle, CONFIG);
    if (!config || id != EvtChannelConfigEnabled || flags || size < sizeof(*value))
        return failed(ERROR_INVALID_PARAMETER);
    *used = sizeof(*value);
    value->Type = is(&mode, L"crooked") ? EvtVarTypeString : EvtVarTypeBoolean;
    value->Count = 1;
    value->BooleanVal = !(is(&mode, L"disabled") && !lstrcmpW(config->channel, UPDATE_CHANNEL));
    return TRUE;
}

EVT_HANDLE WINAPI EvtQuery(EVT_HANDLE session, const WCHAR *channel, const WCHAR *query, DWORD flags)
{
    struct mode mode = mode_of(L"EventLog");
    struct object *results;
    EVT_HANDLE handle;
    if (refused(&mode))
        return NULL;
    if (session || flags != (EvtQueryChannelPath | EvtQueryReverseDirection)) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    handle = made(RESULTS, &results);
    if (handle) {
        lstrcpynW(results->channel, channel, 128);
        lstrcpynW(results->query, query, 2048);
    }
    return handle;
}

/* Events: the newest first. {id, days ago, channel, values}. */
static const struct sample {
    int id;
    int days;
    const WCHAR *channel;
    const WCHAR *values;
} samples[] = {
    { 26, 0, UPDATE_CHANNEL, L"<EventData><Data Name='updateCount'>1</Data></EventData>" },
    { 25, 1, UPDATE_CHANNEL, L"<EventData><Data Name='serviceGuid'>{7971F918-A847-4430-9279-4A52D1EFE18D}</Data>"
                             L"<Data Name='errorCode'>0x8024402c</Data></EventData>" },
    { 31, 2, UPDATE_CHANNEL, L"<EventData><Data Name='updateTitle'>A &amp; B</Data><Data Name='errorCode'>0x80246007</Data>"
                             L"<Data Name='updateGuid'>{11111111-1111-1111-1111-111111111111}</Data></EventData>" },
    { 20, 2, L"System", L"<EventData><Data Name='errorCode'>0x800f0922</Data><Data Name='updateTitle'>2026-11 Cumulative Update "
                        L"(KB5099999)</Data><Data Name='updateGuid'>{22222222-2222-2222-2222-222222222222}</Data></EventData>" },
    { 19, 3, L"System", L"<EventData><Data Name='updateTitle'>Definitions</Data>"
                        L"<Data Name='updateGuid'>{33333333-3333-3333-3333-333333333333}</Data></EventData>" },
    { 20, 4, L"System", L"<EventData><Data Name='updateGuid'>{33333333-3333-3333-3333-333333333333}</Data>"
                        L"<Data Name='errorCode'>0x80070005</Data></EventData>" },
    { 1015, 5, L"Setup", L"<UserData><CbsResult xmlns='x'><errorCode>0x800F081F</errorCode><totalCorruption>4</totalCorruption>"
                         L"<repaired>1</repaired></CbsResult></UserData>" },
};
#define SAMPLES ((int)(sizeof(samples) / sizeof(samples[0])))

/* Whether the query names this id, by itself and not as the beginning of another. */
static BOOL wanted(const WCHAR *query, int id)
{
    WCHAR text[24];
    const WCHAR *at;
    int length = swprintf(text, 24, L"EventID=%d", id);
    for (at = wcsstr(query, text); at; at = wcsstr(at + 1, text))
        if (at[length] < L'0' || at[length] > L'9')
            return TRUE;
    return FALSE;
}

BOOL WINAPI EvtNext(EVT_HANDLE handle, DWORD size, EVT_HANDLE *events, DWORD timeout, DWORD flags, DWORD *returned)
{
    struct mode mode = mode_of(L"EventLog");
    struct object *results = of(handle, RESULTS), *event;
    struct object *subscription = of(handle, SUBSCRIPTION);
    (void)timeout;
    *returned = 0;
    if (subscription) {
        if (!InterlockedExchange(&subscription->news, 0))
            return failed(ERROR_NO_MORE_ITEMS);
        events[0] = made(EVENT, &event);
        *returned = 1;
        return TRUE;
    }
    if (!results || flags)
        return failed(ERROR_INVALID_PARAMETER);
    if (is(&mode, L"silent"))
        return TRUE;
    while (*returned < size) {
        BOOL endless = is(&mode, L"endless"), oversize = is(&mode, L"oversize") && results->next == 0;
        int at = endless ? results->next % SAMPLES : results->next;
        if (at >= SAMPLES)
            break;
        results->next++;
        if (!endless && !oversize && (lstrcmpW(samples[at].channel, results->channel) || !wanted(results->query, samples[at].id)))
            continue;
        events[*returned] = made(EVENT, &event);
        if (!events[*returned])
            break;
        event->number = oversize ? OVERSIZE : at;
        event->next = results->next;
        (*returned)++;
    }
    return *returned > 0 || failed(ERROR_NO_MORE_ITEMS);
}

BOOL WINAPI EvtRender(EVT_HANDLE context, EVT_HANDLE handle, DWORD flags, DWORD size, void *buffer, DWORD *used, DWORD *properties)
{
    static const WCHAR *const crooked[] = {
        L"<Event><System><EventID>20</EventID>",
        L"<Event><System><EventID>4624</EventID></System><EventData><Data Name='TargetUserName'>somebody</Data></EventData></Event>",
        L"<Event><System><EventID>twenty</EventID></System></Event>",
        L"<Event a='></Event>",
        L"",
    };
    struct mode mode = mode_of(L"EventLog");
    struct object *event = of(handle, EVENT);
    WCHAR xml[4096];
    SYSTEMTIME now;
    FILETIME file;
    ULARGE_INTEGER ticks;
    const struct sample *sample;
    DWORD needed;
    if (!event || context || flags != EvtRenderEventXml)
        return failed(ERROR_INVALID_PARAMETER);
    *properties = 0;
    if (event->number == OVERSIZE) {
        *used = 10 * 1024 * 1024;
        return failed(ERROR_INSUFFICIENT_BUFFER);
    }
    sample = &samples[event->number];
    GetSystemTimeAsFileTime(&file);
    ticks.LowPart = file.dwLowDateTime;
    ticks.HighPart = file.dwHighDateTime;
    ticks.QuadPart -= sample->days * 864000000000ULL;
    file.dwLowDateTime = ticks.LowPart;
    file.dwHighDateTime = ticks.HighPart;
    FileTimeToSystemTime(&file, &now);
    if (is(&mode, L"crooked")) {
        lstrcpyW(xml, crooked[event->number % 5]);
    } else {
        swprintf(xml, 4096,
                 L"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>%d</EventID>"
                 L"<TimeCreated SystemTime='%04d-%02d-%02dT%02d:%02d:%02d.1234567Z'/><EventRecordID>%d</EventRecordID></System>%ls</Event>",
                 sample->id, now.wYear, now.wMonth, now.wDay, now.wHour, now.wMinute, now.wSecond, 1000 - event->next, sample->values);
    }
    needed = (DWORD)((lstrlenW(xml) + 1) * sizeof(WCHAR));
    *used = needed;
    if (size < needed)
        return failed(ERROR_INSUFFICIENT_BUFFER);
    CopyMemory(buffer, xml, needed);
    return TRUE;
}

struct watching {
    struct object *subscription;
    HANDLE signal;
};

static DWORD WINAPI watch(void *argument)
{
    struct watching *watching = argument;
    HKEY key;
    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, STAND_INS, 0, NULL, 0, KEY_NOTIFY, NULL, &key, NULL) != ERROR_SUCCESS)
        return 1;
    while (RegNotifyChangeKeyValue(key, FALSE, REG_NOTIFY_CHANGE_LAST_SET, NULL, FALSE) == ERROR_SUCCESS) {
        InterlockedExchange(&watching->subscription->news, 1);
        SetEvent(watching->signal);
    }
    return 0;
}

EVT_HANDLE WINAPI EvtSubscribe(EVT_HANDLE session, HANDLE signal, const WCHAR *channel, const WCHAR *query, EVT_HANDLE bookmark,
                               void *context, EVT_SUBSCRIBE_CALLBACK callback, DWORD flags)
{
    struct mode mode = mode_of(L"EventLog");
    struct watching *watching;
    struct object *subscription;
    EVT_HANDLE handle;
    if (refused(&mode))
        return NULL;
    if (session || !signal || !query || bookmark || context || callback || flags != EvtSubscribeToFutureEvents) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    handle = made(SUBSCRIPTION, &subscription);
    watching = HeapAlloc(GetProcessHeap(), 0, sizeof(*watching));
    if (!handle || !watching)
        return NULL;
    lstrcpynW(subscription->channel, channel, 128);
    subscription->news = 0;
    watching->subscription = subscription;
    watching->signal = signal;
    CloseHandle(CreateThread(NULL, 0, watch, watching, 0, NULL));
    return handle;
}
