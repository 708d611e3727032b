"""With which version of a library a model was saved, read from its bytes. Nothing is unpickled."""

import mmap
import re
from itertools import islice
from pathlib import Path

MOST_FILES = 16
MOST_BYTES = 32 * 1024**2  # from either end of a file: an estimator's own version stands at its end
_PICKLES = (".pkl", ".pickle", ".joblib", ".sav", ".cloudpickle")
# scikit-learn writes its version into every estimator: the name, perhaps a memo, and a string after its length.
_SKLEARN = re.compile(rb"_sklearn_version\x94?(?:q.|r.{4})?(?:\x8c(.)|X(.)\x00{3})", re.DOTALL)


def saved_versions(folder: Path) -> dict[str, str]:
    """{distribution: version}; what is compressed, or not a pickle, tells nothing."""
    pickles = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _PICKLES and path.is_file())
    for path in islice(pickles, MOST_FILES):
        if version := _version_in(path):
            return {"scikit-learn": version}
    return {}


def _version_in(path: Path) -> str:
    size = path.stat().st_size
    if not size:
        return ""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = _SKLEARN.search(content, max(0, size - MOST_BYTES)) or _SKLEARN.search(content, 0, MOST_BYTES)
        if found is None:
            return ""
        length = (found[1] or found[2])[0]
        return content[found.end() : found.end() + length].decode("ascii", "replace")
