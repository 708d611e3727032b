"""The inference server that runs inside a deployment's own environment.

Started by path: `python endpoints/runtime --socket replica.sock --entry-script score.py`. Its modules load under the
name `_studio_runtime` (see `__main__`), so that a user's `server.py` or `errors.py` can never meet ours. It imports
the standard library, uvicorn and, in the worker alone, what the model brings. Python 3.9 and later.
"""
