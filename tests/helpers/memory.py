"""Python in a process that may take only so much memory."""

import subprocess
import sys

import pytest

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits a process's memory as Linux does")

LIMIT = """
import pathlib, resource, sys, warnings
{imports}
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + {megabytes} * 2**20,) * 2)
"""


def with_memory(code: str, megabytes: int, imports: str) -> subprocess.CompletedProcess:
    """Runs Python code in a process that may take so much memory beside what its imports take."""
    limit = LIMIT.format(imports=imports, megabytes=megabytes)
    return subprocess.run([sys.executable, "-c", limit + code], capture_output=True, text=True, timeout=60)
