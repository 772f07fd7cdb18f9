"""Fetches files over HTTP and checks them.

A file gets its final name only when its size and digest are right. Until then its bytes are in `<name>.part`. That file
survives a broken connection and a killed process, and the next attempt continues where it ends. Beside a file there
may be

    <name>.verified.json   its size, modification time and digest when last checked, so that 13 GB are not hashed at
                           each start; delete it to hash the file again
    <name>.part.json       where the .part came from, and which version of the file it is a piece of
    <name>.lock            held by the process that downloads
"""

from captioning.datasets.transfer.errors import DownloadError
from captioning.datasets.transfer.fetching import fetch
from captioning.datasets.transfer.on_disk import check_room
from captioning.datasets.transfer.source import Patience, Source

__all__ = ["DownloadError", "Patience", "Source", "check_room", "fetch"]
