/* A Windows service that does nothing: what any service costs under this Wine, for `cargo xtask bench collector`. */
#include <windows.h>

static SERVICE_STATUS_HANDLE handle;
static HANDLE stop;

static void tell(DWORD state)
{
    SERVICE_STATUS status = {0};
    status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    status.dwCurrentState = state;
    status.dwControlsAccepted = state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP : 0;
    SetServiceStatus(handle, &status);
}

static DWORD WINAPI control(DWORD order, DWORD type, void *data, void *context)
{
    (void)type;
    (void)data;
    (void)context;
    if (order == SERVICE_CONTROL_STOP)
        SetEvent(stop);
    return NO_ERROR;
}

static void WINAPI serve(DWORD count, WCHAR **arguments)
{
    (void)count;
    (void)arguments;
    stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    handle = RegisterServiceCtrlHandlerExW(L"Empty", control, NULL);
    tell(SERVICE_RUNNING);
    WaitForSingleObject(stop, INFINITE);
    tell(SERVICE_STOPPED);
}

int main(void)
{
    static WCHAR name[] = L"Empty";
    SERVICE_TABLE_ENTRYW table[] = {{name, serve}, {NULL, NULL}};
    return StartServiceCtrlDispatcherW(table) ? 0 : 1;
}
