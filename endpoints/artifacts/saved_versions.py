"""With which version of a library a model was saved, read from its bytes. Nothing is unpickled."""

import mmap
import re
from pathlib import Path

LARGEST = 1024**3
_PICKLES = (".pkl", ".pickle", ".joblib", ".sav", ".cloudpickle")
# scikit-learn writes its version into every estimator: the name, perhaps a memo, and a string after its length.
_SKLEARN = re.compile(rb"_sklearn_version\x94?(?:q.|r.{4})?(?:\x8c(.)|X(.)\x00{3})", re.DOTALL)


def saved_versions(folder: Path) -> dict[str, str]:
    """{distribution: version}; what is compressed, or not a pickle, tells nothing."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _PICKLES and path.is_file() and 0 < path.stat().st_size <= LARGEST:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if found := _SKLEARN.search(content):
                    length = (found[1] or found[2])[0]
                    return {"scikit-learn": content[found.end() : found.end() + length].decode("ascii", "replace")}
    return {}
