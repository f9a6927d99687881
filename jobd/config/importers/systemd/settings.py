"""Settings: what systemd's keys become where one key becomes one key, and what is passed over.

Three lists: carried over, without effect on a job, and kinds of keys that are told together.
docs/importing.md has them for people. A key in none of them is told by itself.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jobd.config.importers.fitting import size_text
from jobd.config.importers.imported import Value
from jobd.config.importers.systemd.syntax import Unreadable, size

_QUOTA = re.compile(r"(\d{1,6})(?:\.(\d{1,2}))?%", re.ASCII)
_OCTAL = re.compile(r"0*([0-7]{1,3})")


def _keys(words: str) -> frozenset[str]:
    return frozenset(words.split())


@dataclass(frozen=True, slots=True)
class Carried:
    """A key of [Service] that becomes one of a job. ``read`` returns None for "no limit"."""

    key: str
    read: Callable[[str], Value | None]


def _text(value: str) -> str:
    return value


def _number(value: str) -> int | None:
    if value == "infinity":
        return None
    try:
        return int(value)
    except ValueError:
        raise Unreadable(_about_number(value)) from None


def _about_number(value: str) -> str:
    if value.endswith("%"):
        return "is a share of what the machine has; a job takes a number"
    return "is no number"


def _size(value: str) -> str | None:
    if value.endswith("%"):
        raise Unreadable("is a share of the machine's memory; a job takes a size")
    size_bytes = size(value)
    return None if size_bytes is None else size_text(size_bytes)


def _quota(value: str) -> str:
    if not _QUOTA.fullmatch(value):
        raise Unreadable("is no share of CPU time")
    return value


def _umask(value: str) -> str:
    match = _OCTAL.fullmatch(value)
    if match is None:
        raise Unreadable("is no umask of permissions")
    return match[1].zfill(4)


def _signal(value: str) -> str:
    return value.removeprefix("SIG")


CARRIED: Mapping[str, Carried] = {
    "Group": Carried("group", _text),
    "UMask": Carried("umask", _umask),
    "Nice": Carried("nice", _number),
    "OOMScoreAdjust": Carried("oom_score_adj", _number),
    "MemoryHigh": Carried("memory_high", _size),
    "MemoryLimit": Carried("memory_max", _size),  # of cgroup v1, which MemoryMax= goes before
    "MemoryMax": Carried("memory_max", _size),
    "CPUQuota": Carried("cpu_max", _quota),
    "CPUWeight": Carried("cpu_weight", _number),
    "IOWeight": Carried("io_weight", _number),
    "TasksMax": Carried("pids_max", _number),
    "KillSignal": Carried("stop_signal", _signal),
}

# Of [Unit], [Service], [Timer]: what names, orders, logs or counts, and changes no run of a job.
WITHOUT_EFFECT: Mapping[str, frozenset[str]] = {
    "Unit": _keys(
        """
        Documentation After Before DefaultDependencies CollectMode RefuseManualStart
        RefuseManualStop IgnoreOnIsolate AllowIsolate StopWhenUnneeded SourcePath OnFailureJobMode
        OnSuccessJobMode StartLimitAction PropagatesReloadTo ReloadPropagatedFrom PropagatesStopTo
        StopPropagatedFrom PartOf StartLimitInterval StartLimitIntervalSec StartLimitBurst
        """
    ),
    "Service": _keys(
        """
        BusName NotifyAccess GuessMainPID ExecReload Environment SyslogIdentifier SyslogFacility
        SyslogLevel SyslogLevelPrefix LogLevelMax LogExtraFields LogNamespace
        LogRateLimitIntervalSec LogRateLimitBurst TTYPath TTYReset TTYVHangup TTYVTDisallocate
        TTYRows TTYColumns UtmpIdentifier UtmpMode CPUAccounting MemoryAccounting TasksAccounting
        IOAccounting BlockIOAccounting IPAccounting IgnoreSIGPIPE OOMPolicy NonBlocking
        FileDescriptorStoreMax RestartKillSignal TimeoutStartFailureMode TimeoutStopFailureMode
        TimeoutCleanSec ManagedOOMSwap ManagedOOMMemoryPressure ManagedOOMMemoryPressureLimit
        ManagedOOMPreference StartLimitInterval StartLimitBurst StartLimitIntervalSec
        StartLimitAction
        """
    ),
    "Timer": frozenset({"AccuracySec", "RemainAfterElapse"}),
}

CONFINING = _keys(
    """
        AppArmorProfile BindPaths BindReadOnlyPaths BPFProgram
        CapabilityBoundingSet DeviceAllow DevicePolicy ExecPaths ExtensionDirectories
        ExtensionImages IPAddressAllow IPAddressDeny InaccessiblePaths IPCNamespacePath KeyringMode
        LockPersonality MemoryDenyWriteExecute MountAPIVFS MountFlags MountImages
        NetworkNamespacePath NoExecPaths NoNewPrivileges Personality PrivateDevices PrivateIPC
        PrivateMounts PrivateNetwork PrivatePIDs PrivateTmp PrivateUsers ProcSubset ProtectClock
        ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules
        ProtectKernelTunables ProtectProc ProtectSystem ReadOnlyPaths ReadWritePaths RemoveIPC
        RestrictAddressFamilies RestrictFileSystems RestrictNamespaces RestrictNetworkInterfaces
        RestrictRealtime RestrictSUIDSGID SELinuxContext SecureBits SmackProcessLabel
        SocketBindAllow SocketBindDeny SystemCallArchitectures SystemCallErrorNumber
        SystemCallFilter SystemCallLog TemporaryFileSystem InaccessibleDirectories
        ReadOnlyDirectories ReadWriteDirectories
        """
)

DIRECTORIES = frozenset(
    f"{kind}Directory{suffix}"
    for kind in ("Runtime", "State", "Cache", "Logs", "Configuration")
    for suffix in ("", "Mode", "Preserve")
)

# Single keys, and what to do instead.
MENDS: Mapping[str, str] = {
    "PassEnvironment": "write the values into env or env_file",
    "LoadCredential": "let env_file name a file that only the job's user reads",
    "LoadCredentialEncrypted": "let env_file name a file that only the job's user reads",
    "SetCredential": "let env_file name a file that only the job's user reads",
    "SetCredentialEncrypted": "let env_file name a file that only the job's user reads",
    "Slice": "ceilings of many jobs together are pools and [limits] memory_budget",
    "Delegate": "a run's cgroup is jobd's",
    "SupplementaryGroups": "make the user a member of these groups",
    "CPUShares": "write cpu_weight, of which 100 is 1024 shares",
    "BlockIOWeight": "write io_weight, of which 100 is the default",
    "MemorySwapMax": "memory_max counts without swap",
    "MemoryMin": "jobd protects no memory; [limits] memory_budget keeps room",
    "MemoryLow": "jobd protects no memory; [limits] memory_budget keeps room",
    "CPUAffinity": "run it through taskset(1)",
    "NUMAPolicy": "run it through numactl(8)",
    "PAMName": "run it through runuser -l, if it needs a session",
    "StandardInputText": "write a file, and name it with stdin",
    "StandardInputData": "write a file, and name it with stdin",
    "AmbientCapabilities": "run it through setpriv --ambient-caps …, or as root",
    "Requisite": "let the command ask systemctl is-active",
    "RequiresMountsFor": "let the command ask mountpoint(1)",
    "FailureAction": "let on_failure do it",
    "SuccessAction": "let on_success do it",
    "ExecReload": "a job is not reloaded",
    "JobTimeoutSec": "start_deadline bounds how long a tick waits",
    "RestartPreventExitStatus": "retries look at the outcome only",
    "RestartForceExitStatus": "retries look at the outcome only",
    "RestartSteps": "retries have factor and max_delay",
    "RestartMaxDelaySec": "retries have factor and max_delay",
    "WatchdogSignal": "a run gets stop_signal",
    "FinalKillSignal": "what is left gets KILL",
}


def mend_of(key: str) -> str:
    """Return what to do instead of a key that has no equivalent."""
    if key.startswith("Limit"):
        return f"run it through prlimit --{key.removeprefix('Limit').lower()}=…"
    return MENDS.get(key, "leave it out, or keep the service: --keep-services")
