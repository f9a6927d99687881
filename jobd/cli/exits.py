"""Exit statuses that jobd promises, by their names in sysexits.h(3head)."""

OK = 0
FAILED = 1
USAGE = 64
NO_INPUT = 66  # no such job, run or node
UNAVAILABLE = 69  # daemon, store or other node not reachable
SOFTWARE = 70
OS_ERROR = 71  # the supervisor cannot be reached or started
CANT_CREATE = 73  # state directory held or unusable
TEMP_FAIL = 75  # busy: the job is active already, or no node starts it now
PROTOCOL = 76  # what answered is no jobd, or one of another time
NO_PERMISSION = 77
BAD_CONFIG = 78
INTERRUPTED = 130  # 128 + SIGINT
