/* A stand-in for the classes of the Windows Update agent: an in-process server of COM.
 *
 * Its word is "UpdateAgent":
 *   good       a history of three, two services, success yesterday, no restart
 *   restart    as good, and a restart is wanted
 *   never      an agent that has never done a thing
 *   absurd     counts near the end of all numbers, times that are none, members that are missing
 *   negative   counts below zero
 *   null       success, and null for every object below the first
 *   textless   success, and null for every text
 *   unended    texts without a zero at their end, and very long ones
 *   hang       no answer
 *   0x...      every call fails with that
 * Whoever calls a method that would search, or change anything, ends the process with 99.
 *
 * All objects are one: it counts its references, knows which interface it plays, and has one table of methods for each.
 */
#define COBJMACROS
#include "mode.h"
#include <initguid.h>
#include <oleauto.h>

DEFINE_GUID(CLASS_SYSTEM, 0xc01b9ba0, 0xbea7, 0x41ba, 0xb6, 0x04, 0xd0, 0xa3, 0x6f, 0x46, 0x91, 0x33);
DEFINE_GUID(CLASS_SESSION, 0x4cb43d7f, 0x7eee, 0x4906, 0x86, 0x98, 0x60, 0xda, 0x1c, 0x38, 0xf2, 0xfe);
DEFINE_GUID(CLASS_MANAGER, 0xf8d253d9, 0x89a4, 0x4daa, 0x87, 0xb6, 0x11, 0x68, 0x36, 0x9f, 0x0b, 0x21);
DEFINE_GUID(CLASS_AUTOMATIC, 0xbfe18e9c, 0x6d87, 0x4450, 0xb3, 0x7c, 0xe0, 0x2f, 0x0b, 0x37, 0x38, 0x03);
DEFINE_GUID(ID_SYSTEM, 0xade87bf7, 0x7b56, 0x4275, 0x8f, 0xab, 0xb9, 0xb0, 0xe5, 0x91, 0x84, 0x4b);
DEFINE_GUID(ID_SESSION, 0x816858a4, 0x260d, 0x4260, 0x93, 0x3a, 0x25, 0x85, 0xf1, 0xab, 0xc7, 0x6b);
DEFINE_GUID(ID_MANAGER, 0x23857e3c, 0x02ba, 0x44a3, 0x94, 0x23, 0xb1, 0xc9, 0x00, 0x80, 0x5f, 0x37);
DEFINE_GUID(ID_AUTOMATIC2, 0x4a2f5c31, 0xcfd9, 0x410e, 0xb7, 0xfb, 0x29, 0xa6, 0x53, 0x97, 0x3a, 0x0f);
DEFINE_GUID(ID_SERVICE2, 0x1518b460, 0x6518, 0x4172, 0x94, 0x0f, 0xc7, 0x58, 0x83, 0xb2, 0x4c, 0xeb);

enum plays { SYSTEM, SESSION, SEARCHER, ENTRIES, ENTRY, IDENTITY, MANAGER, SERVICES, SERVICE, AUTOMATIC, RESULTS, INTERFACES };
#define METHODS 24

struct object {
    void **methods;
    LONG references;
    enum plays plays;
    int number;
};

static void *tables[INTERFACES][METHODS];
static LONG live;

static HRESULT give(enum plays plays, int number, void **out)
{
    struct object *object = HeapAlloc(GetProcessHeap(), 0, sizeof(*object));
    if (!object)
        return E_OUTOFMEMORY;
    object->methods = tables[plays];
    object->references = 1;
    object->plays = plays;
    object->number = number;
    InterlockedIncrement(&live);
    *out = object;
    return S_OK;
}

static HRESULT WINAPI query(struct object *this, const GUID *id, void **out)
{
    BOOL has = IsEqualGUID(id, &IID_IUnknown)
        || (this->plays == SYSTEM && IsEqualGUID(id, &ID_SYSTEM))
        || (this->plays == SESSION && IsEqualGUID(id, &ID_SESSION))
        || (this->plays == MANAGER && IsEqualGUID(id, &ID_MANAGER))
        || (this->plays == AUTOMATIC && IsEqualGUID(id, &ID_AUTOMATIC2))
        || (this->plays == SERVICE && this->number == 0 && IsEqualGUID(id, &ID_SERVICE2));
    *out = has ? this : NULL;
    if (!has)
        return E_NOINTERFACE;
    InterlockedIncrement(&this->references);
    return S_OK;
}

static ULONG WINAPI add_ref(struct object *this)
{
    return InterlockedIncrement(&this->references);
}

static ULONG WINAPI release(struct object *this)
{
    LONG left = InterlockedDecrement(&this->references);
    if (left < 0)
        ExitProcess(98);
    if (left == 0) {
        this->methods = NULL;
        InterlockedDecrement(&live);
        HeapFree(GetProcessHeap(), 0, this);
    }
    return left;
}

/* Every place that nobody has a reason to call. */
static HRESULT WINAPI forbidden(void)
{
    ExitProcess(99);
}

/* What every getter begins with. What it leaves behind on failure must not be touched. */
#define BEGIN(out, rubbish)                             \
    struct mode mode = mode_of(L"UpdateAgent");         \
    misbehave_if_told(&mode);                           \
    if (error_of(&mode)) {                              \
        *(out) = rubbish;                               \
        return (HRESULT)error_of(&mode);                \
    }                                                   \
    (void)this

#define RUBBISH ((void *)(ULONG_PTR)0x5555)

static BSTR text_in(const struct mode *mode, const WCHAR *text)
{
    BSTR long_one;
    int at;
    if (is(mode, L"textless"))
        return NULL;
    if (!is(mode, L"unended"))
        return SysAllocString(text);
    long_one = SysAllocStringLen(NULL, 100000);
    for (at = 0; long_one && at <= 100000; at++)
        long_one[at] = L'x';
    return long_one;
}

static HRESULT object_in(const struct mode *mode, enum plays plays, int number, void **out)
{
    if (!is(mode, L"null"))
        return give(plays, number, out);
    *out = NULL;
    return S_OK;
}

static LONG count_in(const struct mode *mode, LONG good)
{
    if (is(mode, L"absurd"))
        return 0x7fffffff;
    if (is(mode, L"negative"))
        return -5;
    return is(mode, L"never") ? 0 : good;
}

static DATE days_ago(double days)
{
    SYSTEMTIME now;
    DATE date;
    GetSystemTime(&now);
    SystemTimeToVariantTime(&now, &date);
    return date - days;
}

static HRESULT WINAPI reboot_required(struct object *this, VARIANT_BOOL *out)
{
    BEGIN(out, 0x55);
    *out = is(&mode, L"restart") ? VARIANT_TRUE : VARIANT_FALSE;
    return S_OK;
}

static HRESULT WINAPI create_searcher(struct object *this, void **out)
{
    BEGIN(out, RUBBISH);
    return object_in(&mode, SEARCHER, 0, out);
}

static HRESULT WINAPI history_count(struct object *this, LONG *out)
{
    BEGIN(out, 0x55);
    *out = count_in(&mode, 3);
    return S_OK;
}

static HRESULT WINAPI query_history(struct object *this, LONG start, LONG count, void **out)
{
    BEGIN(out, RUBBISH);
    if (start != 0 || count <= 0 || (!is(&mode, L"absurd") && count > 3))
        return (HRESULT)0x80240007;
    return object_in(&mode, ENTRIES, count, out);
}

static HRESULT WINAPI entries_count(struct object *this, LONG *out)
{
    BEGIN(out, 0x55);
    *out = count_in(&mode, this->number);
    return S_OK;
}

static HRESULT WINAPI entries_item(struct object *this, LONG index, void **out)
{
    BEGIN(out, RUBBISH);
    if (index < 0 || index >= 3)
        return (HRESULT)0x80240007;
    return object_in(&mode, ENTRY, index, out);
}

static HRESULT WINAPI operation(struct object *this, LONG *out)
{
    BEGIN(out, 0x55);
    *out = is(&mode, L"absurd") ? 77 : 1;
    return S_OK;
}

static HRESULT WINAPI result(struct object *this, LONG *out)
{
    BEGIN(out, 0x55);
    *out = is(&mode, L"absurd") ? 77 : this->number == 0 ? 4 : 2;
    return S_OK;
}

static HRESULT WINAPI code(struct object *this, LONG *out)
{
    BEGIN(out, 0x55);
    *out = this->number == 0 ? (LONG)0x80240017 : 0;
    return S_OK;
}

static HRESULT WINAPI unmapped_code(struct object *this, LONG *out)
{
    BEGIN(out, 0x55);
    *out = this->number == 0 ? (LONG)0x800f0922 : 0;
    return S_OK;
}

static HRESULT WINAPI date(struct object *this, DATE *out)
{
    BEGIN(out, 0.5);
    *out = is(&mode, L"absurd") ? 1e300 * 1e300 : days_ago(1 + this->number);
    return S_OK;
}

static HRESULT WINAPI identity(struct object *this, void **out)
{
    BEGIN(out, RUBBISH);
    return object_in(&mode, IDENTITY, this->number, out);
}

static HRESULT WINAPI title(struct object *this, BSTR *out)
{
    BEGIN(out, RUBBISH);
    *out = text_in(&mode, L"2026-11 Cumulative Update (KB5099999)");
    return S_OK;
}

static HRESULT WINAPI update_id(struct object *this, BSTR *out)
{
    BEGIN(out, RUBBISH);
    *out = text_in(&mode, L"22222222-2222-2222-2222-222222222222");
    return S_OK;
}

static HRESULT WINAPI services(struct object *this, void **out)
{
    BEGIN(out, RUBBISH);
    return object_in(&mode, SERVICES, 0, out);
}

static HRESULT WINAPI services_count(struct object *this, LONG *out)
{
    BEGIN(out, 0x55);
    *out = count_in(&mode, 2);
    return S_OK;
}

static HRESULT WINAPI services_item(struct object *this, LONG index, void **out)
{
    BEGIN(out, RUBBISH);
    if (index < 0 || index >= 2)
        return (HRESULT)0x80240007;
    return object_in(&mode, SERVICE, index, out);
}

static HRESULT WINAPI service_name(struct object *this, BSTR *out)
{
    BEGIN(out, RUBBISH);
    *out = text_in(&mode, this->number == 0 ? L"Windows Server Update Service" : L"Microsoft Update");
    return S_OK;
}

static HRESULT WINAPI service_id(struct object *this, BSTR *out)
{
    BEGIN(out, RUBBISH);
    *out = text_in(&mode, this->number == 0 ? L"3DA21691-E39D-4DA6-8A4B-B43877BCB1B7" : L"7971F918-A847-4430-9279-4A52D1EFE18D");
    return S_OK;
}

static HRESULT WINAPI service_flag(struct object *this, VARIANT_BOOL *out)
{
    BEGIN(out, 0x55);
    *out = this->number == 0 ? VARIANT_TRUE : VARIANT_FALSE;
    return S_OK;
}

static HRESULT WINAPI results(struct object *this, void **out)
{
    BEGIN(out, RUBBISH);
    return object_in(&mode, RESULTS, 0, out);
}

static HRESULT WINAPI last_search(struct object *this, VARIANT *out)
{
    struct mode mode = mode_of(L"UpdateAgent");
    (void)this;
    misbehave_if_told(&mode);
    V_VT(out) = is(&mode, L"never") ? VT_EMPTY : VT_DATE;
    V_DATE(out) = is(&mode, L"absurd") ? -1e300 : days_ago(1);
    return S_OK;
}

static HRESULT WINAPI last_installation(struct object *this, VARIANT *out)
{
    struct mode mode = mode_of(L"UpdateAgent");
    (void)this;
    misbehave_if_told(&mode);
    V_VT(out) = is(&mode, L"never") ? VT_EMPTY : VT_DATE;
    V_DATE(out) = days_ago(2);
    if (is(&mode, L"absurd")) {
        V_VT(out) = VT_BSTR;
        V_BSTR(out) = SysAllocString(L"yesterday");
    }
    return S_OK;
}

static void set_up(void)
{
    int plays, place;
    for (plays = 0; plays < INTERFACES; plays++) {
        tables[plays][0] = query;
        tables[plays][1] = add_ref;
        tables[plays][2] = release;
        for (place = 3; place < METHODS; place++)
            tables[plays][place] = forbidden;
    }
    tables[SYSTEM][8] = reboot_required;
    tables[SESSION][12] = create_searcher;
    tables[SEARCHER][18] = query_history;
    tables[SEARCHER][22] = history_count;
    tables[ENTRIES][7] = entries_item;
    tables[ENTRIES][9] = entries_count;
    tables[ENTRY][7] = operation;
    tables[ENTRY][8] = result;
    tables[ENTRY][9] = code;
    tables[ENTRY][10] = date;
    tables[ENTRY][11] = identity;
    tables[ENTRY][12] = title;
    tables[ENTRY][14] = unmapped_code;
    tables[ENTRY][17] = service_id;
    tables[IDENTITY][8] = update_id;
    tables[MANAGER][7] = services;
    tables[SERVICES][7] = services_item;
    tables[SERVICES][9] = services_count;
    tables[SERVICE][7] = service_name;
    tables[SERVICE][10] = service_flag;
    tables[SERVICE][11] = service_flag;
    tables[SERVICE][15] = service_id;
    tables[SERVICE][20] = service_flag;
    tables[AUTOMATIC][14] = results;
    tables[RESULTS][7] = last_search;
    tables[RESULTS][8] = last_installation;
}

BOOL WINAPI DllMain(HINSTANCE library, DWORD why, void *reserved)
{
    (void)library;
    (void)reserved;
    if (why == DLL_PROCESS_ATTACH)
        set_up();
    return TRUE;
}

/* The factory of a class: an object of its own, which lives as long as the library. */
struct factory {
    void **methods;
    enum plays plays;
};

static HRESULT WINAPI factory_query(struct factory *this, const GUID *id, void **out)
{
    BOOL has = IsEqualGUID(id, &IID_IUnknown) || IsEqualGUID(id, &IID_IClassFactory);
    *out = has ? this : NULL;
    return has ? S_OK : E_NOINTERFACE;
}

static ULONG WINAPI factory_count(struct factory *this)
{
    (void)this;
    return 2;
}

static HRESULT WINAPI factory_create(struct factory *this, IUnknown *outer, const GUID *id, void **out)
{
    struct mode mode = mode_of(L"UpdateAgent");
    struct object *object;
    HRESULT code;
    *out = NULL;
    if (outer)
        return CLASS_E_NOAGGREGATION;
    misbehave_if_told(&mode);
    code = give(this->plays, 0, (void **)&object);
    if (FAILED(code))
        return code;
    code = query(object, id, out);
    release(object);
    return code;
}

static HRESULT WINAPI factory_lock(struct factory *this, BOOL lock)
{
    (void)this;
    (void)lock;
    return S_OK;
}

static void *factory_methods[] = { factory_query, factory_count, factory_count, factory_create, factory_lock };
static struct factory factories[] = {
    { factory_methods, SYSTEM },
    { factory_methods, SESSION },
    { factory_methods, MANAGER },
    { factory_methods, AUTOMATIC },
};

HRESULT WINAPI DllGetClassObject(const GUID *class, const GUID *id, void **out)
{
    static const GUID *const classes[] = { &CLASS_SYSTEM, &CLASS_SESSION, &CLASS_MANAGER, &CLASS_AUTOMATIC };
    int at;
    for (at = 0; at < 4; at++)
        if (IsEqualGUID(class, classes[at]))
            return factory_query(&factories[at], id, out);
    *out = NULL;
    return CLASS_E_CLASSNOTAVAILABLE;
}

HRESULT WINAPI DllCanUnloadNow(void)
{
    return live ? S_FALSE : S_OK;
}
