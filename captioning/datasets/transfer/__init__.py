"""Files fetched over HTTP and checked.

A file has its final name only when its size and digest are right. Until then its bytes are in `<name>.part`, which
survives a cut line, a kill and a new start, and is carried on from where it ended. Beside each file may lie
    <name>.verified.json   size, modification time and digest when last checked: 13 GB are not hashed at each start;
                           delete it to have the file hashed again
    <name>.part.json       what the server said of the file that the .part is a piece of
    <name>.lock            held by the process that downloads
"""

from captioning.datasets.transfer.errors import DownloadError
from captioning.datasets.transfer.fetching import fetch
from captioning.datasets.transfer.on_disk import check_room
from captioning.datasets.transfer.source import Patience, Source

__all__ = ["DownloadError", "Patience", "Source", "check_room", "fetch"]
