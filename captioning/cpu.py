"""What the processor and the C library of this machine do well."""

import ctypes
import platform
from pathlib import Path


def has_fast_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX-512 BF16 or AMX). Others are slower in bfloat16."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    flags = Path("/proc/cpuinfo").read_text().split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def keep_freed_memory():
    """Makes the C library keep freed memory for the next step.

    By default it returns large blocks to the system, which clears them before each use.
    """
    if platform.libc_ver()[0] == "glibc":
        trim_threshold, mmap_threshold = -1, -3                 # their numbers in malloc.h
        libc = ctypes.CDLL(None)
        libc.mallopt(trim_threshold, 1 << 30)
        libc.mallopt(mmap_threshold, 32 << 20)                  # bytes; the highest value it accepts


def return_freed_memory():
    """Makes the C library return freed memory to the system. By default it keeps what lies below memory in use."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
