@echo off
rem Uninstalls the Sickbay Collector, whatever its version. Group policy runs this at every start of the computer, as SYSTEM.
rem Where none is installed, it does nothing. With the parameter /removestate it also removes identity, waiting reports and log.
setlocal EnableExtensions DisableDelayedExpansion
set "LOG=%SystemRoot%\Temp\sickbay-collector-uninstall.log"
set "UNINSTALL=HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
set "STATE="
if /i "%~1"=="/removestate" set "STATE=REMOVESTATE=1"
set "KEY="
set "RESULT=0"

rem Of all programs, the line of the key and the line of the name; only a key whose name is exactly this one is acted upon.
for /f "tokens=1,2,*" %%A in ('%SystemRoot%\System32\reg.exe query "%UNINSTALL%" /s /v DisplayName') do (
    if "%%A"=="DisplayName" (
        if "%%C"=="@@PRODUCT_NAME@@" call :remove
    ) else (
        set "KEY=%%~nxA"
    )
)
exit /b %RESULT%

:remove
if not "%KEY:~0,1%"=="{" exit /b 0
start "" /wait "%SystemRoot%\System32\msiexec.exe" /x "%KEY%" /qn /norestart /l*v "%LOG%" %STATE%
set "ENDED=%ERRORLEVEL%"
if "%ENDED%"=="0" exit /b 0
if "%ENDED%"=="3010" exit /b 0
if "%ENDED%"=="1641" exit /b 0
set "RESULT=%ENDED%"
"%SystemRoot%\System32\eventcreate.exe" /l APPLICATION /so SickbaySetup /t ERROR /id 914 /d "The Sickbay Collector could not be uninstalled: msiexec ended with %ENDED%. The next start of the computer tries again. Log: %LOG%" >nul 2>nul
exit /b 0
