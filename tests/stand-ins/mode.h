/* How a stand-in behaves: a word in the registry, read anew at every call so that one machine serves many tests.
 *
 * HKLM\SOFTWARE\Sickbay\StandIns, a text named for the stand-in: "good", an error such as "0x80070005", "hang", "crash", or one of the words
 * that the stand-in itself describes. Where there is none it is "good".
 */
#include <windows.h>

#define STAND_INS L"SOFTWARE\\Sickbay\\StandIns"

struct mode {
    WCHAR word[64];
};

static struct mode mode_of(const WCHAR *stand_in)
{
    struct mode mode = { L"good" };
    DWORD bytes = sizeof(mode.word);
    if (RegGetValueW(HKEY_LOCAL_MACHINE, STAND_INS, stand_in, RRF_RT_REG_SZ, NULL, mode.word, &bytes) != ERROR_SUCCESS)
        lstrcpyW(mode.word, L"good");
    return mode;
}

static int is(const struct mode *mode, const WCHAR *word)
{
    return lstrcmpiW(mode->word, word) == 0;
}

/* The error that the word is, or zero. */
static DWORD error_of(const struct mode *mode)
{
    DWORD code = 0;
    const WCHAR *at = mode->word;
    if (at[0] != L'0' || at[1] != L'x')
        return 0;
    for (at += 2; *at; at++)
        code = code << 4 | (DWORD)(*at <= L'9' ? *at - L'0' : (*at | 0x20) - L'a' + 10);
    return code;
}

static void misbehave_if_told(const struct mode *mode)
{
    if (is(mode, L"hang"))
        Sleep(INFINITE);
    if (is(mode, L"crash"))
        *(volatile int *)8 = 1;
}
