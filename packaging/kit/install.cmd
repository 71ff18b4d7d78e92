@echo off
rem Installs the Sickbay Collector, or upgrades it. Group policy runs this at every start of the computer, as SYSTEM.
rem Where exactly this version is installed, it does nothing. A newer one is left alone: its installer refuses this one.
setlocal EnableExtensions DisableDelayedExpansion
set "PRODUCT=@@PRODUCT_CODE@@"
set "INSTALLER=%~dp0@@INSTALLER@@"
set "LOG=%SystemRoot%\Temp\sickbay-collector-install.log"
set "UNINSTALL=HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"

if /i "%PROCESSOR_ARCHITECTURE%"=="x86" goto only64bit
"%SystemRoot%\System32\reg.exe" query "%UNINSTALL%\%PRODUCT%" /v DisplayName >nul 2>nul
if not errorlevel 1 exit /b 0
if not exist "%INSTALLER%" goto missing

start "" /wait "%SystemRoot%\System32\msiexec.exe" /i "%INSTALLER%" /qn /norestart /l*v "%LOG%"
set "RESULT=%ERRORLEVEL%"
if "%RESULT%"=="0" exit /b 0
rem Done, but for a restart that Windows would like.
if "%RESULT%"=="3010" exit /b 0
if "%RESULT%"=="1641" exit /b 0
call :tell ERROR 911 "The Sickbay Collector @@VERSION@@ could not be installed: msiexec ended with %RESULT%. The next start of the computer tries again. Log: %LOG%"
exit /b %RESULT%

:only64bit
call :tell WARNING 912 "The Sickbay Collector is not installed here: it needs 64-bit Windows."
exit /b 0

:missing
call :tell ERROR 913 "The Sickbay Collector is not installed: %INSTALLER% is missing or cannot be read by this computer."
exit /b 2

:tell
"%SystemRoot%\System32\eventcreate.exe" /l APPLICATION /so SickbaySetup /t %1 /id %2 /d %3 >nul 2>nul
exit /b 0
