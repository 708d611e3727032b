"""`manage.py backup` and `manage.py restore`: all of a studio in one file, and back."""
