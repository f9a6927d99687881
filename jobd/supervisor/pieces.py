"""Pieces: how output goes to the process that finds steps in it (jobd.supervisor.stepper)."""

import struct

PIECE = struct.Struct("<dI")  # when it was read, on the steady clock; how many bytes follow
