"""`manage.py up`: the one-machine process tree."""
