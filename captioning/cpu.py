"""What the processor and the C library of this machine do well."""

import ctypes
import platform
import re
from pathlib import Path

# Instructions by which TensorFlow and oneDNN choose their arithmetic, on x86 and on ARM.
INSTRUCTIONS = ("avx", "avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile",
                "amx_bf16", "asimd", "sve", "bf16", "i8mm")


def has_fast_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX-512 BF16 or AMX). Others are slower in bfloat16."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    return bool({"avx512_bf16", "amx_bf16"} & set(instructions().split()))


def processor() -> str:
    """The processor's name. Libraries fit their blocks to its caches, and so the order of their sums."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def instructions() -> str:
    """Those of INSTRUCTIONS that the processor has, with spaces between; empty where the system does not tell."""
    flags = set((_cpuinfo("flags") or _cpuinfo("Features")).split())
    return " ".join(name for name in INSTRUCTIONS if name in flags)


def _cpuinfo(field: str) -> str:
    """A field of Linux's description of the first processor; empty on other systems."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return ""
    found = re.search(rf"^{field}\s*: (.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


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
