#Requires -Version 3.0
<#
.SYNOPSIS
    Imports Sickbay's group policy objects from this kit into the domain of this computer.

.DESCRIPTION
    For each object that is asked for: makes or updates the group policy object of that name, puts the start-up script and the installer
    into its folder in SYSVOL where it has one, lets domain computers and nobody else apply and read it, and links it where -LinkTo says
    so. It can be run again at any time; what is there already is brought up to date. Try it with -WhatIf first: it then changes nothing.

    It needs the GroupPolicy module (on a domain controller, or with the remote administration tools) and an account that may make
    group policy objects. It changes no execution policy and loads nothing from a network.

.PARAMETER Policy
    Settings: servers, token and pins. Install: the start-up script that installs and upgrades. Uninstall: the one that removes.

.PARAMETER LinkTo
    Distinguished names of the organisational units or of the domain to link to, for example "OU=Laptops,DC=example,DC=com".
    Left out: nothing is linked, so that nothing happens on any computer yet.

.PARAMETER IncludeDomainControllers
    Domain controllers are no members of the group Domain Computers. With this switch, they apply the objects too.

.PARAMETER CopyTemplates
    Copies the policy templates into the domain's central store, if there is one, so that every editor knows the settings by name.

.EXAMPLE
    .\Import-SickbayPolicy.ps1 -Policy Settings, Install -LinkTo "OU=Pilot,DC=example,DC=com" -WhatIf
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [Parameter(Mandatory = $true)]
    [ValidateSet('Settings', 'Install', 'Uninstall')]
    [string[]] $Policy,

    [string[]] $LinkTo = @(),

    [switch] $IncludeDomainControllers,

    [switch] $CopyTemplates
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
Import-Module -Name GroupPolicy

$kit = Split-Path -Parent $MyInvocation.MyCommand.Path
$backups = Join-Path $kit 'backups'
$installer = @@INSTALLER@@
$objects = @{
    Settings  = @{ Name = @@SETTINGS_NAME@@; Backup = @@SETTINGS_BACKUP@@; Script = $null }
    Install   = @{ Name = @@INSTALL_NAME@@; Backup = @@INSTALL_BACKUP@@; Script = @@INSTALL_SCRIPT@@ }
    Uninstall = @{ Name = @@UNINSTALL_NAME@@; Backup = @@UNINSTALL_BACKUP@@; Script = @@UNINSTALL_SCRIPT@@ }
}

# One controller for everything, so that no step waits for replication.
$domain = [System.DirectoryServices.ActiveDirectory.Domain]::GetComputerDomain()
$server = $domain.PdcRoleOwner.Name
$root = $domain.GetDirectoryEntry()
$domainSid = New-Object -TypeName System.Security.Principal.SecurityIdentifier -ArgumentList ([byte[]] $root.objectSid.Value), 0

# By their numbers, because their names differ by language.
function Get-AccountName([string] $Sid) {
    $account = New-Object -TypeName System.Security.Principal.SecurityIdentifier -ArgumentList $Sid
    $name = $account.Translate([System.Security.Principal.NTAccount]).Value
    return $name.Split('\')[-1]
}

$appliers = @(Get-AccountName "$domainSid-515")
if ($IncludeDomainControllers) {
    $appliers += Get-AccountName "$domainSid-516"
}
$everybody = Get-AccountName 'S-1-5-11'

foreach ($kind in $Policy) {
    $object = $objects[$kind]
    $name = $object.Name
    $backup = Join-Path $backups $object.Backup
    if (-not (Test-Path -LiteralPath $backup)) {
        throw "This kit holds no $kind policy. Make one that does with: sickbay-server gpo-kit"
    }
    if (-not $PSCmdlet.ShouldProcess("$name in $($domain.Name)", 'Import group policy object')) {
        continue
    }
    $gpo = Import-GPO -BackupId $object.Backup.Trim('{', '}') -Path $backups -TargetName $name -CreateIfNeeded -Domain $domain.Name -Server $server

    # The computers first: nobody may be left who can apply it in between.
    foreach ($account in $appliers) {
        Set-GPPermission -Guid $gpo.Id -PermissionLevel GpoApply -TargetName $account -TargetType Group -Domain $domain.Name -Server $server | Out-Null
    }
    Set-GPPermission -Guid $gpo.Id -PermissionLevel None -TargetName $everybody -TargetType Group -Replace -Confirm:$false -Domain $domain.Name -Server $server | Out-Null

    if ($object.Script) {
        $id = '{' + $gpo.Id.ToString().ToUpperInvariant() + '}'
        $startup = "\\$server\SYSVOL\$($domain.Name)\Policies\$id\Machine\Scripts\Startup"
        New-Item -ItemType Directory -Path $startup -Force | Out-Null
        $script = Join-Path $backup ('DomainSysvol\GPO\Machine\Scripts\Startup\' + $object.Script)
        Copy-Item -LiteralPath $script -Destination $startup -Force
        if ($kind -eq 'Install') {
            Copy-Item -LiteralPath (Join-Path $kit $installer) -Destination $startup -Force
            Get-ChildItem -Path $startup -Filter 'sickbay-collector-*-x64.msi' |
                Where-Object { $_.Name -ne $installer } |
                Remove-Item -Force
        }
    }

    foreach ($target in $LinkTo) {
        $links = (Get-GPInheritance -Target $target -Domain $domain.Name -Server $server).GpoLinks
        $linked = @($links | Where-Object { $_.GpoId -eq $gpo.Id })
        if ($linked.Count -eq 0) {
            New-GPLink -Guid $gpo.Id -Target $target -LinkEnabled Yes -Domain $domain.Name -Server $server | Out-Null
        }
    }
    Write-Output "$name is imported; linked to: $(if ($LinkTo) { $LinkTo -join '; ' } else { 'nothing new' })"
}

if ($CopyTemplates) {
    $store = "\\$server\SYSVOL\$($domain.Name)\Policies\PolicyDefinitions"
    if (-not (Test-Path -LiteralPath $store)) {
        Write-Warning "The domain has no central store ($store). Copy admx\Sickbay.admx and admx\en-US\Sickbay.adml into C:\Windows\PolicyDefinitions of the computer that you edit policies on."
    } elseif ($PSCmdlet.ShouldProcess($store, 'Copy policy templates')) {
        Copy-Item -LiteralPath (Join-Path $kit 'admx\Sickbay.admx') -Destination $store -Force
        $language = Join-Path $store 'en-US'
        New-Item -ItemType Directory -Path $language -Force | Out-Null
        Copy-Item -LiteralPath (Join-Path $kit 'admx\en-US\Sickbay.adml') -Destination $language -Force
        Write-Output "The templates are in $store"
    }
}
