/* A stand-in for dismapi.dll: the five functions that the collector calls.
 *
 * Its word is "Servicing": "good" (not flagged), "repairable", "not-repairable", "state77", an error, "hang", "crash". It refuses to scan, and
 * to be called in another order than the real one wants, with 0xDEAD0001 and the like.
 */
#include "mode.h"

#define MISUSED(n) ((HRESULT)(0xDEAD0000 + (n)))

static LONG initialised, sessions;

HRESULT WINAPI DismInitialize(int level, const WCHAR *log, const WCHAR *scratch)
{
    struct mode mode = mode_of(L"Servicing");
    misbehave_if_told(&mode);
    if (level != 0 || log || scratch || InterlockedExchange(&initialised, 1))
        return MISUSED(1);
    return S_OK;
}

HRESULT WINAPI DismShutdown(void)
{
    return InterlockedExchange(&initialised, 0) && !sessions ? S_OK : MISUSED(2);
}

HRESULT WINAPI DismOpenSession(const WCHAR *image, const WCHAR *windows, const WCHAR *drive, UINT *session)
{
    struct mode mode = mode_of(L"Servicing");
    if (!initialised || windows || drive || lstrcmpW(image, L"DISM_{53BFAE52-B167-4E2F-A258-0A37B57FF845}"))
        return MISUSED(3);
    if (error_of(&mode))
        return (HRESULT)error_of(&mode);
    InterlockedIncrement(&sessions);
    *session = 7;
    return S_OK;
}

HRESULT WINAPI DismCloseSession(UINT session)
{
    return session == 7 && InterlockedDecrement(&sessions) == 0 ? S_OK : MISUSED(4);
}

HRESULT WINAPI DismCheckImageHealth(UINT session, BOOL scan, HANDLE cancel, void *progress, void *data, DWORD *health)
{
    struct mode mode = mode_of(L"Servicing");
    if (session != 7 || scan || cancel || progress || data)
        return MISUSED(5);
    *health = is(&mode, L"repairable") ? 1 : is(&mode, L"not-repairable") ? 2 : is(&mode, L"state77") ? 77 : 0;
    return S_OK;
}
